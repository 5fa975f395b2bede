"""Going from one place of a recording to another without being heard."""

from __future__ import annotations

import numpy as np

from backline.media.audio import Samples

SHORT_SECONDS, LONG_SECONDS = 0.008, 0.040
"""A fade before a hit, and before what swells."""
_SEARCH_SECONDS, _STRICT_SECONDS = 0.005, 0.001
_COMPARED_SECONDS = 0.016
_NEARER = 0.15
"""How much better the match at the end of the search must be than in its middle."""


class Material:
    """Sound that can be read from anywhere: round and round, or with nothing before and after it."""

    def __init__(self, samples: Samples, goes_round: bool) -> None:
        self._samples, self._goes_round = samples, goes_round

    def place(self, position: int) -> int:
        """The same place, told without turns."""
        return position % len(self._samples) if self._goes_round else position

    def apart(self, one: int, other: int) -> int:
        """Frames from one place to the other, the shorter way round."""
        if not self._goes_round:
            return other - one
        half = len(self._samples) // 2
        return (other - one + half) % len(self._samples) - half

    def read(self, start: int, length: int) -> Samples:
        """float32 [length, 2]."""
        whole = len(self._samples)
        if start >= 0 and start + length <= whole:
            return self._samples[start : start + length]
        if self._goes_round:
            return self._samples[np.arange(start, start + length) % whole]
        sound = np.zeros((length, 2), dtype=np.float32)
        first, last = max(start, 0), min(start + length, whole)
        if first < last:
            sound[first - start : last - start] = self._samples[first:last]
        return sound


def fade_frames(attack: float, rate_hz: int) -> int:
    """How long the fade before a beat is: short before a hit."""
    return max(round((SHORT_SECONDS + (LONG_SECONDS - SHORT_SECONDS) * (1 - attack) ** 2) * rate_hz), 1)


def best_shift(material: Material, leave: int, enter: int, attack: float, rate_hz: int) -> int:
    """By how many frames to shift `enter` so that the waves before both places fit; a hit may move by 1 ms only."""
    reach = round((_STRICT_SECONDS + (_SEARCH_SECONDS - _STRICT_SECONDS) * (1 - attack)) * rate_hz)
    compared = round(_COMPARED_SECONDS * rate_hz)
    out = material.read(leave - compared, compared).sum(axis=1)
    into = material.read(enter - compared - reach, compared + 2 * reach).sum(axis=1)
    if reach == 0 or not out.any() or not into.any():
        return 0
    likeness = np.correlate(into, out, "valid")
    running = np.concatenate([[0.0], np.cumsum(np.square(into, dtype=np.float64))])
    energy = running[compared:] - running[:-compared]
    shifts = np.arange(-reach, reach + 1)
    score = likeness / np.sqrt(energy * float(out @ out) + 1e-12) - _NEARER * np.abs(shifts) / reach
    return int(shifts[score.argmax()])


def crossfade(out: Samples, into: Samples) -> Samples:
    """Both of one length; as loud as they are in the middle too, however alike they are."""
    if not len(out):
        return out
    rising = np.sin(np.linspace(0, np.pi / 2, len(out) + 2, dtype=np.float32)[1:-1, None]) ** 2
    falling = 1 - rising
    alike = float(np.vdot(out, into)) / max(float(np.sqrt(np.vdot(out, out) * np.vdot(into, into))), 1e-12)
    level = np.sqrt(rising**2 + falling**2 + 2 * min(max(alike, 0.0), 1.0) * rising * falling)
    faded: Samples = (out * falling + into * rising) / level
    return faded
