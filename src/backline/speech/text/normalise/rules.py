"""What a rule is, and the small patterns that the classes share.

A class module (`cardinal`, `date`, `money` ...) makes rules from a language's tables. The scanner stands on a token,
tries the rules that may begin there in order, and takes the first that has a reading. Every pattern is anchored where
the scanner stands and bounded in length, so the work stays linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Piece = tuple[str, int, int]
"""(spoken, source start, source end)."""

Reading = str | list[Piece] | None
"""The whole match in words; or in parts, each with its source, where the last one ends what was read; or not mine."""

Read = Callable[[re.Match[str]], Reading]

DIGIT = "\0digit"
CAPITALS = "\0capitals"
COMPOUND = "\0compound"
"""Where a rule may start, beside a character or a word: at a digit; at a word in capitals; at a word that a mark or
a digit follows without a blank."""

# Letters with the vowel signs of the Indic blocks, which Python's \w leaves out; without the danda and the digits.
_INDIC = "".join(
    f"{chr(base)}-{chr(base + 0x63)}{chr(base + (0x71 if base == 0x900 else 0x70))}-{chr(base + 0x7F)}"
    for base in range(0x900, 0xE00, 0x80)
)
LETTER = (
    "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0300-\u03ff\u0400-\u058f\u05d0-\u065f\u066e-\u06d3\u1e00-\u1fff"
    f"\u200c\u200d{_INDIC}"
)
"""The inside of a character class."""

END = rf"(?![{LETTER}\d])"
"""No letter or digit follows."""

INTEGER = r"(?:\d{1,3}(?:,\d{3}){1,8}(?!,?\d)|\d{1,3}(?:,\d{2}){0,8},\d{3}(?!,?\d)|\d{1,24}(?!\d))"
NUMBER = rf"(?:{INTEGER}(?:\.\d{{1,24}}(?!\d))?|(?<![.\d])\.\d{{1,24}}(?!\d))"


@dataclass(frozen=True, slots=True)
class Rule:
    """starts: the characters, lower-case words, or `DIGIT`, `CAPITALS`, `COMPOUND`, on which the scanner must stand."""

    starts: tuple[str, ...]
    pattern: re.Pattern[str]
    read: Read


def rule(starts: str | Iterable[str], pattern: str, read: Read) -> Rule:
    """A rule from a verbose-free pattern, without regard to case."""
    found = (starts,) if isinstance(starts, str) else tuple(starts)
    return Rule(found, re.compile(pattern, re.IGNORECASE), read)


def exact_rule(starts: str | Iterable[str], pattern: str, read: Read) -> Rule:
    """The same, with regard to case."""
    found = (starts,) if isinstance(starts, str) else tuple(starts)
    return Rule(found, re.compile(pattern), read)


def one_of(words: Iterable[str]) -> str:
    """A pattern for any of the words, the longest first."""
    return "(?:" + "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word))) + ")"


def piece(match: re.Match[str], group: int | str, spoken: str) -> Piece:
    """`spoken` for what the group matched."""
    return (spoken, match.start(group), match.end(group))


def kept(match: re.Match[str], group: int | str) -> Piece:
    """The group as it stands."""
    return (match[group], match.start(group), match.end(group))
