"""A loop cut into its eighths."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples
from backline.media.groove.bars import BarGrid
from backline.media.groove.onsets import Pulse
from backline.media.groove.spectra import Numbers

MOST_BARS = 64
"""So much of a loop is listened to and played with; it bounds memory and work for long recordings."""
_NEARLY = Fraction(1, 50)
_SLACK_SECONDS = 0.004
_LATE_SECONDS, _LATE_AT_LEAST_SECONDS = 0.045, 0.006
"""How far off its beats a recording may begin, and what is not worth a change."""
_CLEARLY, _BETTER = 6.0, 1.5
"""How much more must begin on the beats then, than on average, and than without the change."""
_ONSET_SEEN_SECONDS = -0.003
"""An onset is seen so much too early: half a window, less what it takes to rise."""
_LEAD_SECONDS, _PAST_SECONDS, _MOMENT_SECONDS = 0.025, 0.012, 0.001
_EARLIER = 4
_SUDDEN = 6.0
_SILENT = 1e-9


@dataclass(frozen=True, slots=True)
class Cut:
    """samples: what there is to play with, at least one beat. frames_per_beat: the loop's own. eighths: how many.
    late_frames: where its first beat is, which may be before its beginning."""

    samples: Samples
    frames_per_beat: Fraction
    eighths: int
    late_frames: int = 0

    def edges(self, swing: float = 0.5) -> npt.NDArray[np.int64]:
        """Where each begins, in frames, and where the last one ends; swing: where in a beat the second one begins."""
        late = Fraction(swing).limit_denominator(1000)
        places = [eighth // 2 + eighth % 2 * late for eighth in range(self.eighths + 1)]
        return np.array([round(self.frames_per_beat * place) + self.late_frames for place in places], dtype=np.int64)


def cut(loop: Samples, grid: BarGrid, pulse: Pulse) -> Cut:
    """The eighths of a loop.

    A loop that is within 2 % of whole bars long is taken for so many bars, unless what it plays says that its beats are
    the grid's: its own beats are a little longer or shorter then, and no part of a sample adds up. Any other is cut at
    the grid, and what is left after its last whole eighth is what rings on after it. A loop shorter than a beat is
    repeated to fill one. A recording that begins some milliseconds too early or too late is put right.
    """
    bars = max(round(len(loop) / grid.frames_per_bar), 1)
    if abs(len(loop) - bars * grid.frames_per_bar) <= _NEARLY * bars * grid.frames_per_bar:
        beats = bars * grid.beats_per_bar
        own = Fraction(len(loop), beats)
        near = abs(len(loop) - bars * grid.frames_per_bar) < _SLACK_SECONDS * grid.rate_hz
        of_own, of_grid = _Comb(pulse, own, grid), _Comb(pulse, grid.frames_per_beat, grid)
        if near or of_own.best >= of_grid.best:
            return Cut(loop, own, 2 * beats, of_own.late_frames)
    if len(loop) < grid.frames_per_beat * (1 - _NEARLY):
        return Cut(_one_beat(loop, grid), grid.frames_per_beat, 2)
    late_frames = _Comb(pulse, grid.frames_per_beat, grid).late_frames
    eighths = int(2 * (len(loop) - max(late_frames, 0)) / grid.frames_per_beat + 2 * _NEARLY)
    return Cut(loop, grid.frames_per_beat, max(eighths, 1), late_frames)


class _Comb:
    """How much begins on the beats and their halves, where all of them are a little later or earlier."""

    def __init__(self, pulse: Pulse, frames_per_beat: Fraction, grid: BarGrid) -> None:
        strength = pulse.whole
        hops_per_half = float(frames_per_beat) / (2 * pulse.hop_seconds * grid.rate_hz)
        halves = np.arange(max(round(len(strength) / hops_per_half), 1))
        weights = np.where(halves % 2, 0.5, 1.0)
        reach = round(_LATE_SECONDS / pulse.hop_seconds)
        self._hops = np.arange(-reach, reach + 1)
        places = (halves * hops_per_half + self._hops[:, None]) % max(len(strength) - 1, 1)
        self._scores = np.interp(places, np.arange(len(strength)), strength) @ weights / weights.sum()
        self._mean, self._grid, self._hop_seconds = float(strength.mean()), grid, pulse.hop_seconds
        self.best = float(self._scores.max())

    @property
    def late_frames(self) -> int:
        """0 unless it makes a clear difference."""
        place = int(self._scores[1:-1].argmax()) + 1
        before, best, after = self._scores[place - 1 : place + 2]
        bend = before - 2 * best + after
        between = np.clip(0.5 * (before - after) / bend, -0.5, 0.5) if bend < 0 else 0.0
        late_seconds = float(self._hops[place] + between) * self._hop_seconds - _ONSET_SEEN_SECONDS
        clear = best > _CLEARLY * self._mean and best > _BETTER * self._scores[len(self._scores) // 2]
        return round(late_seconds * self._grid.rate_hz) if clear and abs(late_seconds) > _LATE_AT_LEAST_SECONDS else 0


def _one_beat(loop: Samples, grid: BarGrid) -> Samples:
    """Struck on the beat; on its half and its quarters too where it is short enough."""
    beat = np.zeros((grid.place(0, 1), 2), dtype=np.float32)
    strokes = next(count for count in (4, 2, 1) if len(loop) <= grid.frames_per_beat / count)
    for stroke in range(strokes):
        start = grid.place(0, Fraction(stroke, strokes))
        part = loop[: len(beat) - start]
        beat[start : start + len(part)] += part
    return beat


def powers(samples: Samples, edges: npt.NDArray[np.int64]) -> Numbers:
    """Mean square of each slice."""
    inside = pairwise(edges.clip(0, len(samples)))
    means = [np.square(samples[start:end]).sum() / max(2 * (end - start), 1) for start, end in inside]
    return np.array(means, dtype=np.float32)


def beginnings(samples: Samples, starts: npt.NDArray[np.int64], rate_hz: int) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """How suddenly each slice begins, 0 to 1, and how many frames before its start that is."""
    moment = max(round(_MOMENT_SECONDS * rate_hz), 1)
    before, after = round(_LEAD_SECONDS / _MOMENT_SECONDS), round(_PAST_SECONDS / _MOMENT_SECONDS)
    frames = (starts[:, None] + np.arange(-before * moment, after * moment)) % len(samples)
    near = samples[frames]
    bright = np.square(near - samples[frames - 1]).sum(axis=2) + 1e-3 * np.square(near).sum(axis=2)
    energy = bright.reshape(len(starts), before + after, moment).sum(axis=2)
    floor = _SILENT * moment + 1e-4 * float(energy.max(initial=0.0))
    running = np.cumsum(np.pad(energy, ((0, 0), (_EARLIER + 1, 0)), mode="edge"), axis=1)
    earlier = (running[:, _EARLIER:-1] - running[:, : -_EARLIER - 1]) / _EARLIER
    rise = (energy + floor) / (earlier + floor)
    sharpest = rise.argmax(axis=1)
    attack = np.clip(np.log(rise.max(axis=1)) / np.log(30.0), 0.0, 1.0)
    early = np.where((rise.max(axis=1) > _SUDDEN) & (sharpest <= before), (before - sharpest + 1) * moment, moment)
    return attack.astype(np.float32), early.astype(np.int64)
