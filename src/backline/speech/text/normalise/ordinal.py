"""Ordinals of English (21st); those of other languages are in modules of their own, since endings carry case."""

from __future__ import annotations

import re

from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.rules import DIGIT, END, INTEGER, Reading, Rule, rule


def rules(language: Language) -> list[Rule]:
    """A number with the ending that belongs to it: 22nd, but not 22th."""
    numerals = language.western or language.numerals

    def read(match: re.Match[str]) -> Reading:
        plain = match["n"].replace(",", "")
        if len(plain) > 1 and plain[0] == "0":
            return None
        n = int(plain)
        return numerals.ordinal(n) if match["s"].lower() == english_ending(n) else None

    return [rule(DIGIT, rf"(?P<n>{INTEGER})(?P<s>st|nd|rd|th){END}", read)]


def english_ending(n: int) -> str:
    """st, nd, rd or th."""
    if n % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
