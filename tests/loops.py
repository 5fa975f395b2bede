"""Loops to jam with, made of nothing but NumPy: the same samples every time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples, silence
from backline.media.groove.bars import BarGrid

LoopKind = Literal["drums", "bass", "chords", "mix", "swing", "silence"]
Mono = npt.NDArray[np.float64]

# Am F C G: roots as MIDI notes, and whether each is minor. One a bar.
PROGRESSION = ((57, True), (53, False), (48, False), (55, False))
SWING = 0.62  # where the second eighth of a beat lies in "swing"


def loop(
    kind: LoopKind = "mix",
    bpm: float = 120.0,
    beats_per_bar: int = 4,
    bars: int = 4,
    rate_hz: int = 48000,
    seed: int = 1,
) -> Samples:
    """float32 [frames, 2], exactly so many bars, whose end fits its beginning; in A minor where it has notes."""
    grid = BarGrid.of(bpm, beats_per_bar, rate_hz)
    if kind == "silence":
        return silence(grid.length(0, bars), 2)
    band = _Band(grid, bars, np.random.default_rng(seed), SWING if kind == "swing" else 0.5)
    if kind in ("drums", "mix", "swing"):
        band.drums()
    if kind in ("bass", "mix", "swing"):
        band.bass()
    if kind in ("chords", "mix"):
        band.chords()
    sound = band.sound
    level: Samples = (0.5 * sound / np.abs(sound).max()).astype(np.float32)
    return level


class _Band:
    def __init__(self, grid: BarGrid, bars: int, chance: np.random.Generator, swing: float) -> None:
        self._grid, self._bars, self._chance, self._swing = grid, bars, chance, swing
        self.sound: Mono = np.zeros((grid.length(0, bars), 2))

    def drums(self) -> None:
        for bar in range(self._bars):
            for eighth in range(2 * self._grid.beats_per_bar):
                beat, half = divmod(eighth, 2)
                self._put(bar, beat, half, self._hat(), 0.16 + 0.08 * (not half), pan=0.3)
                if not half and beat % 2 == 0:
                    self._put(bar, beat, 0, self._kick(), 0.9)
                if not half and beat % 2 == 1:
                    self._put(bar, beat, 0, self._snare(), 0.5, pan=-0.1)
            if bar % 2:
                self._put(bar, self._grid.beats_per_bar - 1, 1, self._kick(), 0.6)

    def bass(self) -> None:
        for bar in range(self._bars):
            root, _ = PROGRESSION[bar % len(PROGRESSION)]
            for beat in range(self._grid.beats_per_bar):
                self._put(bar, beat, 0, self._tone(root - 24, 0.9, _saw, 6), 0.45)
                if beat % 2:
                    self._put(bar, beat, 1, self._tone(root - 24 + (0, 7, 12)[beat % 3], 0.4, _saw, 6), 0.35)

    def chords(self) -> None:
        for bar in range(self._bars):
            root, minor = PROGRESSION[bar % len(PROGRESSION)]
            for pan, step in ((-0.4, 0), (0.0, 3 if minor else 4), (0.4, 7)):
                self._put(bar, 0, 0, self._tone(root + step, self._grid.beats_per_bar, _saw, 9), 0.14, pan)
                self._put(bar, 1, 1, self._tone(root + 12 + step, 0.5, _saw, 5), 0.10, -pan)

    def _put(self, bar: int, beat: int, half: int, note: Mono, gain: float, pan: float = 0.0) -> None:
        """What rings on past the end goes on at the beginning."""
        place = self._grid.frames_per_bar * bar + self._grid.frames_per_beat * beat
        start = round(float(place) + half * self._swing * float(self._grid.frames_per_beat))
        sides = gain * np.array([np.sqrt((1 - pan) / 2), np.sqrt((1 + pan) / 2)])
        while len(note):
            start %= len(self.sound)
            part, note = note[: len(self.sound) - start], note[len(self.sound) - start :]
            self.sound[start : start + len(part)] += part[:, None] * sides
            start += len(part)

    def _seconds(self, seconds: float) -> Mono:
        return np.arange(round(seconds * self._grid.rate_hz)) / self._grid.rate_hz

    def _kick(self) -> Mono:
        seconds = self._seconds(0.25)
        return np.sin(2 * np.pi * (50 * seconds + 4.5 * (1 - np.exp(-30 * seconds)))) * np.exp(-14 * seconds)

    def _snare(self) -> Mono:
        seconds = self._seconds(0.2)
        noise = self._chance.standard_normal(len(seconds))
        return (0.5 * noise + 0.5 * np.sin(2 * np.pi * 190 * seconds)) * np.exp(-22 * seconds)

    def _hat(self) -> Mono:
        seconds = self._seconds(0.06)
        return np.diff(self._chance.standard_normal(len(seconds)), prepend=0.0) * np.exp(-70 * seconds)

    def _tone(self, note: int, beats: float, wave: Callable[[Mono, int], Mono], harmonics: int) -> Mono:
        seconds = self._seconds(beats * float(self._grid.frames_per_beat) / self._grid.rate_hz)
        body = wave(2 * np.pi * 440.0 * 2.0 ** ((note - 69) / 12) * seconds, harmonics)
        attack = np.minimum(1.0, seconds / 0.004)
        release = np.minimum(1.0, seconds[::-1] / 0.02)
        return body * attack * release * np.exp(-0.8 * seconds)


def _saw(phase: Mono, harmonics: int) -> Mono:
    total: Mono = np.zeros_like(phase)
    for harmonic in range(1, harmonics + 1):
        total += np.sin(harmonic * phase) / harmonic**1.3
    return total
