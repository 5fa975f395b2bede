"""Roman numerals, where the word before them shows what they are."""

from __future__ import annotations

import re

VALID = r"(?=[MDCLXVI])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_WHOLE = re.compile(VALID)

WORDS_IN_CAPITALS = frozenset(
    "I MD DC CD CV MC DI MI LI DIV MIX CIV DIM MID VI LCD MV MM CC DM ML CM MCC CCC DDC".split()
)
"""Romans that are more often an abbreviation or a word."""


def value(text: str) -> int | None:
    """Of a numeral in its usual form, up to 3999; None for anything else."""
    if not text or _WHOLE.fullmatch(text) is None:
        return None
    total = 0
    for here, following in zip(text, [*text[1:], ""], strict=True):
        worth = _VALUES[here]
        total += -worth if following and worth < _VALUES[following] else worth
    return total
