"""A peak limiter that gives back as many frames as it takes, block by block, and remembers between them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples, silence
from backline.media.truepeak import REACH_FRAMES, peaks

_ATTACK_DB_PER_SECOND = 3000.0
_RELEASE_DB_PER_SECOND = 30.0
_MARGIN_DB = 0.1
_WORTH_LOOKING = 0.6
_ROUNDS = 8

_Decibels = npt.NDArray[np.float64]


class Limiter:
    """Keeps the true peak under a ceiling (dBTP), all channels alike.

    It looks ahead inside the block only. The reduction goes on over the edges of blocks without a step: what stands at
    the very first samples is met by a line from the last block's reduction, as steep as it must be, and a peak between
    two blocks is met by the later one.
    """

    def __init__(self, rate_hz: int, ceiling_db: float, channels: int = 2) -> None:
        self._ceiling = 10 ** ((ceiling_db - _MARGIN_DB) / 20)
        self._attack_db = _ATTACK_DB_PER_SECOND / rate_hz
        self._release_db = _RELEASE_DB_PER_SECOND / rate_hz
        self._reduction_db = 0.0
        self._tail = silence(2 * REACH_FRAMES, channels)

    def push(self, samples: Samples) -> Samples:
        """float32 [frames, channels], the same length."""
        if not len(samples):
            return samples
        limited = self._limit(samples)
        self._tail = np.concatenate([self._tail, limited])[-2 * REACH_FRAMES :]
        return limited

    def _limit(self, samples: Samples) -> Samples:
        held = samples * np.float32(10 ** (self._reduction_db / -20))  # joins what was given without a step
        asked_db = self._excess_db(held, self._reduction_db)
        limited, curve_db = samples, np.zeros(1)
        for round_ in range(1, _ROUNDS + 1):
            if self._reduction_db <= 0 and not asked_db.any():
                break
            curve_db = self._curve(asked_db)
            limited = samples * (10 ** (curve_db / -20)).astype(np.float32)[:, None]
            more_db = self._excess_db(limited, -_MARGIN_DB / 2)  # what stands between samples where the curve is steep
            if not more_db.any():
                break
            asked_db = np.where(more_db > 0, curve_db + round_ * more_db, asked_db)
        self._reduction_db = float(curve_db[-1])
        return limited

    def _excess_db(self, samples: Samples, held_db: float = 0.0) -> _Decibels:
        """By how much each frame, or a point beside it, is too loud; 0 where it is not. held_db: by how much these are
        lower than they were."""
        ceiling = self._ceiling * 10 ** (held_db / -20)
        heights = peaks(np.concatenate([self._tail, samples]), ceiling * _WORTH_LOOKING)
        beside = np.maximum(heights[1:], heights[:-1])[len(self._tail) - 1 :]
        beside[0] = max(beside[0], heights[len(self._tail) - REACH_FRAMES : len(self._tail)].max())
        return self._over(beside, ceiling)

    def _over(self, heights: npt.NDArray[np.float32], ceiling: float) -> _Decibels:
        over = heights > ceiling
        found = np.zeros(len(heights))
        found[over] = 20 * np.log10(heights[over] / ceiling)
        return found

    def _curve(self, asked_db: _Decibels) -> _Decibels:
        """The reduction of every frame: at least what is asked, rising and falling along straight lines in dB."""
        steps = np.arange(1, len(asked_db) + 1)
        before = asked_db - self._attack_db * steps
        rising = np.maximum.accumulate(before[::-1])[::-1] + self._attack_db * steps
        steepest = float(((asked_db - self._reduction_db) / steps).max())
        rising = np.minimum(rising, self._reduction_db + max(steepest, self._attack_db) * steps)
        after = np.maximum(asked_db + self._release_db * steps, self._reduction_db)
        falling = np.maximum.accumulate(after) - self._release_db * steps
        found: _Decibels = np.maximum(np.maximum(rising, falling), 0.0)
        return found
