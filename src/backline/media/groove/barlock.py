"""Music that keeps only roughly to a tempo, cut and stretched so that its beats lie on a grid."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from backline.media.audio import Samples
from backline.media.groove.bars import BarGrid
from backline.media.groove.pulse import (
    DOUBTFUL_CLARITY,
    SURE_CLARITY,
    WIDEST_PHASE_BEATS,
    WIDEST_TEMPO,
    Onsets,
    Pulse,
    fit,
)
from backline.media.groove.stretch import Stretcher, Tape

_SPAN_SECONDS = 1.0
_FEWEST_BEATS = 2
_REMEMBERED_SPANS = 6
_LEFT_ALONE_SECONDS = 0.002


class BarLock:
    """Reads a source of sound and gives bars whose beats lie on the grid.

    About every second (a span: whole beats, at least one) the comb of sixteenths that fits the onsets best tells where
    the beats of the source are, within 4.5 % of the tempo and an eighth of a beat, which is 3 % of a bar of four. That
    draws a map of time along which the source is stretched. What shows no pulse (silence, a drone, noise) goes on at
    the tempo found so far, and as it is when none was found. The source must begin on a bar line, to an eighth of a
    beat. It is read up to two spans ahead of the bar that is given, and no more than two before it are kept.
    """

    def __init__(self, read: Callable[[int], Samples], grid: BarGrid) -> None:
        """read: the next so many frames of the source, float32 [frames, 2] at the grid's rate."""
        self._grid = grid
        self._tape = Tape(read)
        self._stretcher = Stretcher(self._tape, grid.rate_hz)
        self._onsets = Onsets(grid.rate_hz)
        self._beat = float(grid.frames_per_beat)
        self._span_beats = max(1, round(_SPAN_SECONDS * grid.rate_hz / self._beat))
        self._back_beats = max(2 * self._span_beats, _FEWEST_BEATS)
        self._ratio = 1.0
        self._trusted = 0.0
        self._spans = 0
        self._knots: deque[tuple[float, float]] = deque([(0.0, 0.0)])
        self._given = 0

    def read_bar(self, bar: int) -> Samples:
        """The next bar, float32 [grid.length(bar), 2]. bar: its number, for its exact length."""
        length = self._grid.length(bar)
        while self._knots[-1][0] < self._given + length + self._stretcher.reach_frames:
            self._draw()
        made = self._stretcher.read(length, self._where)
        self._given += length
        self._let_go()
        return made

    def _where(self, frame: int) -> float:
        index = bisect_right(self._knots, (float(frame), np.inf)) - 1
        played, heard = self._knots[index]
        next_played, next_heard = self._knots[index + 1]
        return heard + (frame - played) * (next_heard - heard) / (next_played - played)

    def _draw(self) -> None:
        """One more span of the map."""
        heard = self._knots[-1][1]
        pulse = self._listen(heard)
        trust = min(1.0, max(0.0, (pulse.clarity - DOUBTFUL_CLARITY) / (SURE_CLARITY - DOUBTFUL_CLARITY)))
        length = self._span_beats * self._beat
        ratio = self._ratio + trust * (pulse.ratio - self._ratio)
        end = heard + trust * pulse.phase_frames + ratio * length
        held = heard + self._ratio * length
        if abs(end - held) <= _LEFT_ALONE_SECONDS * self._grid.rate_hz:
            end = held
        elif trust > 0:
            self._trusted = min(_REMEMBERED_SPANS, self._trusted + trust)
            self._ratio += (ratio - self._ratio) * trust / self._trusted
        self._spans += 1
        self._knots.append((float(self._grid.frames_per_beat * self._span_beats * self._spans), end))

    def _listen(self, heard: float) -> Pulse:
        """From two spans back, as far as there are any, to a whole one ahead."""
        step = self._onsets.step_frames
        back = min(self._back_beats, int(heard / (self._beat * (1 + WIDEST_TEMPO))))
        reach = WIDEST_PHASE_BEATS * self._beat + self._onsets.reach_frames
        begin = max(0, int(heard - back * self._beat * (1 + WIDEST_TEMPO) - reach))
        first, last = (-back, self._span_beats - 1) if back else (1, max(self._span_beats, _FEWEST_BEATS) + 1)
        end = int(heard + (last + 1) * self._beat * (1 + WIDEST_TEMPO) + reach)
        curve = self._onsets.curve(self._tape.cut(begin, end))
        at = (heard - begin - self._onsets.reach_frames / 2) / step
        found = fit(curve, at, self._beat / step, first, last, self._ratio)
        return replace(found, phase_frames=found.phase_frames * step)

    def _let_go(self) -> None:
        while len(self._knots) > 2 and self._knots[1][0] <= self._given:
            self._knots.popleft()
        back = self._back_beats * self._beat * (1 + WIDEST_TEMPO) + WIDEST_PHASE_BEATS * self._beat
        oldest = self._knots[-1][1] - back - self._onsets.reach_frames - 1
        self._tape.forget(int(min(oldest, self._stretcher.needed_from)))
