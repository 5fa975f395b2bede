"""The few ways in which every sound of the band is made: ringing partials, swept waveforms, shaped noise, rooms.

A sound is float32 [1, frames] (in the middle), or [2, frames] as middle and side: left is their sum, right their
difference. It begins at its first frame, so that what is placed on the grid is heard on the grid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Sound: TypeAlias = npt.NDArray[np.float32]
Curve: TypeAlias = npt.NDArray[np.float64]
"""One value a frame, or a few to be handed around: float64 [n]."""

_TABLE = 2048
_BLOCK = 512
TOP_HZ = 16_000.0


def ceiling_hz(rate_hz: int) -> float:
    """The highest frequency that is made at this rate."""
    return min(TOP_HZ, 0.45 * rate_hz)


def times(seconds: float, rate_hz: int) -> Curve:
    """The time of every frame, in seconds."""
    return np.arange(max(1, round(seconds * rate_hz))) / rate_hz


def faded(wave: Curve, rate_hz: int, in_seconds: float = 0.0, out_seconds: float = 0.01) -> Curve:
    """The same with a raised-cosine start and end, so that neither clicks."""
    shaped = wave.copy()
    for length, part in ((in_seconds, slice(None)), (out_seconds, slice(None, None, -1))):
        n = min(round(length * rate_hz), len(wave))
        if n:
            shaped[part][:n] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)
    return shaped


def ringing(partials: Sequence[tuple[float, float, float]], seconds: float, rate_hz: int) -> Curve:
    """Decaying sines, each beginning at 0. partials: frequency in Hz, amplitude, time constant in seconds; what lies
    above the ceiling is left out."""
    n = max(1, round(seconds * rate_hz))
    rows = -(-n // _BLOCK)
    total = np.zeros(rows * _BLOCK)
    for hz, amplitude, time_constant in partials:
        if hz >= ceiling_hz(rate_hz):
            continue
        rate = complex(-1.0 / time_constant, 2 * np.pi * hz) / rate_hz
        coarse = amplitude * np.exp(rate * _BLOCK * np.arange(rows))
        fine = np.exp(rate * np.arange(_BLOCK))
        # The imaginary part of a product, without making the real one.
        total += (np.outer(coarse.real, fine.imag) + np.outer(coarse.imag, fine.real)).ravel()
    trimmed: Curve = total[:n]
    return trimmed


def noise(seconds: float, low_hz: float, high_hz: float, rate_hz: int, seed: int, slope_db: float = 0.0) -> Curve:
    """Noise of rms 1 between two frequencies with soft edges. slope_db: per octave, within."""
    n = max(1, round(seconds * rate_hz))
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    hz = np.fft.rfftfreq(n, 1 / rate_hz)
    low_hz, high_hz = min(low_hz, 0.3 * rate_hz), min(high_hz, 0.48 * rate_hz)
    with np.errstate(divide="ignore"):
        octaves = np.log2(np.maximum(hz, 1.0) / low_hz)
    gain = 1 / np.sqrt(1 + 2.0 ** (-8 * octaves)) / np.sqrt(1 + (hz / high_hz) ** 8)
    gain *= 10 ** (slope_db * np.maximum(octaves, 0) / 20)
    gain[hz < 20] = 0
    shaped = np.fft.irfft(spectrum * gain, n)
    level: Curve = shaped / max(float(np.sqrt(np.mean(shaped**2))), 1e-12)
    return level


def glide(hz: Curve, rate_hz: int) -> Curve:
    """A sine whose frequency follows a curve, beginning at 0."""
    wave: Curve = np.sin(2 * np.pi * (np.cumsum(hz) - hz[0]) / rate_hz)
    return wave


Spectrum: TypeAlias = Callable[[Curve], Curve]
"""Amplitude of each harmonic, given their numbers from 1."""


def saw(harmonics: Curve) -> Curve:
    return 1 / harmonics


def square(harmonics: Curve) -> Curve:
    return np.where(harmonics % 2 == 1, 1 / harmonics, 0.02 / harmonics)


def pulse(width: float) -> Spectrum:
    """A rectangle that is up for this part of its period."""
    return lambda harmonics: np.abs(np.sin(np.pi * harmonics * width)) / harmonics


def drawbars(*levels: float) -> Spectrum:
    """An organ's: amplitudes of the first harmonics one by one."""

    def amplitudes(harmonics: Curve) -> Curve:
        values = np.zeros(len(harmonics))
        values[: len(levels)] = levels[: len(values)]
        return values

    return amplitudes


