"""Bars of exactly the session's length, whatever rate the engine has and whether or not it keeps time."""

from __future__ import annotations

import numpy as np

from backline.engines.jam.base import Controls, JamEngine
from backline.engines.jam.loops import Loop
from backline.media.audio import Samples, silence
from backline.media.groove.barlock import BarLock
from backline.media.groove.bars import BarGrid
from backline.media.resample import Resampler


class BarSource:
    """One player. It plays on a grid at its own rate; the bar lock, where it is needed, and the resampler come after.

    Both read a little ahead (the lock two seconds), so there a change is heard that much later.
    """

    def __init__(self, engine: JamEngine, loop: Loop, grid: BarGrid, seed: int) -> None:
        capabilities = engine.capabilities()
        self._grid = grid
        self._own = BarGrid(grid.beats_per_minute, grid.beats_per_bar, capabilities.rate_hz or grid.rate_hz)
        self._player = engine.begin(loop.at(self._own.rate_hz), self._own, seed)
        self._lock = None if capabilities.keeps_time else BarLock(self._play, self._own)
        self._resampler = Resampler(self._own.rate_hz, grid.rate_hz, 2)
        self._controls = Controls()
        self._own_bar = 0
        self._waiting = silence(0, 2)

    def bar(self, bar: int, controls: Controls) -> Samples:
        """float32 [grid.length(bar), 2]; bars are asked for in order. Raises ValueError for what is no such sound."""
        self._controls = controls
        length_frames = self._grid.length(bar)
        while len(self._waiting) < length_frames:
            self._waiting = np.concatenate([self._waiting, self._resampler.push(self._own_next())])
        played, self._waiting = self._waiting[:length_frames], self._waiting[length_frames:]
        return played

    def reseed(self, loop: Loop) -> None:
        self._player.reseed(loop.at(self._own.rate_hz))

    def splice(self, loop: Loop, anchor_bars: float) -> None:
        self._player.splice(loop.at(self._own.rate_hz), max(1.0, anchor_bars))

    def _own_next(self) -> Samples:
        bar, self._own_bar = self._own_bar, self._own_bar + 1
        return self._lock.read_bar(bar) if self._lock else self._play(self._own.length(bar))

    def _play(self, length_frames: int) -> Samples:
        played = self._player.play(length_frames, self._controls)
        if played.shape != (length_frames, 2) or not np.isfinite(played).all():
            raise ValueError(f"the engine gave {played.shape} instead of {length_frames} frames of stereo")
        return played
