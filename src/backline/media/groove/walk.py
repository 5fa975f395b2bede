"""Which slice comes next: a walk over the eighths of a loop that keeps its groove and never stays for long."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backline.media.groove.likeness import distances, follow_costs, place_costs
from backline.media.groove.pool import Pool
from backline.media.groove.spectra import Numbers

_TIGHTNESS = 0.16
"""Cost that makes a slice 2.7 times less likely, at temperature 1."""
_STAYING = 0.25
"""What a jump costs, at loop weight 1."""
_BETWEEN_BEATS = 0.15
"""What a jump between two beats costs more, where a beat is a second."""
_OTHER_CHORD_AT_BAR, _OTHER_CHORD_AT_HALF, _OTHER_CHORD_ELSEWHERE = 0.1, 0.7, 1.3
"""What going to another chord than the one that is due costs: on the downbeat, in the middle of the bar, elsewhere."""
_PLAYED = 0.4
_MEMORY = 0.75
"""A slice that was just played costs so much more, at temperature 1; after so much of a loop it is 2.7 times less."""
_BAR_AS_IT_WAS = 2.4
"""What it costs, at temperature 1, to finish a bar as the loop has it."""
_ALIKE = 0.25
"""Distance at which two slices are 2.7 times less the same thing."""


class Walk:
    """It begins on the first slice. beat_seconds: fast music jumps on beats only, slow music between them too."""

    def __init__(self, pool: Pool, beats_per_bar: int, beat_seconds: float) -> None:
        slices = pool.slices
        self._places, self._successors = slices.places, slices.successors
        apart = distances(slices, pool.tonal)
        self._follow = follow_costs(slices, apart)
        self._alike = np.exp(-apart / _ALIKE)
        self._chords = np.array([chord.root + 12 * chord.minor for chord in pool.chords])
        self._tonal = pool.tonal
        self._place = place_costs(beats_per_bar)
        self._between_beats = _BETWEEN_BEATS / beat_seconds
        self._ages = np.full(len(slices), 1e6)
        self._due, self._as_it_was = 0, 1.0
        self.now = 0
        self._visit(0)

    def step(
        self, place: int, chance: np.random.Generator, *, temperature: float, topk: int, loop_weight: float
    ) -> int:
        """Choose what to play at an eighth of the bar; `now` is where the walk stands then."""
        natural = int(self._successors[self.now])
        jump = _STAYING * loop_weight + (self._between_beats if place % 2 else 0.0)
        costs = self._follow[self.now] + self._place[place, self._places] + jump
        costs += self._tonal * self._other_chord(place) * (self._chords != self._chords[natural])
        costs += temperature * _PLAYED * np.exp(-self._ages / (_MEMORY * len(self._ages)))
        costs[natural] -= jump
        if place:
            stale = _BAR_AS_IT_WAS * self._as_it_was * place / (len(self._place) - 1)
            costs += temperature * stale * self._alike[self._successors[self._due]]
        chosen = _draw(costs, temperature, topk, chance)
        self._compare(place, chosen)
        self._visit(chosen)
        return chosen

    def _other_chord(self, place: int) -> float:
        if place == 0:
            return _OTHER_CHORD_AT_BAR
        return _OTHER_CHORD_AT_HALF if 2 * place == len(self._place) else _OTHER_CHORD_ELSEWHERE

    def _compare(self, place: int, chosen: int) -> None:
        """How much the bar has been as the loop has it: 1 all along, 0 not at all."""
        if place == 0:
            self._due, self._as_it_was = chosen, 1.0
        else:
            self._due = int(self._successors[self._due])
            self._as_it_was *= float(self._alike[self._due, chosen])

    def _visit(self, index: int) -> None:
        self._ages += 1
        self._ages[index] = 0
        self.now = index


def _draw(costs: Numbers | npt.NDArray[np.float64], temperature: float, topk: int, chance: np.random.Generator) -> int:
    """One of the `topk` cheapest, the cheaper the likelier; at temperature 0 the cheapest."""
    luck = chance.random()  # drawn even if it is not needed: the stream does not depend on the controls
    if temperature <= 0 or topk <= 1 or len(costs) == 1:
        return int(np.argmin(costs))
    best = np.argsort(costs, kind="stable")[:topk]
    weights = np.exp(-(costs[best] - costs[best[0]]) / (_TIGHTNESS * temperature))
    running = np.cumsum(weights)
    return int(best[min(np.searchsorted(running, luck * running[-1], side="right"), len(best) - 1)])
