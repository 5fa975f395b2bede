"""Fractions, plain and mixed, with a stroke or as one character. How one is said is the language's own function."""

from __future__ import annotations

import re
from collections.abc import Callable

from backline.speech.text.normalise.rules import DIGIT, Reading, Rule, rule

Say = Callable[[int | None, int, int], str]
"""(whole or None, numerator, denominator) to words; empty where it is no fraction."""

VULGAR = {
    "½": (1, 2),
    "⅓": (1, 3),
    "⅔": (2, 3),
    "¼": (1, 4),
    "¾": (3, 4),
    "⅕": (1, 5),
    "⅖": (2, 5),
    "⅗": (3, 5),
    "⅘": (4, 5),
    "⅙": (1, 6),
    "⅚": (5, 6),
    "⅛": (1, 8),
    "⅜": (3, 8),
    "⅝": (5, 8),
    "⅞": (7, 8),
}


def rules(say: Say) -> list[Rule]:
    """2 1/2, 3/4, 1/3rd, 2½, ½."""

    def read(match: re.Match[str]) -> Reading:
        whole = int(match["w"]) if match["w"] else None
        return say(whole, int(match["n"].replace(",", "")), int(match["d"].replace(",", ""))) or None

    def read_vulgar(match: re.Match[str]) -> Reading:
        whole = int(match["w"]) if match["w"] else None
        return say(whole, *VULGAR[match["v"]]) or None

    number = r"(?:\d{1,3}(?:,\d{3}){1,5}|\d{1,19})"
    return [
        rule(
            DIGIT,
            rf"(?<![\d/])(?:(?P<w>\d{{1,9}})\s)?(?P<n>{number})(?P<s>\s?[/⁄]\s?)(?P<d>{number})(?:st|nd|rd|th)?(?![\d/]|[.,]\d)",
            read,
        ),
        rule((DIGIT, *VULGAR), rf"(?:(?P<w>\d{{1,9}})\s?)?(?P<v>[{''.join(VULGAR)}])", read_vulgar),
    ]
