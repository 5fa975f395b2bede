"""The sound of one source film, from any moment on, at the rate and in the channels of the output."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer

from backline.engines.video.framestream import FrameStream
from backline.engines.video.opening import BROKEN, PATIENCE_SECONDS, only, open_source, pictures, reading, sound
from backline.media.audio import Samples, silence
from backline.media.resample import Resampler

RATE_HZ = 48000

_LEAD_SECONDS = (Fraction(1, 5), Fraction(5), Fraction(60), Fraction(10**6))
"""How long before what is wanted decoding begins: a codec's first blocks after a jump are not whole. The next one is
tried where a container has jumped too far."""

_JITTER_SECONDS = 0.02
"""Up to this, timestamps that do not join are taken for rounded; beyond it, sound is missing or doubled."""

_LOST_SECONDS = 0.5
"""So much sound missing at the end of a film on the web may be a lost connection."""


class SourceSound:
    """The first audio track of the film at a link; silence when there is none. Times count from its first picture."""

    def __init__(self, link: str, name: str, channels: int) -> None:
        self._link, self._name, self._channels = link, name, channels
        self._open()

    def close(self) -> None:
        self._container.close()

    def blocks(self, start: Fraction) -> Iterator[Samples]:
        """Samples [n, channels] at `RATE_HZ` that join on, from `start` seconds to the end of the track."""
        joined: _Joined | None = None
        for frame in self._frames(start):
            if joined is None:
                joined = _Joined(frame.sample_rate, self._channels)
                resampler = Resampler(frame.sample_rate, RATE_HZ, self._channels)
            for block in joined.push(frame, _begin(frame) - self._first - start):
                yield resampler.push(block)
        if joined:
            yield resampler.finish()

    def _open(self) -> None:
        with contextlib.ExitStack() as opened:
            self._container = opened.enter_context(open_source(self._link, self._name, PATIENCE_SECONDS))
            self._first = first_moment(self._container, self._name)
            self._stream = sound(self._container)
            opened.pop_all()

    def _reopen(self) -> None:
        self.close()
        self._open()

    def _frames(self, start: Fraction) -> Iterator[av.AudioFrame]:
        """Those with a timestamp. A connection that was lost looks like the end: it is tried once more."""
        tried: Fraction | None = None
        while True:
            end = start
            for frame in self._run(start):
                end = max(end, _begin(frame) + Fraction(frame.samples, frame.sample_rate) - self._first)
                yield frame
            if self._link.startswith("file:") or end == tried or end > self._claimed() - _LOST_SECONDS:
                return
            tried = start = end
            self._reopen()

    def _run(self, start: Fraction) -> Iterator[av.AudioFrame]:
        """From at or before a moment on, or from the track's beginning."""
        if self._stream is None:
            return
        for lead_seconds in _LEAD_SECONDS:
            frames = self._decoded(self._first + start - lead_seconds)
            first = next(frames, None)
            if first and _begin(first) <= max(self._first + start, self._beginning()):
                yield first
                yield from frames
                return

    def _decoded(self, moment: Fraction) -> Iterator[av.AudioFrame]:
        assert self._stream is not None
        assert self._stream.time_base is not None
        only(self._container, self._stream)
        with reading(self._name):
            try:
                self._container.seek(int(moment / self._stream.time_base), stream=self._stream)
            except av.FFmpegError:
                self._reopen()
                only(self._container, self._stream)
            with contextlib.suppress(*BROKEN):
                for packet in self._container.demux(self._stream):
                    with contextlib.suppress(av.FFmpegError):  # as players do; the gap is silence
                        yield from [frame for frame in packet.decode() if frame.pts is not None]

    def _beginning(self) -> Fraction:
        """When the track begins, as the container counts; some way on, as containers round and trim."""
        assert self._stream is not None
        return (self._stream.start_time or 0) * (self._stream.time_base or Fraction(0)) + Fraction(1, 10)

    def _claimed(self) -> Fraction:
        """When the track ends, in seconds from the first picture, as far as the container tells."""
        stream = self._stream
        if stream is not None and stream.duration is not None and stream.time_base is not None:
            return ((stream.start_time or 0) + stream.duration) * stream.time_base - self._first
        end = (self._container.start_time or 0) + (self._container.duration or 0)
        return Fraction(end, av.time_base) - self._first


class _Joined:
    """Frames laid end to end: what comes before the beginning is dropped, what is missing is silence."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._rate_hz, self._channels = rate_hz, channels
        self._position: int | None = None
        self._given = 0
        self._form: tuple[str, str, int] | None = None

    def push(self, frame: av.AudioFrame, seconds: Fraction) -> Iterator[Samples]:
        """seconds: when the frame begins, counted from the beginning."""
        stamped = round(seconds * self._rate_hz)
        if self._position is None or abs(stamped - self._position) > _JITTER_SECONDS * self._rate_hz:
            self._position = stamped
        while self._given < self._position:
            length = min(self._position - self._given, self._rate_hz)
            self._given += length
            yield silence(length, self._channels)
        samples = self._samples(frame)
        rest = samples[max(self._given - self._position, 0) :]
        self._position += len(samples)
        self._given += len(rest)
        yield rest

    def _samples(self, frame: av.AudioFrame) -> Samples:
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        channels = min(frame.layout.nb_channels, self._channels)
        if form != self._form:
            layout = "mono" if channels == 1 else "stereo"
            self._convert = av.AudioResampler(format="flt", layout=layout, rate=self._rate_hz)
            self._form = form
        blocks = [each.to_ndarray().reshape(-1, channels) for each in self._convert.resample(frame)]
        samples: Samples = np.concatenate(blocks) if blocks else silence(0, channels)
        return samples if channels == self._channels else np.repeat(samples, self._channels, axis=1)


def first_moment(container: InputContainer, name: str) -> Fraction:
    """When the first picture is shown, as the container counts; the film's times count from it."""
    with reading(name):
        video = pictures(container, name)
        assert video.time_base is not None
        return FrameStream(container, video, name).first.pts * video.time_base


def channels_of(link: str, name: str) -> int:
    """How many the first audio track has; 0 without one."""
    with open_source(link, name) as container:
        stream = sound(container)
        return stream.channels if stream else 0


def _begin(frame: av.AudioFrame) -> Fraction:
    return (frame.pts or 0) * (frame.time_base or Fraction(0))
