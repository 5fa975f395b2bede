"""FFmpeg's audio encoders through PyAV, one frame at a time."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TypeVar

import av
import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples, to_pcm16

_Value = TypeVar("_Value", np.int16, np.float32)
_LAYOUTS = {1: "mono", 2: "stereo"}


def layout_name(channels: int) -> str:
    """FFmpeg's name; raises KeyError for more than two channels."""
    return _LAYOUTS[channels]


def make_frame(samples: Samples, sample_format: str, rate_hz: int, begin_frames: int) -> av.AudioFrame:
    """An FFmpeg frame at `begin_frames`. sample_format: s16, s16p, flt or fltp."""
    layout = layout_name(samples.shape[1])
    if sample_format.startswith("s16"):
        frame = av.AudioFrame.from_ndarray(_planes(to_pcm16(samples), sample_format), sample_format, layout)
    else:
        frame = av.AudioFrame.from_ndarray(_planes(samples, sample_format), sample_format, layout)
    frame.sample_rate = rate_hz
    frame.pts = begin_frames
    frame.time_base = Fraction(1, rate_hz)
    return frame


def _planes(values: npt.NDArray[_Value], sample_format: str) -> npt.NDArray[_Value]:
    """[channels, frames] for a planar format, else all in one row."""
    return np.ascontiguousarray(values.T if sample_format.endswith("p") else values.reshape(1, -1))


class Blocks:
    """Cuts sound that arrives in blocks of any length into blocks of one length."""

    def __init__(self, length_frames: int, channels: int) -> None:
        self._length_frames = length_frames
        self._waiting: Samples = np.zeros((0, channels), dtype=np.float32)

    def push(self, samples: Samples) -> list[Samples]:
        """The blocks that are whole now."""
        waiting = np.concatenate([self._waiting, samples]) if len(self._waiting) else samples
        whole = len(waiting) - len(waiting) % self._length_frames
        self._waiting = waiting[whole:].copy()
        return [waiting[begin : begin + self._length_frames] for begin in range(0, whole, self._length_frames)]

    def rest(self) -> Samples:
        """What never filled a block."""
        return self._waiting


class Codec:
    """One encoder without a container: sound in, packets out. `total_frames`: how much sound went in."""

    def __init__(self, name: str, rate_hz: int, channels: int, sample_format: str, options: Mapping[str, str]) -> None:
        context = av.CodecContext.create(name, "w")
        assert isinstance(context, av.AudioCodecContext)
        context.sample_rate = rate_hz
        context.format = sample_format
        context.layout = layout_name(channels)
        context.time_base = Fraction(1, rate_hz)
        context.options = dict(options)
        context.thread_count = 1  # more would be threads that wait: FFmpeg's audio encoders work in one
        context.open()
        self._context = context
        self._sample_format = sample_format
        self._rate_hz = rate_hz
        self._blocks = Blocks(context.frame_size, channels)
        self.frame_size: int = context.frame_size
        self.total_frames = 0

    @property
    def extradata(self) -> bytes:
        """What the codec wants a container to store; a few codecs complete it at the end."""
        return bytes(self._context.extradata or b"")

    def push(self, samples: Samples) -> list[bytes]:
        """The packets that are ready."""
        begin_frames = self.total_frames - len(self._blocks.rest())
        self.total_frames += len(samples)
        packets: list[bytes] = []
        for block in self._blocks.push(samples):
            packets += self._encode(block, begin_frames)
            begin_frames += len(block)
        return packets

    def finish(self) -> list[bytes]:
        """The packets still inside. A codec that knows short frames ends with one; others fill up with silence."""
        rest = self._blocks.rest()
        packets = self._encode(rest, self.total_frames - len(rest)) if len(rest) else []
        if self.total_frames:
            packets += map(bytes, self._context.encode(None))
        return packets

    def _encode(self, block: Samples, begin_frames: int) -> list[bytes]:
        frame = make_frame(block, self._sample_format, self._rate_hz, begin_frames)
        return [bytes(packet) for packet in self._context.encode(frame)]
