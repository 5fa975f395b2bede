"""Fractions in English."""

from __future__ import annotations

from backline.speech.text.normalise.languages.english_numerals import EnglishNumerals

_NUMERALS = EnglishNumerals(indian=False)
_NAMED = {(24, 7): "twenty four seven", (9, 11): "nine eleven", (50, 50): "fifty fifty"}


def say(whole: int | None, numerator: int, denominator: int) -> str:
    """One half, three quarters, two and a half; over one, and over zero, by "over"."""
    if whole is None and (numerator, denominator) in _NAMED:
        return _NAMED[numerator, denominator]
    if whole is None:
        return _part(numerator, denominator)
    if numerator == 1 and denominator in (2, 4):
        return f"{_NUMERALS.cardinal(whole)} and a {'half' if denominator == 2 else 'quarter'}"
    return f"{_NUMERALS.cardinal(whole)} and {_part(numerator, denominator)}"


def _part(numerator: int, denominator: int) -> str:
    top = _NUMERALS.plain(numerator)
    if denominator < 2:
        return f"{top} over {_NUMERALS.plain(denominator)}"
    single = numerator == 1
    if denominator == 2:
        return f"{top} {'half' if single else 'halves'}"
    if denominator == 4:
        return f"{top} {'quarter' if single else 'quarters'}"
    return f"{top} {_NUMERALS.ordinal(denominator)}{'' if single else 's'}"