def _tables(hz: float, shape: Spectrum, cutoffs_hz: Curve, resonance: float, rate_hz: int) -> npt.NDArray[np.float32]:
    """One period for each cutoff: float32 [cutoffs, _TABLE + 1]."""
    count = int(min(ceiling_hz(rate_hz) / hz, _TABLE // 2 - 1))
    harmonics = np.arange(1, max(count, 1) + 1, dtype=np.float64)
    ratio = harmonics[None, :] * hz / cutoffs_hz[:, None]
    # A second-order low pass, twice over: its magnitude |1 / (1 - x^2 + i x / q)|, and a plain one after it.
    gain = 1 / np.sqrt((1 - ratio**2) ** 2 + (ratio / (0.7 + resonance)) ** 2) / np.sqrt(1 + ratio**4)
    spectrum = np.zeros((len(cutoffs_hz), _TABLE // 2 + 1), dtype=np.complex128)
    spectrum[:, 1 : len(harmonics) + 1] = -0.5j * _TABLE * shape(harmonics) * gain
    tables = np.fft.irfft(spectrum, _TABLE, axis=1)
    return np.concatenate((tables, tables[:, :1]), axis=1).astype(np.float32)


def swept(
    hz: Curve, shape: Spectrum, cutoff_hz: Curve, rate_hz: int, resonance: float = 0.0, phase: float = 0.0
) -> Curve:
    """A periodic wave through a low pass that moves: between waveforms of one period each, made for a dozen cutoffs.

    hz: the pitch; its bend must be small beside the ceiling. cutoff_hz: of the filter. phase: 0 to 1, where it begins.
    """
    low, high = float(cutoff_hz.min()), float(cutoff_hz.max())
    levels = 12
    cutoffs = np.geomspace(low, high * 1.001, levels)
    tables = _tables(float(hz.max()), shape, cutoffs, resonance, rate_hz).ravel()
    turns = (np.cumsum(hz) - hz[0]) / rate_hz + phase
    place = (_TABLE * (turns - np.floor(turns))).astype(np.float32)
    index = np.minimum(place.astype(np.intp), _TABLE - 1)  # a turn may round up to a whole one
    between = place - index.astype(np.float32)
    if high <= 1.01 * low:
        return _read(tables, index, between).astype(np.float64)
    level = (np.log(cutoff_hz / low) / np.log(cutoffs[-1] / low) * (levels - 1)).astype(np.float32)
    below = np.minimum(level.astype(np.intp), levels - 2)
    at = below * (_TABLE + 1) + index
    lower = _read(tables, at, between)
    upper = _read(tables, at + (_TABLE + 1), between)
    wave: Curve = (lower + (level - below.astype(np.float32)) * (upper - lower)).astype(np.float64)
    return wave


def _read(
    tables: npt.NDArray[np.float32], at: npt.NDArray[np.intp], between: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Between the value at a place and the next."""
    value = np.take(tables, at)
    read: npt.NDArray[np.float32] = value + between * (np.take(tables, at + 1) - value)
    return read


def in_room(wave: Curve, wet: float, seconds: float, rate_hz: int, seed: int, spread: float = 1.0) -> Sound:
    """The sound with a room around it: what is dry stays in the middle, and the room is as wide as `spread`.

    wet: the room's energy beside that of the dry sound. seconds: until the room is 60 dB down.
    """
    if wet <= 0:
        return wave.astype(np.float32)[None, :]
    tail = max(8, round(seconds * rate_hz))
    size = len(wave) + tail
    size_fft = min(factor << max((-(-size // factor) - 1).bit_length(), 1) for factor in (3, 4, 5))
    rng = np.random.default_rng(seed)
    t = np.arange(tail, dtype=np.float32) / np.float32(rate_hz)
    dry = wave.astype(np.float32)
    answers = rng.standard_normal((2, tail), dtype=np.float32) * (np.exp(-6.9 * t / seconds) * (1 - np.exp(-t / 0.006)))
    squared = (np.arange(size_fft // 2 + 1, dtype=np.float32) * np.float32(rate_hz / size_fft)) ** 2
    # Rooms swallow the highs, and the lows stay dry: mud is what a mix is spoiled by first.
    damping = squared / ((squared + 260.0**2) * np.sqrt(1 + squared / 4500.0**2))
    spectra = np.fft.rfft(answers, size_fft) * (np.fft.rfft(dry, size_fft) * damping)
    room: Sound = np.fft.irfft(spectra, size_fft)[:, :size].astype(np.float32)
    energy = float(np.sum(room[0] ** 2, dtype=np.float64))
    if energy > 0:
        room *= np.float32(np.sqrt(wet * float(np.sum(dry**2, dtype=np.float64)) / energy))
    room[1] *= np.float32(spread)
    room[0, : len(wave)] += dry
    return room


def normalised(sound: Sound, level: float, rate_hz: int, window_seconds: float = 0.05) -> Sound:
    """The same, so that its loudest window of the middle has this rms."""
    n = max(1, round(window_seconds * rate_hz))
    power = np.square(sound[0], dtype=np.float64)
    padded = np.concatenate((power, np.zeros(-len(power) % n))).reshape(-1, n)
    loudest = float(np.sqrt(padded.mean(axis=1).max()))
    return (sound * (level / loudest)).astype(np.float32) if loudest > 0 else sound
