"""The outline of a sound, for drawing it."""

from __future__ import annotations

import numpy as np

from backline.media.audio import Samples


class PeakMeter:
    """The loudest sample of every `step_seconds`, as the sound arrives in blocks of any length."""

    def __init__(self, rate_hz: int, step_seconds: float = 0.02) -> None:
        self.step_seconds = step_seconds
        self._step_frames = max(1, round(rate_hz * step_seconds))
        self._rest = np.zeros(0, dtype=np.float32)

    def push(self, samples: Samples) -> list[float]:
        """Peaks in [0, 1] of the steps that are complete, rounded to three digits."""
        loudness = np.abs(samples).max(axis=1) if samples.size else np.zeros(0, dtype=np.float32)
        waiting = np.concatenate([self._rest, loudness])
        steps = len(waiting) // self._step_frames
        whole = waiting[: steps * self._step_frames].reshape(steps, self._step_frames)
        self._rest = waiting[steps * self._step_frames :]
        return [round(float(value), 3) for value in np.minimum(whole.max(axis=1, initial=0.0), 1.0)]
