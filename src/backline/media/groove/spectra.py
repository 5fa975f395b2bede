"""Spectra over time: what listening begins with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples
from backline.media.groove.heard import BANDS_HZ

Numbers = npt.NDArray[np.float32]

_VALUES_AT_ONCE = 2**20  # bounds what a long loop needs while it is listened to
_THIRD = 2.0 ** (1 / 6)  # from the middle of a third-octave band to its edge


def power_of_two(seconds: float, rate_hz: int) -> int:
    """The power of two that is nearest to so long a time, in frames."""
    return int(2 ** round(np.log2(seconds * rate_hz)))


def moments(flat: Numbers, window: int, hop: int) -> Iterator[Numbers]:
    """Magnitudes [moments, window / 2 + 1], some at a time; the middle of moment n is frame n * hop."""
    padded = np.pad(flat, (window // 2, window // 2))
    views = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    shape = np.hanning(window + 1)[:-1].astype(np.float32)
    at_once = max(_VALUES_AT_ONCE // window, 1)
    for first in range(0, len(views), at_once):
        spectra = np.fft.rfft(views[first : first + at_once] * shape, axis=1)
        yield np.abs(spectra).astype(np.float32)


def band_edges(lowest_hz: float, highest_hz: float, bands: int, window: int, rate_hz: int) -> npt.NDArray[np.int64]:
    """Bins where bands of equal width in octaves begin, and where the last ends; each has a bin at least."""
    wanted = np.geomspace(lowest_hz, min(highest_hz, rate_hz / 2), bands + 1) * window / rate_hz
    edges = np.round(wanted).astype(np.int64)
    edges = np.maximum.accumulate(np.maximum(edges - np.arange(bands + 1), 1)) + np.arange(bands + 1)
    return np.minimum(edges, window // 2 + 1)


def in_bands(powers: Numbers, edges: npt.NDArray[np.int64]) -> Numbers:
    """Sums [moments, bands] of powers [moments, bins]."""
    running = np.concatenate([np.zeros((len(powers), 1)), np.cumsum(powers, axis=1, dtype=np.float64)], axis=1)
    sums: Numbers = np.diff(running[:, edges], axis=1).astype(np.float32)
    return sums


def third_octaves(samples: Samples, rate_hz: int) -> Numbers:
    """Each band's share of the energy, float32 [len(BANDS_HZ)], together 1; all 0 where there is none."""
    window = power_of_two(0.17, rate_hz)
    middles = np.asarray(BANDS_HZ)
    edges = np.append(middles / _THIRD, middles[-1] * _THIRD) * window / rate_hz
    energy = np.zeros(len(BANDS_HZ))
    for side in samples.T:
        total = np.zeros(window // 2 + 1)
        for magnitudes in moments(side, window, window):
            total += np.square(magnitudes, dtype=np.float64).sum(axis=0)
        running = np.concatenate([[0.0], np.cumsum(total)])
        energy += np.diff(np.interp(edges, np.arange(len(running)), running))
    whole = energy.sum()
    shares: Numbers = (energy / whole if whole > 0 else energy).astype(np.float32)
    return shares
