"""Version numbers: v2.0.1, 3.11.4, Python 3.11."""

from __future__ import annotations

import re

from backline.speech.text.normalise.cardinal import context_before
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.rules import COMPOUND, DIGIT, Reading, Rule, rule

_NAMES = re.compile(
    r"\b(?:version|release|python|java|ios|android|windows|macos|ubuntu|node|php|ruby|chrome|firefox|api)\s$",
    re.IGNORECASE,
)
"""After these a point parts two numbers, not a number and its tenths: Python 3.11."""


def rules(language: Language) -> list[Rule]:
    """Each part as a number, with the word for a point between."""
    numbers = Numbers(language)

    def parts(text: str) -> str:
        return f" {language.point} ".join(numbers.cardinal(part) for part in text.split("."))

    def read(match: re.Match[str]) -> Reading:
        return parts(match[0])

    def marked(match: re.Match[str]) -> Reading:
        return f"{language.version} {parts(match['n'])}"

    def named(match: re.Match[str]) -> Reading:
        return parts(match[0]) if _NAMES.search(context_before(match)) else None

    end = r"(?!\.?\d)"
    return [
        rule(DIGIT, rf"\d{{1,4}}(?:\.\d{{1,4}}){{2,4}}{end}", read),
        rule(DIGIT, rf"\d{{1,3}}\.\d{{1,3}}{end}(?!\s?%)", named),
        rule(COMPOUND, rf"v(?P<n>\d{{1,4}}(?:\.\d{{1,4}}){{0,4}}){end}(?![A-Za-z])", marked),
    ]
