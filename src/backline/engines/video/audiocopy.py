"""Sound that nothing is done to: its packets are taken over as they are."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet

from backline.engines.video.base import Clip, Source
from backline.engines.video.opening import only, open_source, reading, sound
from backline.engines.video.sounds import first_moment
from backline.engines.video.timeline import Timeline

_JITTER_SECONDS = 0.02
_WARM_UP_PACKETS = 2
"""So many before the beginning are kept: a decoder needs them to have the first one whole."""


def copy_audio(clip: Clip, source: Source, timeline: Timeline, path: Path) -> bool:
    """Writes the first audio track of a film's only clip to `path`; False when it cannot be left as it is: it is not
    all of the source at its own speed, not AAC in one or two channels, or does not last as long as the pictures."""
    if not _is_whole(source, timeline):
        return False
    with open_source(clip.link, clip.name) as container:
        first = first_moment(container, clip.name)
        stream = sound(container)
        if stream is None or not _is_plain_aac(container, stream):
            return False
        only(container, stream)
        with reading(clip.name):
            container.seek(int((first - 1) * av.time_base))  # its first packets may come before 0
            return _write(container, stream, first, timeline.seconds, 1 / source.rate, path)


def _is_whole(source: Source, timeline: Timeline) -> bool:
    pieces = timeline.clips[0].timeline.pieces
    piece = pieces[0]
    whole = piece.start == 0 and float(piece.end) > source.seconds - float(1 / source.rate)
    return len(pieces) == 1 and whole and piece.speed == 1


def _is_plain_aac(container: InputContainer, stream: av.AudioStream) -> bool:
    codec = stream.codec_context
    known = container.format.name.startswith(("mov", "matroska"))  # others have headers in each packet
    return known and codec.name == "aac" and bool(codec.extradata and codec.frame_size) and stream.channels <= 2


def _write(
    container: InputContainer,
    stream: av.AudioStream,
    first: Fraction,
    seconds: Fraction,
    tolerance_seconds: Fraction,
    path: Path,
) -> bool:
    rate_hz, size = stream.rate, stream.codec_context.frame_size
    length = round(seconds * rate_hz)
    with av.open(str(path), "w", format="mp4", options={"movie_timescale": str(rate_hz)}) as out:
        copy = out.add_stream_from_template(stream)
        last: tuple[int, Packet[av.AudioStream]] | None = None
        for begin, packet in _placed(container, stream, first):
            if begin >= length:
                break
            if last:
                out.mux(_stamped(last[1], copy, last[0], size))
            last = (begin, packet) if begin > -_WARM_UP_PACKETS * size else None
        if last is None:
            return False
        out.mux(_stamped(last[1], copy, last[0], length - last[0]))  # shorter, or a little longer, than it is
    return length - (last[0] + size) <= tolerance_seconds * rate_hz


def _placed(
    container: InputContainer, stream: av.AudioStream, first: Fraction
) -> Iterator[tuple[int, Packet[av.AudioStream]]]:
    """Packets and the sample, counted from the first picture, at which they begin: one after the other, but for gaps
    that are more than rounding."""
    rate_hz, position = stream.rate, None
    for packet in container.demux(stream):
        if packet.pts is None:
            continue
        stamped = round((packet.pts * packet.time_base - first) * rate_hz)
        if position is None or abs(stamped - position) > _JITTER_SECONDS * rate_hz:
            position = stamped if position is None else max(stamped, position)
        yield position, packet
        position += stream.codec_context.frame_size


def _stamped(
    packet: Packet[av.AudioStream], stream: av.AudioStream, begin: int, duration: int
) -> Packet[av.AudioStream]:
    packet.stream = stream
    packet.time_base = Fraction(1, stream.rate)
    packet.pts = packet.dts = begin
    packet.duration = duration
    return packet
