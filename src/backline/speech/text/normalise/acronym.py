"""Words in capitals in a text of another script: known ones by name, the rest letter by letter."""

from __future__ import annotations

import re

from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.rules import CAPITALS, LETTER, Reading, Rule, exact_rule

_DOTTED = re.compile(r"[A-Za-z]")


def rules(language: Language) -> list[Rule]:
    """BJP, NASA, U.S.A., AT&T; a word in capitals of more than five letters is taken for a shout and kept."""
    letters = language.letters
    if not letters:
        return []

    def read(match: re.Match[str]) -> Reading:
        word = match["w"]
        known = language.acronyms.get(word)
        if known is None and len(word) > 5:
            return None
        plural = match["p"] or ""
        spoken = known or " ".join(letters[character] for character in word.lower())
        return f"{spoken}{language.acronym_plural if plural else ''}"

    def dotted(match: re.Match[str]) -> Reading:
        return " ".join(letters[character.lower()] for character in _DOTTED.findall(match[0]))

    return [
        exact_rule(CAPITALS, rf"(?:[A-Z]\.\s?){{2,8}}(?![{LETTER}])|(?:[A-Z]\.){{1,8}}[A-Z](?![{LETTER}])", dotted),
        exact_rule(CAPITALS, r"(?P<w>[A-Z]{2,12})(?P<p>s)?(?![A-Za-z'’])", read),
        exact_rule(CAPITALS, r"(?P<w>[A-Z])(?P<p>(?!))?(?![A-Za-z'’.])", read),
    ]
