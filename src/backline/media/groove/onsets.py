"""Where notes and hits begin: the pulse, the swing and the pattern of a loop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backline.media.groove.bars import BarGrid
from backline.media.groove.heard import SIXTEENTHS_PER_BEAT
from backline.media.groove.spectra import Numbers, band_edges, in_bands, moments, power_of_two

BANDS = 24
LOWEST_HZ, HIGHEST_HZ = 40.0, 16000.0
_LOW_HZ, _HIGH_HZ = 200.0, 2000.0
_WINDOW_SECONDS, _HOP_SECONDS = 0.021, 0.005
_FLOOR_DB = -45.0
"""Below the loudest band moment; what is quieter counts as silence."""
_BACK = 4
"""How many moments back a rise is looked for: a low note that beats against its window rises again and again."""
_PROMINENT = 0.12
"""A peak of the onset strength, 1 the strongest, that counts as a note or a hit."""
_SWING_FROM, _SWING_TO, _SWING_AT_LEAST = 0.44, 0.70, 0.12


@dataclass(frozen=True, slots=True)
class Pulse:
    """hop_seconds: from moment to moment. levels_db: float32 [moments, BANDS]. strength: float32 [moments, 3], how much
    the lows, the middle and the highs rise; 1 is the strongest of all three together."""

    hop_seconds: float
    levels_db: Numbers
    strength: Numbers

    @property
    def whole(self) -> Numbers:
        total: Numbers = self.strength.sum(axis=1)
        return total


def pulse_of(flat: Numbers, rate_hz: int) -> Pulse:
    """Listen to one channel."""
    window = max(power_of_two(_WINDOW_SECONDS, rate_hz), 2 * BANDS + 4)
    hop = max(round(_HOP_SECONDS * rate_hz), 1)
    edges = band_edges(LOWEST_HZ, HIGHEST_HZ, BANDS, window, rate_hz)
    energy = np.concatenate([in_bands(np.square(part), edges) for part in moments(flat, window, hop)])
    loudest = float(energy.max(initial=0.0))
    if loudest <= 0:
        return Pulse(hop / rate_hz, np.full_like(energy, _FLOOR_DB), np.zeros((len(energy), 3), np.float32))
    levels = (10 * np.log10(energy / loudest + 10 ** (_FLOOR_DB / 10))).astype(np.float32)
    before = np.pad(levels, ((_BACK, 0), (0, 0)), constant_values=_FLOOR_DB)
    latest = np.max([before[back : back + len(levels)] for back in range(_BACK)], axis=0)
    rises = np.clip(levels - latest, 0, None)
    hz = edges[:-1] * rate_hz / window
    groups = (hz < _LOW_HZ, (hz >= _LOW_HZ) & (hz < _HIGH_HZ), hz >= _HIGH_HZ)
    strength = np.stack([rises[:, group].sum(axis=1) / BANDS for group in groups], axis=1)
    return Pulse(hop / rate_hz, levels, (strength / max(float(strength.sum(axis=1).max()), 1e-9)).astype(np.float32))


def peaks(strength: Numbers, least: float = _PROMINENT) -> npt.NDArray[np.int64]:
    """Moments that stand out from the 50 ms around them."""
    reach = 5
    padded = np.pad(strength, reach)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    standing = (strength >= around.max(axis=1)) & (strength >= least) & (strength > 2 * np.median(around, axis=1))
    return np.flatnonzero(standing)


def phases(pulse: Pulse, start: int, frames_per_beat: float, rate_hz: int) -> tuple[Numbers, Numbers]:
    """Of every onset: where it lies, in beats since frame `start`, and how strong it is."""
    found = peaks(pulse.whole)
    beats = (found * pulse.hop_seconds * rate_hz - start) / frames_per_beat
    return beats.astype(np.float32), pulse.whole[found]


def swing_of(beats: Numbers, strength: Numbers) -> float:
    """Where the second eighth of a beat lies, against the first; 0.5 where nothing tells."""
    if not len(beats):
        return 0.5
    within = beats % 1.0
    on_beat = np.abs((within + 0.5) % 1.0 - 0.5) < 0.12
    offbeat = (within >= _SWING_FROM) & (within <= _SWING_TO)
    if strength[offbeat].sum() < _SWING_AT_LEAST * strength.sum() or not on_beat.any():
        return 0.5
    late = np.average((within[on_beat] + 0.5) % 1.0 - 0.5, weights=strength[on_beat])
    second = float(_weighted_median(within[offbeat], strength[offbeat]) - late)
    return 0.5 if abs(second - 0.5) < 0.04 else min(max(second, 0.5), 0.68)


def groove_of(pulse: Pulse, start: int, frames_per_beat: float, grid: BarGrid) -> Numbers:
    """float32 [3, sixteenths of a bar]: what begins where, on average over the bars."""
    sixteenths = grid.beats_per_bar * SIXTEENTHS_PER_BEAT
    pattern = np.zeros((3, sixteenths))
    found = peaks(pulse.whole, least=0.08)
    beats = (found * pulse.hop_seconds * grid.rate_hz - start) / frames_per_beat
    places = np.round(beats * SIXTEENTHS_PER_BEAT).astype(int)
    for band in range(3):
        pattern[band] = np.bincount(places % sixteenths, pulse.strength[found, band], sixteenths)
    strongest: Numbers = (pattern / max(float(pattern.max()), 1e-9)).astype(np.float32)
    return strongest


def _weighted_median(values: Numbers, weights: Numbers) -> float:
    order = np.argsort(values)
    running = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(running, running[-1] / 2)])
