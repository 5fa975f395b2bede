"""Fractions, plain and mixed, with a stroke or as one character. How one is said is the language's own function."""

from __future__ import annotations

import re
from collections.abc import Callable

from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.rules import DIGIT, LETTER, Reading, Rule, one_of, rule

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


def rules(language: Language, say: Say) -> list[Rule]:
    """2 1/2, 3/4, 1/3rd, 2½, ½, and any of them with a unit."""

    def read(match: re.Match[str]) -> Reading:
        whole = int(match["w"]) if match["w"] else None
        if match["v"]:
            top, bottom = VULGAR[match["v"]]
        else:
            top, bottom = (int(match[group].replace(",", "")) for group in ("n", "d"))
        spoken = say(whole, top, bottom)
        unit = language.units.get(match["u"] or "") or language.units.get((match["u"] or "").lower())
        return f"{spoken} {unit.many if whole else unit.one}" if spoken and unit else spoken or None

    number = r"(?:\d{1,3}(?:,\d{3}){1,5}|\d{1,19})"
    units = [unit for unit in language.units if len(unit) > 1 or unit in "gml°"]
    unit = rf"(?:\s?-?(?P<u>{one_of(units)})(?![{LETTER}\d]))?" if units else "(?P<u>(?!))?"
    whole = r"(?:(?P<w>\d{1,9})\s?)?"
    stroke = rf"(?P<n>{number})\s?[/⁄]\s?(?P<d>{number})(?:st|nd|rds?|ths?)?(?![\d/]|[.,]\d)(?P<v>(?!))?"
    vulgar = rf"{whole}(?P<v>[{''.join(VULGAR)}])(?P<n>(?!))?"
    return [
        rule(DIGIT, rf"(?<![\d/])(?<![{LETTER}]-)(?:(?P<w>\d{{1,9}})\s)?{stroke}{unit}", read),
        rule((DIGIT, *VULGAR), f"{vulgar}{unit}", read),
    ]
