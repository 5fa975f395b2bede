"""Bars of exactly the session's length, whatever rate the engine has and whether or not it keeps time."""

from __future__ import annotations

import numpy as np

from backline.engines.jam.base import Controls, JamEngine
from backline.engines.jam.loops import Loop
from backline.media.audio import Samples, silence
from backline.media.groove.bars import BarGrid
from backline.media.resample import Resampler


class BarSource:
    """One player. An engine with a rate of its own is asked for bars on a grid at that rate, and resampled."""

    def __init__(self, engine: JamEngine, loop: Loop, grid: BarGrid, seed: int) -> None:
        capabilities = engine.capabilities()
        self._grid = grid
        self._own = BarGrid(grid.beats_per_minute, grid.beats_per_bar, capabilities.rate_hz or grid.rate_hz)
        self._player = engine.begin(loop.at(self._own.rate_hz), self._own, seed)
        self._resampler = Resampler(self._own.rate_hz, grid.rate_hz, 2)
        self._controls = Controls()
        self._own_bar = 0
        self._waiting = silence(0, 2)

    def bar(self, bar: int, controls: Controls) -> Samples:
        """float32 [grid.length(bar), 2]; bars are asked for in order."""
        self._controls = controls
        length_frames = self._grid.length(bar)
        while len(self._waiting) < length_frames:
            self._waiting = np.concatenate([self._waiting, self._resampler.push(self._next_bar())])
        played, self._waiting = self._waiting[:length_frames], self._waiting[length_frames:]
        return played

    def reseed(self, loop: Loop) -> None:
        self._player.reseed(loop.at(self._own.rate_hz))

    def splice(self, loop: Loop, anchor_bars: float) -> None:
        self._player.splice(loop.at(self._own.rate_hz), max(1.0, anchor_bars))

    def _next_bar(self) -> Samples:
        self._own_bar += 1
        return self._player.play(self._own.length(self._own_bar - 1), self._controls)
