"""Sound played a little faster or slower at the same pitch, along a map of time that is drawn while it plays.

Overlap-add of similar waveforms (WSOLA; Verhelst and Roelands, 1993), in the form that keeps attacks: the source is
copied as it is until it is `_TOLERATED_SECONDS` off the map; then a place near the map that goes on like the one it
leaves is faded to. Where the map follows the source, what comes out is the source, sample by sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples, silence

_HOP_SECONDS = 0.010
_TOLERATED_SECONDS = 0.002
_OVERDUE_SECONDS = 0.005
_SEARCH_SECONDS = 0.010
_COARSE_HZ = 12_000
_STRAYING_COST = 1.0
_ATTACK_RATIO = 6.0
_PARTS = 4

_Mono = npt.NDArray[np.float64]


class Tape:
    """A window onto an endless source: frames are read when they are first needed, and let go by `forget`."""

    def __init__(self, read: Callable[[int], Samples]) -> None:
        self._read = read
        self._parts: list[Samples] = []
        self._kept = silence(0, 2)
        self.begin = 0
        self.end = 0

    def need(self, end: int) -> None:
        if end > self.end:
            part = self._read(end - self.end)
            if len(part) != end - self.end:
                raise ValueError(f"A source gave {len(part)} frames where {end - self.end} were asked for.")
            self._kept = np.concatenate([self._kept, part])
            self.end = end

    def cut(self, begin: int, end: int) -> Samples:
        """Frames of what is kept or still to come; before the first frame there is silence."""
        self.need(end)
        if begin >= 0:
            if begin < self.begin:
                raise ValueError("These frames were let go.")
            return self._kept[begin - self.begin : end - self.begin]
        return np.concatenate([silence(min(0, end) - begin, 2), self.cut(0, max(0, end))])

    def forget(self, before: int) -> None:
        if before > self.begin:
            self._kept = self._kept[before - self.begin :].copy()
            self.begin = before


class Stretcher:
    """Reads a tape along a map; where(frame played) is the frame of the tape that belongs there."""

    def __init__(self, tape: Tape, rate_hz: int) -> None:
        self._tape = tape
        self._hop = max(4, round(rate_hz * _HOP_SECONDS))
        self._tolerated = rate_hz * _TOLERATED_SECONDS
        self._overdue = rate_hz * _OVERDUE_SECONDS
        self._search = round(rate_hz * _SEARCH_SECONDS)
        self._every = max(1, rate_hz // _COARSE_HZ)
        self._fade = np.square(np.sin(np.linspace(0, math.pi / 2, self._hop, dtype=np.float32)))[:, None]
        self._played = 0
        self._place = 0
        self._waiting = silence(0, 2)

    @property
    def reach_frames(self) -> int:
        """How far beyond the last frame played the map and the tape are looked at."""
        return 4 * self._hop + 2 * self._search

    @property
    def needed_from(self) -> int:
        """The first frame of the tape that can still be asked for."""
        return self._place - self._hop - 2 * self._search

    def read(self, length_frames: int, where: Callable[[int], float]) -> Samples:
        parts = [self._waiting]
        missing = length_frames - len(self._waiting)
        while missing > 0:
            parts.append(self._next(where(self._played)))
            self._played += self._hop
            missing -= self._hop
        made = np.concatenate(parts)
        self._waiting = made[length_frames:]
        return made[:length_frames]

    def _next(self, wanted: float) -> Samples:
        """One hop, from the place where the last one ended or from one that is nearer to where it should be."""
        natural = self._place
        off = abs(natural - wanted)
        if off <= self._tolerated or (off <= self._overdue and self._attack_at(natural)):
            self._place = natural + self._hop
            return self._tape.cut(natural, self._place)
        beyond = math.copysign(self._tolerated, wanted - natural)  # the next run drifts back through the map
        place = self._alike(natural, round(wanted + beyond))
        self._place = place + self._hop
        onward = self._tape.cut(natural, natural + self._hop)
        return onward + (self._tape.cut(place, self._place) - onward) * self._fade

    def _attack_at(self, natural: int) -> bool:
        """Whether something begins within the next hop; a fade there would blur or lose it."""
        heard = np.square(self._heard(natural - self._hop, natural + self._hop))
        powers = [float(part.mean()) for part in np.array_split(heard, 2 * _PARTS)]
        return max(powers[_PARTS:]) > _ATTACK_RATIO * sum(powers[:_PARTS]) / _PARTS

    def _alike(self, natural: int, wanted: int) -> int:
        """The place near the wanted one that goes on most like the natural one does."""
        around = self._hop // 2
        length = 2 * self._hop
        pattern = self._heard(natural - around, natural - around + length)
        first = wanted - self._search - around
        field = self._heard(first, first + 2 * self._search + length)
        coarse = _likeness(field[:: self._every], pattern[:: self._every])
        offsets = np.arange(len(coarse)) * self._every - self._search
        best = int(offsets[np.argmax(coarse - _STRAYING_COST * (offsets / self._search) ** 2)]) + self._search
        low, high = max(0, best - self._every), min(2 * self._search, best + self._every)
        fine = _likeness(field[low : high + length], pattern)
        return first + around + low + int(np.argmax(fine))

    def _heard(self, begin: int, end: int) -> _Mono:
        cut = self._tape.cut(begin, end)
        return np.add(cut[:, 0], cut[:, 1], dtype=np.float64)


def _likeness(field: _Mono, pattern: _Mono) -> _Mono:
    """Normalised cross-correlation of a pattern with every place of a field, -1 to 1."""
    products = np.correlate(field, pattern, mode="valid")
    sums = np.concatenate([[0.0], np.cumsum(np.square(field))])
    energies = sums[len(pattern) :] - sums[: len(sums) - len(pattern)]
    found: _Mono = products / np.sqrt(np.maximum(energies * float(pattern @ pattern), 1e-20))
    return found
