"""Expressions: 1+2=3, y = x - 1, 2 × 8, 5^2."""

from __future__ import annotations

import re

from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.rules import DIGIT, LETTER, NUMBER, Piece, Reading, Rule, one_of, rule

_LATIN = tuple("abcdefghijklmnopqrstuvwxyz")
_SHOWN_BY_EQUALS = frozenset("-/*:")


def rules(language: Language) -> list[Rule]:
    """A chain of operands. A hyphen, stroke or star is an operator only where an equals sign shows it."""
    if not language.operators:
        return []
    numbers = Numbers(language)
    operator = one_of(sign for sign in language.operators if sign[0] != "^")
    raised = r"(?:\^\d{1,3}|[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})"
    operand = rf"(?:{NUMBER}|[a-z](?![{LETTER}])){raised}?"
    part = re.compile(rf"\s*(?:(?P<o>{operator})|(?P<n>{NUMBER})|(?P<v>[a-z])|(?P<e>{raised}))", re.IGNORECASE)

    def read(match: re.Match[str]) -> Reading:
        text = match[0]
        found = list(part.finditer(match.string, match.start(), match.end()))
        marks = {one["o"] for one in found if one["o"]}
        if marks <= _SHOWN_BY_EQUALS or ("=" not in text and marks & _SHOWN_BY_EQUALS):
            return None
        if not any(one["n"] or one["e"] for one in found):
            return None
        pieces: list[Piece] = []
        for one in found:
            if one["o"]:
                spoken = language.operators[one["o"]]
            elif one["e"]:
                spoken = exponent(one["e"])
            elif one["n"]:
                spoken = numbers.cardinal(one["n"])
            else:
                spoken = language.letters.get(one["v"].lower(), one["v"])
            pieces.append((f" {spoken}" if pieces else spoken, one.start(), one.end()))
        return pieces

    def exponent(text: str) -> str:
        plain = text.translate(_RAISED).lstrip("^")
        return language.operators.get(f"^{plain}") or f"{language.operators['^']} {numbers.cardinal(plain)}"

    def power(match: re.Match[str]) -> Reading:
        return f"{numbers.cardinal(match['n'])} {exponent(match['e'])}"

    chain = rf"{operand}(?:\s?{operator}\s?{operand}){{1,24}}(?![{LETTER}\d]|\.\d)"
    return [
        rule((DIGIT, *_LATIN), rf"(?<![{LETTER}\d.,]){chain}", read),
        rule(
            DIGIT,
            rf"(?P<n>{NUMBER})\*(?=\d)",
            lambda match: f"{numbers.cardinal(match['n'])} {language.operators['*']} ",
        ),
        rule(DIGIT, rf"(?P<n>{NUMBER})(?P<e>{raised})(?!\d)", power),
    ]


_RAISED = {ord(raised): plain for raised, plain in zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True)}
