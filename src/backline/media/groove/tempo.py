"""The tempo of a loop that nobody told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples
from backline.media.groove.onsets import Pulse, peaks, pulse_of
from backline.media.groove.spectra import Numbers

SLOWEST_BPM, FASTEST_BPM = 56.0, 190.0
_USUAL_BPM, _USUAL_OCTAVES = 118.0, 0.8
"""People tap near two beats a second, seldom at half or double that (Parncutt, Music Perception 11, 1994)."""
_USUAL_ONSETS, _ONSETS_OCTAVES = 2.5, 1.2
"""Notes and hits that begin in a beat: between beats something is played, but not too much."""
_MOST_BARS = 32
_BAR_COUNTS = {1: 1.0, 2: 1.05, 4: 1.15, 8: 1.1, 16: 1.05, 32: 1.0}
_ODD_COUNT, _METERS = 0.85, {4: 1.0, 3: 0.88}
"""How well a number of bars, and of beats in one, fits a loop; others exist and are seldom."""
_FREE = 0.8
_STEP = 0.0025
_MOST_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Tempo:
    """clarity: 0 (a guess from the length alone) to 1."""

    bpm: float
    clarity: float


def find_tempo(samples: Samples, rate_hz: int) -> Tempo:
    """The beats per minute of a loop, float32 [frames, channels].

    A loop is most likely some whole bars long, which tells its tempo to a hair, so tempi that fit its length are tried
    first: what repeats after a beat, two, and a bar says which one. Where none fits, the pulse alone is followed. Of a
    long recording the first 90 s are heard.
    """
    length_seconds = len(samples) / rate_hz
    part = samples[: round(_MOST_SECONDS * rate_hz)]
    pulse = pulse_of(part.mean(axis=1, dtype=np.float32), rate_hz)
    repeats = _Repeats(pulse, goes_round=len(part) == len(samples))
    whole = _whole_bars(length_seconds)
    free = np.exp(np.arange(np.log(SLOWEST_BPM), np.log(FASTEST_BPM), _STEP))
    bpm = np.concatenate([whole[0], free])
    fits = np.concatenate([whole[1], np.full(len(free), _FREE)])
    onsets_per_beat = len(peaks(pulse.whole)) * 60 / bpm / (len(part) / rate_hz)
    score = np.array([repeats.at(one) for one in bpm]) * fits * _liked(bpm) * _filled(onsets_per_beat)
    if not len(score) or score.max() <= 0:
        return Tempo(_likeliest(*whole), 0.0)
    best = int(score.argmax())
    return Tempo(round(float(bpm[best]), 2), float(np.clip(score[best], 0.0, 1.0)))


class _Repeats:
    """How alike the onsets are to themselves some time later."""

    def __init__(self, pulse: Pulse, goes_round: bool) -> None:
        self._hop_seconds = pulse.hop_seconds
        strength = np.sqrt(pulse.strength).sum(axis=1)
        smooth = np.convolve(strength, np.hanning(7)[1:-1], "same")
        centred = smooth - smooth.mean()
        size = len(centred) if goes_round else 2 * len(centred)
        spectrum = np.fft.rfft(centred, size)
        likeness = np.fft.irfft(spectrum * spectrum.conj(), size)
        if not goes_round:
            likeness = likeness[: len(centred)] / np.linspace(1, 1 / len(centred), len(centred))
        self._likeness: npt.NDArray[np.float64] = likeness / max(float(likeness[0]), 1e-9)

    def at(self, bpm: float) -> float:
        """0 to about 1: what repeats after one beat, two and four, and what lies half between beats."""
        beat = 60.0 / bpm / self._hop_seconds
        return float(sum(weight * self._after(beats * beat) for beats, weight in _WEIGHTS.items()))

    def _after(self, hops: float) -> float:
        if hops > 0.75 * len(self._likeness):
            return self._after(hops / 2)
        return float(np.interp(hops, np.arange(len(self._likeness)), self._likeness))


_WEIGHTS = {0.5: 0.1, 1: 0.4, 2: 0.25, 4: 0.25}


def _whole_bars(length_seconds: float) -> tuple[Numbers, Numbers]:
    """Tempi at which the loop is some whole bars long, and how well each fits."""
    found: dict[float, float] = {}
    for meter, liking in _METERS.items():
        for bars in range(1, _MOST_BARS + 1):
            bpm = 60.0 * bars * meter / length_seconds
            if SLOWEST_BPM <= bpm <= FASTEST_BPM:
                fit = liking * _BAR_COUNTS.get(bars, _ODD_COUNT)
                found[round(bpm, 4)] = max(fit, found.get(round(bpm, 4), 0.0))
    return np.array(list(found), dtype=np.float32), np.array(list(found.values()), dtype=np.float32)


def _liked(bpm: Numbers) -> Numbers:
    liked: Numbers = np.exp(-0.5 * np.square(np.log2(bpm / _USUAL_BPM) / _USUAL_OCTAVES)).astype(np.float32)
    return liked


def _filled(onsets_per_beat: npt.NDArray[np.floating]) -> Numbers:
    octaves = np.log2(np.maximum(onsets_per_beat / _USUAL_ONSETS, 0.4))
    filled: Numbers = np.exp(-0.5 * np.square(octaves / _ONSETS_OCTAVES)).astype(np.float32)
    return filled


def _likeliest(bpm: Numbers, fits: Numbers) -> float:
    return round(float(bpm[np.argmax(fits * _liked(bpm))]), 2) if len(bpm) else 120.0
