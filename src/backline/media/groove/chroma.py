"""Which notes sound, and which chords and key they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from backline.media.groove.heard import Chord, Key
from backline.media.groove.spectra import Numbers, moments, power_of_two

LOWEST_HZ, HIGHEST_HZ, _BASS_HZ = 36.0, 2100.0, 180.0
_WINDOW_SECONDS = 0.34
_STANDS_OUT = 3.0  # a note is a peak that is so many times as high as its surroundings
_SURROUNDINGS_HZ = 60.0
_HARMONIC_FADE = 0.6
"""How much less each next harmonic of a note of a chord weighs (Gomez, Tonal Description of Polyphonic Audio, 2006)."""
_MAJOR_PROFILE = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR_PROFILE = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
"""How well each note fits a key: Krumhansl and Kessler, Psychological Review 89, 1982."""
_IN_KEY, _IN_BASS = 0.20, 0.20


def chroma_of(flat: Numbers, rate_hz: int) -> tuple[Numbers, Numbers, int]:
    """Magnitude of each note of the octave over time, [moments, 12], of all and of the bass alone; frames from moment
    to moment. Only what stands out of its surroundings counts, so drums tell little."""
    window = power_of_two(_WINDOW_SECONDS, rate_hz)
    hop = window // 8
    every: list[Numbers] = []
    bass: list[Numbers] = []
    for magnitudes in moments(flat, window, hop):
        moment, note, height, hz = _notes(magnitudes, rate_hz / window)
        for low_only, found in ((False, every), (True, bass)):
            weight = np.where(hz < _BASS_HZ, height, 0.0) if low_only else height
            counts = np.bincount(moment * 12 + note, weight, 12 * len(magnitudes))
            found.append(counts.reshape(-1, 12).astype(np.float32))
    return np.concatenate(every), np.concatenate(bass), hop


def _notes(magnitudes: Numbers, bin_hz: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Numbers, Numbers]:
    """Every peak: its moment, its note 0 to 11, its height and its frequency, found between the bins."""
    first, last = int(LOWEST_HZ / bin_hz), min(int(HIGHEST_HZ / bin_hz), magnitudes.shape[1] - 2)
    middle = magnitudes[:, first:last]
    below, above = magnitudes[:, first - 1 : last - 1], magnitudes[:, first + 1 : last + 1]
    reach = max(int(_SURROUNDINGS_HZ / bin_hz), 2)
    running = np.cumsum(np.pad(magnitudes, ((0, 0), (reach + 1, reach))), axis=1)
    around = (running[:, 2 * reach + 1 :] - running[:, : -2 * reach - 1])[:, first:last] / (2 * reach + 1)
    moment, place = np.nonzero((middle > below) & (middle >= above) & (middle > _STANDS_OUT * around))
    low, high, height = (np.log(part[moment, place] + 1e-9) for part in (below, above, middle))
    shift = 0.5 * (low - high) / np.minimum(low - 2 * height + high, -1e-6)
    hz = (first + place + np.clip(shift, -0.5, 0.5)) * bin_hz
    note = np.round(12 * np.log2(hz / 440.0)).astype(np.int64) + 9
    return moment, note % 12, np.sqrt(middle[moment, place]), hz.astype(np.float32)


def between(chroma: Numbers, hop: int, start: float, end: float) -> Numbers:
    """The mean over a stretch of frames; the loop goes round."""
    moments_meant = np.arange(round(start / hop), max(round(end / hop), round(start / hop) + 1))
    mean: Numbers = chroma[moments_meant % len(chroma)].mean(axis=0)
    return mean


def key_of(chroma: Numbers) -> Key:
    """chroma: float32 [12], of the whole loop."""
    profiles = np.array([np.roll(one, tonic) for one in (_MAJOR_PROFILE, _MINOR_PROFILE) for tonic in range(12)])
    fit = _correlations(profiles, chroma)
    best = int(fit.argmax())
    return Key(best % 12, best >= 12, float(np.clip((fit[best] - 0.45) / 0.4, 0.0, 1.0)))


def settled(key: Key, chords: Sequence[Chord]) -> Key:
    """A major key and its relative minor have the same notes: the one whose tonic the music begins with is meant. No
    key is clearer than its chords."""
    clarity = key.clarity * min(2 * sum(chord.clarity for chord in chords) / len(chords), 1.0)
    relative = (key.tonic + 3) % 12 if key.minor else (key.tonic + 9) % 12
    if chords[0].clarity > 0 and (chords[0].root, chords[0].minor) == (relative, not key.minor):
        return Key(relative, not key.minor, clarity)
    return replace(key, clarity=clarity)


def chord_of(chroma: Numbers, bass: Numbers, key: Key) -> Chord:
    """The triad that fits best: by its notes, by its root in the bass, and a little by the key."""
    correlation = _correlations(_TRIADS, chroma)
    fit = correlation + _IN_KEY * key.clarity * _diatonic(key)
    if bass.max(initial=0.0) > 0:
        fit = fit + _IN_BASS * np.tile(bass / bass.max(), 2)
    best = int(fit.argmax())
    return Chord(best % 12, best >= 12, float(np.clip((correlation[best] - 0.45) / 0.4, 0.0, 1.0)))


def _diatonic(key: Key) -> npt.NDArray[np.float64]:
    """1 for each of the 24 triads that has only notes of the key's scale."""
    tonic = (key.tonic + 3) % 12 if key.minor else key.tonic  # of the major key that has the same notes
    inside = np.zeros(24)
    for step, minor in ((0, 0), (2, 1), (4, 1), (5, 0), (7, 0), (9, 1)):
        inside[(tonic + step) % 12 + 12 * minor] = 1.0
    return inside


def _triads() -> npt.NDArray[np.float64]:
    shapes = []
    for third in (4, 3):
        shape = np.zeros(12)
        for note in (0, third, 7):
            for harmonic in range(1, 7):
                shape[(note + round(12 * np.log2(harmonic))) % 12] += _HARMONIC_FADE ** (harmonic - 1)
        shapes += [np.roll(shape, root) for root in range(12)]
    return np.array(shapes)


_TRIADS = _triads()  # the 12 major, then the 12 minor ones


def _correlations(patterns: npt.NDArray[np.float64], chroma: Numbers) -> npt.NDArray[np.float64]:
    centred = patterns - patterns.mean(axis=1, keepdims=True)
    sound = chroma - chroma.mean()
    if float(np.abs(sound).max()) < 1e-9:
        return np.zeros(len(patterns))
    found: npt.NDArray[np.float64] = centred @ sound / (np.linalg.norm(centred, axis=1) * np.linalg.norm(sound))
    return found
