"""Chemical formulas with small digits: H₂O, CO₂, Al₂(SO₄)₃."""

from __future__ import annotations

import re

from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.rules import COMPOUND, LETTER, Piece, Reading, Rule, exact_rule

_LOWERED = {ord(small): plain for small, plain in zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True)}
_SYMBOL_PARTS = re.compile(r"[₀-₉]+|[A-Za-z]|[()]")


def rules(language: Language) -> list[Rule]:
    """Letters by name, small digits as numbers; brackets only where the language has words for them."""
    numbers = Numbers(language)

    def read(match: re.Match[str]) -> Reading:
        pieces: list[Piece] = []
        for part in _SYMBOL_PARTS.finditer(match[0]):
            spoken = language.symbols.get(part[0]) or language.letters.get(part[0].lower(), part[0])
            if part[0][0] in "₀₁₂₃₄₅₆₇₈₉":
                spoken = numbers.cardinal(part[0].translate(_LOWERED))
            if spoken in "()":
                continue
            at = match.start()
            pieces.append((f" {spoken}" if pieces else spoken, at + part.start(), at + part.end()))
        return pieces

    element = r"(?:[A-Z][a-z]?[₀-₉]{0,3}|\((?:[A-Z][a-z]?[₀-₉]{0,3}){1,6}\)[₀-₉]{0,3})"
    return [
        exact_rule(COMPOUND, rf"(?=[A-Za-z]{{1,8}}(?:\([A-Za-z]{{1,6}})?[₀-₉]){element}{{1,10}}(?![{LETTER}])", read),
        exact_rule(
            tuple("₀₁₂₃₄₅₆₇₈₉"), r"[₀-₉]{1,9}", lambda match: " " + numbers.cardinal(match[0].translate(_LOWERED))
        ),
    ]
