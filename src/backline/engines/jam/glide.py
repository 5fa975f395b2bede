"""How much of each style is heard: what was asked for, reached over eight seconds of music.

A style that is switched within one bar sounds like another record. Eight seconds are usual with Magenta RealTime.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from backline.engines.jam.base import StyleShare

GLIDE_SECONDS = 8.0
_LOOP = None

Shares = Mapping[str | None, float]
"""Of each style, by its words; the loop's own is under None. They make 1."""


def wanted_shares(styles: Sequence[str], weights: Sequence[float], loop_weight: float) -> Shares:
    """A missing weight is 1; what is not above 0 is left out. When nothing is left, the loop has it all."""
    shares: dict[str | None, float] = {}
    for words, weight in zip_longest(styles, weights[: len(styles)], fillvalue=1.0):
        if weight > 0:
            shares[str(words)] = shares.get(str(words), 0.0) + weight
    if loop_weight > 0 or not shares:
        shares[_LOOP] = loop_weight if shares else 1.0
    total = sum(shares.values())
    return {words: weight / total for words, weight in shares.items()}


class Glide:
    """Seconds are of music, so that the same changes at the same bars sound the same."""

    def __init__(self, shares: Shares) -> None:
        self._from = self._to = shares
        self._begin_seconds = 0.0

    def turn_to(self, shares: Shares, now_seconds: float) -> None:
        """From what is heard now; the same shares again change nothing."""
        if shares != self._to:
            self._from, self._to, self._begin_seconds = self._at(now_seconds), shares, now_seconds

    def at(self, now_seconds: float) -> tuple[tuple[StyleShare, ...], float]:
        """The styles that are heard, in the order they were asked for, and the loop's share."""
        shares = self._at(now_seconds)
        styles = tuple(StyleShare(words, share) for words, share in shares.items() if words is not _LOOP)
        return styles, shares.get(_LOOP, 0.0)

    def _at(self, now_seconds: float) -> Shares:
        done = min(1.0, max(0.0, (now_seconds - self._begin_seconds) / GLIDE_SECONDS))
        if done == 1.0 or self._from is self._to:
            return self._to
        names = [*self._to, *(name for name in self._from if name not in self._to)]
        return {name: (1 - done) * self._from.get(name, 0.0) + done * self._to.get(name, 0.0) for name in names}
