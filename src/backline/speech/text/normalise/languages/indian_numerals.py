"""Numerals of languages that count in lakh and crore with a name of its own for every number below a hundred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class IndianNumerals:
    """below_hundred: the names of 0 to 99; hundred: the word after 1 to 9; scales: (value, name), the largest first.

    ordinals: the irregular ones; ordinal_ending: joined to the last word otherwise. hundreds_joined:
    the word for hundred is written in one with its count.
    """

    below_hundred: Sequence[str]
    hundred: str
    scales: Sequence[tuple[int, str]]
    ordinals: Mapping[int, str] = field(default_factory=dict)
    ordinal_ending: str = ""
    hundreds_joined: bool = False

    def cardinal(self, n: int) -> str:
        words: list[str] = []
        for value, name in self.scales:
            count, n = divmod(n, value)
            if count:
                words += [self.cardinal(count), name]
        hundreds, tail = divmod(n, 100)
        if hundreds:
            words.append(f"{self.below_hundred[hundreds]}{'' if self.hundreds_joined else ' '}{self.hundred}")
        if tail or not words:
            words.append(self.below_hundred[tail])
        return " ".join(words)

    def counted(self, n: int) -> str:
        return self.cardinal(n)

    def ordinal(self, n: int) -> str:
        return self.ordinals.get(n) or self.cardinal(n) + self.ordinal_ending

    def year(self, n: int) -> str:
        """1100 to 1999, and later centuries that are not round thousands, by hundreds: nineteen hundred forty-seven."""
        hundreds, tail = divmod(n, 100)
        if not 11 <= hundreds <= 99 or hundreds % 10 == 0:
            return self.cardinal(n)
        words = f"{self.below_hundred[hundreds]}{'' if self.hundreds_joined else ' '}{self.hundred}"
        return f"{words} {self.below_hundred[tail]}" if tail else words
