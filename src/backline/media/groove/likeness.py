"""How well one slice of a loop can stand where another is expected."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backline.media.groove.heard import Slices
from backline.media.groove.spectra import Numbers

_TIMBRE_DB, _LEVEL_DB, _LEVEL_MOST = 10.0, 8.0, 1.5
_TIMBRE, _CHROMA, _ATTACK, _LEVEL = 1.0, 2.0, 0.5, 0.5
_EXPECTED, _BEFORE, _AFTER = 0.55, 0.25, 0.20
"""A jump is judged by the slice that it leaves out, and by what leads to and away from where it lands."""
_USUAL, _MOST = 0.8, 1.6
"""What a jump from anywhere to anywhere costs on average, and at most, whatever the loop is like."""
_OTHER_PLACE, _OTHER_STRESS, _DOWNBEAT, _BETWEEN = 0.2, 0.4, 0.8, 3.0


def distances(slices: Slices, tonal: float) -> Numbers:
    """[slices, slices], 0 alike, about 1 where chord or drum is another. tonal: how much notes matter, 0 to 1."""
    timbre = slices.timbre.reshape(len(slices), -1)
    chroma = slices.chroma / np.maximum(np.linalg.norm(slices.chroma, axis=1, keepdims=True), 1e-9)
    level = 10 * np.log10(slices.power + 1e-7)
    total = _TIMBRE * np.sqrt(_squares(timbre) / timbre.shape[1]) / _TIMBRE_DB
    total += _CHROMA * tonal * np.clip(1 - chroma @ chroma.T, 0, 1)
    total += _ATTACK * np.abs(slices.attack[:, None] - slices.attack)
    total += _LEVEL * np.minimum(np.abs(level[:, None] - level) / _LEVEL_DB, _LEVEL_MOST)
    found: Numbers = total.astype(np.float32)
    np.fill_diagonal(found, 0.0)
    return found


def follow_costs(slices: Slices, apart: Numbers) -> Numbers:
    """[from, to]: what it costs to go on from one beat with another; 0 for the one that follows it in the loop."""
    after = slices.successors
    before = np.empty_like(after)
    before[after] = np.arange(len(slices))
    costs: Numbers = _EXPECTED * apart[after] + _BEFORE * apart[:, before] + _AFTER * apart[after[after]][:, after]
    usual = float(np.median(costs)) or 1.0
    costs = np.minimum(costs * _USUAL / usual, _MOST)
    costs[np.arange(len(slices)), after] = 0.0
    return costs


def place_costs(beats_per_bar: int) -> Numbers:
    """[wanted, heard]: what it costs to play an eighth at another place of the bar; most on the downbeat, and more yet
    where a beat is to stand between beats."""
    places = np.arange(2 * beats_per_bar)
    stress = np.array([_stress(place, beats_per_bar) for place in range(2 * beats_per_bar)])
    costs = _OTHER_PLACE + _OTHER_STRESS * np.abs(stress[:, None] - stress)
    costs[0] += _DOWNBEAT
    costs[:, 0] += _DOWNBEAT / 2
    costs[(places[:, None] + places) % 2 == 1] = _BETWEEN
    np.fill_diagonal(costs, 0.0)
    found: Numbers = costs.astype(np.float32)
    return found


def _stress(eighth: int, beats_per_bar: int) -> float:
    if eighth == 0:
        return 2.0
    if eighth == beats_per_bar:  # the middle of the bar, if that is a beat
        return 1.5 if beats_per_bar % 2 == 0 else 0.0
    return 1.0 if eighth % 4 == 0 and beats_per_bar > 3 else 0.0


def _squares(features: Numbers) -> npt.NDArray[np.float64]:
    """Squared distances of all pairs."""
    wide = features.astype(np.float64)
    lengths = np.square(wide).sum(axis=1)
    squares: npt.NDArray[np.float64] = np.maximum(lengths[:, None] + lengths - 2 * wide @ wide.T, 0.0)
    return squares
