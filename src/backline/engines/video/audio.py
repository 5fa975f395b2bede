"""The soundtrack of a film: each span at its speed and in its place, clips faded into one another, in one AAC stream.

It is made in one go for the whole film: a stream that is cut and joined has 21 ms of silence at each joint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from backline.engines.video.audiocopy import copy_audio
from backline.engines.video.base import Clip, RenderPlan, Source
from backline.engines.video.sounds import RATE_HZ, SourceSound, channels_of
from backline.engines.video.stretch import Stretch
from backline.engines.video.timeline import Piece, Placed, Timeline
from backline.media.audio import Samples, silence, together

_BLOCK = 4096
_AAC_FRAME = 1024
_BIT_RATE = 128_000
"""A second and channel. With 96000 FFmpeg's encoder has moments of audible error in plain tones: 10 dB below them,
measured; here 32 dB."""

_EDGE = 48
"""Samples over which a run rises and falls, so that a cut does not click: 1 ms."""


def write_audio(
    plan: RenderPlan, sources: Sequence[Source], timeline: Timeline, path: Path, told: Callable[[float], None]
) -> bool:
    """Writes the soundtrack to `path`, an mp4 with nothing else; False, and no file, when there is none to write.

    sources: of each clip. told: hears of the share that is done, 0 to 1. As long as the timeline. Where nothing is to
    be changed and the source has AAC, its packets are copied, at their rate; else it is 48 kHz, mono if all sources
    are. A packet may begin before 0: only what lies in the timeline is to be heard.
    """
    heard = [source.audio_rate_hz is not None for source in sources]
    if not plan.audio or not any(heard):
        return False
    if len(plan.clips) == 1 and copy_audio(plan.clips[0], sources[0], timeline, path):
        told(1.0)
        return True
    links = {clip.link: clip.name for clip, has_sound in zip(plan.clips, heard, strict=True) if has_sound}
    channels = min(max(channels_of(link, name) for link, name in links.items()), 2)
    clips = [
        _ClipSound(clip if has_sound else None, placed, channels)
        for clip, has_sound, placed in zip(plan.clips, heard, timeline.clips, strict=True)
    ]
    _encode(path, _mixed(clips, _sample(timeline.seconds)), channels, _sample(timeline.seconds), told)
    return True


@dataclass(frozen=True, slots=True)
class _Run:
    """What is heard without a cut: source seconds from `start` on, as samples [first, stop) of the output."""

    start: Fraction
    speed: Fraction
    first: int
    stop: int


class _ClipSound:
    """One clip as samples [first, stop) of the output. clip: None is silent."""

    def __init__(self, clip: Clip | None, placed: Placed, channels: int) -> None:
        self.first = _sample(placed.begin)
        self.stop = _sample(placed.begin + placed.timeline.length)
        self._channels = channels
        self._blocks = _blocks(clip, _runs(placed), channels) if clip else iter(())
        self._rest = silence(0, channels)

    def read(self, length: int) -> Samples:
        """The next samples."""
        parts, missing = [], length
        while missing:
            if not len(self._rest):
                self._rest = next(self._blocks, silence(missing, self._channels))
            parts.append(self._rest[:missing])
            self._rest = self._rest[missing:]
            missing -= len(parts[-1])
        return together(parts)


def _runs(placed: Placed) -> list[_Run]:
    """Spans, those that go on where the one before ends as one."""
    groups: list[list[Piece]] = []
    for piece in placed.timeline.pieces:
        last = groups[-1][-1] if groups else None
        if last and (last.end, last.speed) == (piece.start, piece.speed):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return [
        _Run(
            group[0].start,
            group[0].speed,
            _sample(placed.begin + group[0].begin),
            _sample(placed.begin + group[-1].begin + group[-1].length),
        )
        for group in groups
    ]


def _blocks(clip: Clip, runs: Iterable[_Run], channels: int) -> Iterator[Samples]:
    """The runs one after the other, each in exactly its length."""
    source = SourceSound(clip.link, clip.name, channels)
    try:
        for run in runs:
            yield from _fitted(
                _stretched(source.blocks(run.start), run.speed, channels), run.stop - run.first, channels
            )
    finally:
        source.close()


def _stretched(blocks: Iterator[Samples], speed: Fraction, channels: int) -> Iterator[Samples]:
    stretch = Stretch(speed, channels)
    for block in blocks:
        yield stretch.push(block)
    yield stretch.finish()


def _fitted(blocks: Iterator[Samples], length: int, channels: int) -> Iterator[Samples]:
    """Cut, or filled up with silence; with soft edges."""
    position = 0
    while position < length:
        block: Samples = next(blocks, silence(_BLOCK, channels))[: length - position]
        stop = position + len(block)
        if position < _EDGE or stop > length - _EDGE:
            places = np.arange(position, stop) + 0.5
            levels = np.clip(np.minimum(places, length - places) / _EDGE, 0, 1)
            block = block * levels[:, np.newaxis].astype(np.float32)
        yield block
        position = stop


def _mixed(clips: Sequence[_ClipSound], length: int) -> Iterator[Samples]:
    """All clips in their places. Where two overlap, one fades out and the other in, in step with the pictures."""
    edges = sorted({0, length, *(edge for clip in clips for edge in (clip.first, clip.stop) if edge < length)})
    for first, stop in pairwise(edges):
        on = [clip for clip in clips if clip.first <= first < clip.stop]
        for begin in range(first, stop, _BLOCK):
            count = min(_BLOCK, stop - begin)
            if len(on) == 1:
                yield on[0].read(count)
                continue
            leaving, coming = on
            places = np.arange(begin - coming.first, begin - coming.first + count, dtype=np.float32)
            share = np.divide(places, leaving.stop - coming.first, dtype=np.float32)[:, np.newaxis]
            yield leaving.read(count) * (1 - share) + coming.read(count) * share


def _encode(path: Path, blocks: Iterable[Samples], channels: int, length: int, told: Callable[[float], None]) -> None:
    layout = "mono" if channels == 1 else "stereo"
    with av.open(str(path), "w", format="mp4", options={"movie_timescale": str(RATE_HZ)}) as out:
        stream = out.add_stream("aac", RATE_HZ, layout=layout)
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = _BIT_RATE * channels
        for index, samples in enumerate(_framed(blocks)):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout=layout)
            frame.sample_rate, frame.time_base, frame.pts = RATE_HZ, Fraction(1, RATE_HZ), index * _AAC_FRAME
            out.mux(stream.encode(frame))
            if index % (RATE_HZ // _AAC_FRAME) == 0:
                told(index * _AAC_FRAME / length)
        out.mux(stream.encode(None))
    told(1.0)


def _framed(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """As many samples as a packet holds; the last may be fewer."""
    rest: Samples | None = None
    for block in blocks:
        rest = block if rest is None or not len(rest) else np.concatenate([rest, block])
        whole = len(rest) - len(rest) % _AAC_FRAME
        yield from (rest[first : first + _AAC_FRAME] for first in range(0, whole, _AAC_FRAME))
        rest = rest[whole:]
    if rest is not None and len(rest):
        yield rest


def _sample(moment: Fraction) -> int:
    return round(moment * RATE_HZ)
