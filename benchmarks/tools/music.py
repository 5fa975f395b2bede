"""What an ear would say of a piece of music, in numbers: clicks, tempo, harmony, what is new.

It shares no code with the engines that it judges.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples
from backline.media.groove.bars import BarGrid

Numbers = npt.NDArray[np.float64]

HIGH_HZ, MOMENT_SECONDS, AROUND_SECONDS = 10_000.0, 0.002, 0.1
"""A click is what is brighter than this, in so short a moment, against what is so far around it."""
HOP_SECONDS, WINDOW = 0.005, 1024
HARMONICS = (1, 2, 4)
SAME_BAR = 0.95
"""Two bars are one when their samples correlate by more."""


def click_db(samples: Samples, rate_hz: int, at: int) -> float:
    """Energy above 10 kHz within a millisecond of a place, against the median moment around it."""
    moment = round(MOMENT_SECONDS * rate_hz)
    moments = 2 * round(AROUND_SECONDS / MOMENT_SECONDS) + 1
    first = at - moment * moments // 2
    padded = np.pad(samples, ((moment * moments, moment * moments), (0, 0)))
    near = padded[first + moment * moments : first + 2 * moment * moments].mean(axis=1).astype(np.float64)
    spectrum = np.fft.rfft(near)
    spectrum[np.fft.rfftfreq(len(near), 1 / rate_hz) < HIGH_HZ] = 0
    energy = (np.fft.irfft(spectrum, len(near)) ** 2).reshape(moments, moment).sum(axis=1)
    floor = max(float(np.median(energy)), 1e-14)
    return float(10 * np.log10(max(energy[moments // 2], 1e-14) / floor))


def spectrogram(samples: Samples, rate_hz: int, window: int = WINDOW, hop_seconds: float = HOP_SECONDS) -> Numbers:
    """Magnitudes [moments, window / 2 + 1] of both channels together."""
    flat = samples.mean(axis=1).astype(np.float64)
    hop = hop_seconds * rate_hz
    starts = np.round(np.arange(max(int((len(flat) - window) / hop), 1)) * hop).astype(int)
    padded = np.pad(flat, (0, window))
    shape = np.hanning(window)
    return np.array([np.abs(np.fft.rfft(padded[start : start + window] * shape)) for start in starts])


def onsets(samples: Samples, rate_hz: int) -> Numbers:
    """How much louder each moment is than the last one, over all frequencies; one value every 5 ms."""
    loudness = np.log1p(100 * spectrogram(samples, rate_hz))
    return np.concatenate([[0.0], np.clip(np.diff(loudness, axis=0), 0, None).sum(axis=1)])


def tempo_bpm(samples: Samples, rate_hz: int, near_bpm: float, reach: float = 0.05) -> float:
    """The pulse within `reach` of a tempo that the onsets follow most; exact to some 0.1 % over a minute of music."""
    strength = onsets(samples, rate_hz)
    strength = (strength - strength.mean()) * np.hanning(len(strength))
    coarse = near_bpm * np.linspace(1 - reach, 1 + reach, 201)
    found = coarse[_pulse(strength, coarse).argmax()]
    fine = found + np.linspace(-1, 1, 41) * (coarse[1] - coarse[0])
    return float(fine[_pulse(strength, fine).argmax()])


def _pulse(strength: Numbers, candidates_bpm: Numbers) -> Numbers:
    """How much of it repeats with each tempo's beats, half beats and quarter beats."""
    times = np.arange(len(strength)) * HOP_SECONDS
    turns = [np.exp(-2j * np.pi * harmonic * np.outer(candidates_bpm / 60, times)) for harmonic in HARMONICS]
    total: Numbers = np.sum([np.abs(one @ strength) for one in turns], axis=0)
    return total


def chroma(samples: Samples, rate_hz: int) -> Numbers:
    """How much of each of the twelve notes there is, from 55 Hz to 2 kHz; of length 1."""
    window = 2 ** round(np.log2(0.18 * rate_hz))
    energy = spectrogram(samples, rate_hz, window, 0.05).sum(axis=0)
    hz = np.fft.rfftfreq(window, 1 / rate_hz)
    heard = (hz >= 55) & (hz <= 2000)
    notes = np.round(12 * np.log2(hz[heard] / 440)).astype(int) % 12
    found = np.bincount(notes, energy[heard], 12)
    return found / max(float(np.linalg.norm(found)), 1e-12)


def bars_of(samples: Samples, grid: BarGrid) -> list[Samples]:
    """Whole bars; a shorter rest at the end is left out."""
    count = 0
    while grid.start(count + 1) <= len(samples):
        count += 1
    return [samples[grid.start(bar) : grid.start(bar + 1)] for bar in range(count)]


def new_share(played: Sequence[Samples], loop: Sequence[Samples]) -> float:
    """Of the bars that were played, how many are none of the loop's."""
    repeated = sum(any(_alike(bar, other) > SAME_BAR for other in loop) for bar in played)
    return 1 - repeated / len(played)


def _alike(one: Samples, other: Samples) -> float:
    length = min(len(one), len(other))
    a, b = one[:length].mean(axis=1), other[:length].mean(axis=1)
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))
