"""Rate change of a stream, by the SoX resampler."""

from __future__ import annotations

import numpy as np
import soxr

from backline.media.audio import Samples, silence


class Resampler:
    """From source_hz to target_hz, block by block, as if the whole had been there at once.

    n frames in become round(n * target_hz / source_hz) frames out. Equal rates pass through uncopied.
    """

    def __init__(self, source_hz: int, target_hz: int, channels: int = 1) -> None:
        self._source_hz = source_hz
        self._target_hz = target_hz
        self._channels = channels
        self._stream = (
            None if source_hz == target_hz else soxr.ResampleStream(source_hz, target_hz, channels, "float32")
        )
        self._taken_frames = 0
        self._given_frames = 0

    def push(self, samples: Samples) -> Samples:
        """What is final now; the filter keeps a few milliseconds back."""
        if self._stream is None or not len(samples):
            return samples
        return self._resample(samples, last=False)

    def finish(self) -> Samples:
        """The rest, cut or filled to the exact length."""
        if self._stream is None:
            return silence(0, self._channels)
        rest = self._resample(silence(0, self._channels), last=True)
        surplus = self._given_frames - round(self._taken_frames * self._target_hz / self._source_hz)
        if surplus > 0:
            return rest[: len(rest) - surplus]
        return np.concatenate([rest, silence(-surplus, self._channels)])

    def _resample(self, samples: Samples, *, last: bool) -> Samples:
        assert self._stream is not None
        made: Samples = self._stream.resample_chunk(samples, last=last)
        self._taken_frames += len(samples)
        self._given_frames += len(made)
        return made
