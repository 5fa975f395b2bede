"""Registration plates of Indian vehicles, letter by letter and digit by digit: KA 05 MH 1234, 22 BH 1234 AA.

The form of the Central Motor Vehicles Rules, 1989 (rule 50): the state's two letters, the district's number, a series,
and up to four digits; the BH series begins with its year.
"""

from __future__ import annotations

import re

from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.rules import CAPITALS, DIGIT, LETTER, Reading, Rule, exact_rule

_STATES = "A[NPRS]|BR|C[GH]|D[DLN]|G[AJ]|H[PR]|J[HK]|K[AL]|L[AD]|M[HLNPZ]|NL|O[DR]|P[BY]|RJ|SK|T[GNRS]|U[AKP]|WB"
_PART = re.compile(r"\d+|[A-Z]+")


def rules(language: Language) -> list[Rule]:
    """Asked before any number."""
    numbers = Numbers(language)
    letters = language.letters

    def read(match: re.Match[str]) -> Reading:
        return " ".join(part(found[0]) for found in _PART.finditer(match[0]))

    def part(text: str) -> str:
        if text.isdecimal():
            return numbers.digits(text)
        return " ".join(letters[letter] for letter in text.lower()) if letters else text

    gap, end = "[ -]?", rf"(?![{LETTER}\d]|[-./]\d)"
    state = rf"(?<![{LETTER}\d])(?:{_STATES}){gap}\d{{1,2}}{gap}(?:[A-Z]{gap})?[A-Z]{{1,3}}{gap}\d{{4}}{end}"
    country = rf"(?<![{LETTER}\d.,/-])\d\d{gap}BH{gap}\d{{4}}{gap}[A-Z]{{1,2}}{end}"
    return [exact_rule(CAPITALS, state, read), exact_rule(DIGIT, country, read)]
