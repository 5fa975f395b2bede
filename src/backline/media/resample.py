"""Rate change of a stream, by soxr."""

from __future__ import annotations

import numpy as np
import soxr

from backline.media.audio import Samples, silence


class Resampler:
    """From source_hz to target_hz, block by block, as if the whole had been there at once.

    n frames in become round(n * target_hz / source_hz) frames out, aligned with the input. Equal rates pass uncopied.
    soxr's HQ filter (20 bits) gathers about 40 ms, 80 ms down to 8 kHz; nothing of that is lost at the end.
    """

    def __init__(self, source_hz: int, target_hz: int, channels: int = 1) -> None:
        self._channels = channels
        self._ratio = target_hz / source_hz
        self._taken_frames = 0
        self._given_frames = 0
        self._stream = None
        if source_hz != target_hz:
            self._stream = soxr.ResampleStream(source_hz, target_hz, channels, dtype="float32", quality="HQ")

    def push(self, samples: Samples) -> Samples:
        """What is final now."""
        if self._stream is None or not len(samples):
            return samples
        made: Samples = self._stream.resample_chunk(np.ascontiguousarray(samples))
        self._taken_frames += len(samples)
        self._given_frames += len(made)
        return made

    def finish(self) -> Samples:
        """The rest, to the exact length."""
        missing = round(self._taken_frames * self._ratio) - self._given_frames
        if self._stream is None or missing <= 0:
            return silence(0, self._channels)
        rest: Samples = self._stream.resample_chunk(silence(0, self._channels), last=True)[:missing]
        return np.concatenate([rest, silence(missing - len(rest), self._channels)])
