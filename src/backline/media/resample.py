"""Rate change of a stream, holding back only half the length of the filter.

A block resampler (SoX's, for one) gathers 40 to 80 ms before it gives anything, which a listener waits for. Here every
output frame is computed as soon as the sound under its filter is there: 3 ms at 24 kHz, 8 ms down to 8 kHz.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, gcd
from typing import Protocol

import numpy as np
import numpy.typing as npt
import soxr

from backline.media.audio import Samples, silence

_ZERO_CROSSINGS = 64  # of the filter on each side, counted at the lower rate
_STOPBAND_DB = 100.0
_BLOCK_FRAMES = 64  # smallest block of input one matrix covers
_LARGEST_STEP = 1280  # of the rate ratio in lowest terms; beyond it the matrix would not fit a cache


class Resampler:
    """From source_hz to target_hz, block by block, as if the whole had been there at once.

    n frames in become round(n * target_hz / source_hz) frames out, aligned with the input. Equal rates pass uncopied.
    """

    def __init__(self, source_hz: int, target_hz: int, channels: int = 1) -> None:
        self._source_hz = source_hz
        self._target_hz = target_hz
        self._channels = channels
        self._filter = _choose_filter(source_hz, target_hz, channels)
        self._taken_frames = 0
        self._given_frames = 0

    def push(self, samples: Samples) -> Samples:
        """What is final now."""
        if self._filter is None or not len(samples):
            return samples
        made = self._filter.push(samples)
        self._taken_frames += len(samples)
        self._given_frames += len(made)
        return made

    def finish(self) -> Samples:
        """The rest, to the exact length."""
        missing = round(self._taken_frames * self._target_hz / self._source_hz) - self._given_frames
        if self._filter is None or missing <= 0:
            return silence(0, self._channels)
        rest = self._filter.finish()[:missing]
        return np.concatenate([rest, silence(missing - len(rest), self._channels)])


class _Filter(Protocol):
    def push(self, samples: Samples) -> Samples: ...

    def finish(self) -> Samples:
        """The rest, perhaps with more silence than is due."""
        ...


class _Polyphase:
    """A windowed-sinc filter, one matrix product per block of input.

    In lowest terms the rates are as up to down. The matrix gives, for the `up` (or a multiple) output frames of a
    block, the weights of the block's input and of half a filter on both sides; weights of input that an output frame
    does not reach are zero, so a block's first outputs can be had before its last inputs.
    """

    def __init__(self, up: int, down: int, channels: int) -> None:
        self._up = up
        self._down = down
        self._half_frames = _half_frames(up, down)
        self._weights = _weights(up, down)
        repeats = ceil(_BLOCK_FRAMES / down)
        self._block_in, self._block_out = down * repeats, up * repeats
        self._input = silence(self._half_frames, channels)  # begins half a filter before the current block
        self._done = 0  # output frames of the current block already given

    def push(self, samples: Samples) -> Samples:
        self._input = np.concatenate([self._input, samples])
        made = [self._input[:0]]
        while (ready := self._ready()) > self._done:
            window = self._input[: len(self._weights)]
            made.append(self._weights[: len(window), self._done : ready].T @ window)
            self._done = ready
            if ready == self._block_out:
                self._input = self._input[self._block_in :]
                self._done = 0
        return np.concatenate(made)

    def finish(self) -> Samples:
        return self.push(silence(self._half_frames + self._block_in, self._input.shape[1]))

    def _ready(self) -> int:
        """How many output frames of the current block have all the input they need."""
        reachable = len(self._input) - 2 * self._half_frames
        return min(self._block_out, reachable * self._up // self._down + 1) if reachable >= 0 else 0


class _Soxr:
    """Rates without a small common ratio: SoX's resampler computes its filter as it goes."""

    def __init__(self, source_hz: int, target_hz: int, channels: int) -> None:
        self._stream = soxr.ResampleStream(source_hz, target_hz, channels, "float32")
        self._channels = channels

    def push(self, samples: Samples) -> Samples:
        made: Samples = self._stream.resample_chunk(samples)
        return made

    def finish(self) -> Samples:
        made: Samples = self._stream.resample_chunk(silence(0, self._channels), last=True)
        return made


def _choose_filter(source_hz: int, target_hz: int, channels: int) -> _Filter | None:
    if source_hz == target_hz:
        return None
    common = gcd(source_hz, target_hz)
    up, down = target_hz // common, source_hz // common
    if max(up, down) > _LARGEST_STEP:
        return _Soxr(source_hz, target_hz, channels)
    return _Polyphase(up, down, channels)


def _half_frames(up: int, down: int) -> int:
    """Half the filter in frames of the input."""
    return ceil(_ZERO_CROSSINGS * max(1.0, down / up))


@lru_cache(maxsize=16)
def _weights(up: int, down: int) -> npt.NDArray[np.float32]:
    """[input frames, output frames] of one block.

    Kaiser's window and his formulas for its shape and the width of the transition (J. F. Kaiser, "Nonrecursive digital
    filter design using the I0-sinh window function", 1974). The transition ends at the lower of the two Nyquist rates.
    """
    half = _half_frames(up, down)
    repeats = ceil(_BLOCK_FRAMES / down)
    transition = (_STOPBAND_DB - 7.95) / (14.36 * 2 * _ZERO_CROSSINGS)  # in cycles per frame of the lower rate
    cutoff = min(1.0, up / down) * (1 - transition)
    shape = 0.1102 * (_STOPBAND_DB - 8.7)
    inputs = np.arange(-half, down * repeats + half).reshape(-1, 1)
    distances = inputs - np.arange(up * repeats) * (down / up)
    inside = np.clip(1 - (distances / half) ** 2, 0, None)
    window = np.where(inside > 0, np.i0(shape * np.sqrt(inside)) / np.i0(shape), 0)
    weights = (cutoff * np.sinc(cutoff * distances) * window).astype(np.float32)
    weights.flags.writeable = False
    return weights
