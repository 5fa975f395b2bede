"""Finished segments and sound become one file that can be played while it is still being fetched."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.packet import Packet

from backline.engines.video.encode import keep, part_of
from backline.engines.video.opening import open_source
from backline.engines.video.segments import Finished
from backline.errors import BacklineError, Failed


def join(
    segments: Sequence[tuple[Path, int]],
    rate: Fraction,
    audio: Path | None,
    output: Path,
    look: Callable[[float], None],
) -> None:
    """segments: each with the number of its frames. look: told now and then how much is done, 0 to 1; may raise to end
    it all. The file at `output` is whole and on the disk when its name appears; of a failure nothing stays.
    """
    part = part_of(output)
    frames = sum(count for _, count in segments)
    try:
        _write(part, segments, rate, audio, look, frames)
        look(1.0)
        _verify(part, frames)
        keep(part, output)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _write(
    part: Path,
    segments: Sequence[tuple[Path, int]],
    rate: Fraction,
    audio: Path | None,
    look: Callable[[float], None],
    frames: int,
) -> None:
    with contextlib.ExitStack() as opened:
        first = opened.enter_context(av.open(str(segments[0][0])))
        sound = opened.enter_context(av.open(str(audio))) if audio else None
        out = opened.enter_context(av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}))
        video = out.add_stream_from_template(first.streams.video[0])
        video.time_base = 1 / rate
        packets = [_pictures(segments, rate, video)]
        if sound:
            packets.append(_sounds(sound, out.add_stream_from_template(sound.streams.audio[0])))
        done = 0
        for packet in heapq.merge(*packets, key=_decoded_at):
            if packet.stream is video:
                done += 1
                if done % 50 == 1:
                    look(done / (frames + 1))
            out.mux(packet)


def _pictures(segments: Sequence[tuple[Path, int]], rate: Fraction, stream: Any) -> Iterator[Packet[Any]]:
    """All segments' packets, in ticks of a frame; each segment begins where the one before it ended."""
    begin, tick = 0, 1 / rate
    for path, count in segments:
        with av.open(str(path)) as container:
            for packet in container.demux(video=0):
                if packet.size == 0 or packet.pts is None or packet.dts is None:
                    continue
                base = packet.time_base / tick
                packet.pts, packet.dts = begin + round(packet.pts * base), begin + round(packet.dts * base)
                packet.duration, packet.time_base, packet.stream = 1, tick, stream
                yield packet
        begin += count


def _sounds(container: av.container.InputContainer, stream: Any) -> Iterator[Packet[Any]]:
    for packet in container.demux(audio=0):
        if packet.size:
            packet.stream = stream
            yield packet


def _decoded_at(packet: Packet[Any]) -> Fraction:
    return (packet.dts or 0) * packet.time_base


def fetch(segment: Finished, path: Path) -> bool:
    """Copy a finished segment here. Returns whether it could be had, with every frame of it."""
    part = part_of(path)
    try:
        with (
            open_source(segment.link, "the segment") as container,
            av.open(str(part), "w", format="mp4") as out,
        ):
            stream = out.add_stream_from_template(container.streams.video[0])
            for packet in container.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
        if frames_in(part) == segment.frames:
            keep(part, path)
            return True
    except (BacklineError, av.FFmpegError, IndexError):
        pass
    finally:
        part.unlink(missing_ok=True)
    return False


def frames_in(path: Path) -> int:
    """Of video; 0 for what cannot be read."""
    with contextlib.suppress(av.FFmpegError, OSError, IndexError), av.open(str(path)) as container:
        return container.streams.video[0].frames
    return 0


def _verify(part: Path, frames: int) -> None:
    """A full disk shows only here when the system takes the bytes and loses them."""
    if (there := frames_in(part)) != frames:
        raise Failed(f"The file has {there} frames instead of {frames}.", code="render_incomplete")
