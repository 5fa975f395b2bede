"""Symbols, abbreviations and emoji: one table each, looked up where they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping

from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.rules import DIGIT, LETTER, Read, Reading, Rule, exact_rule, one_of, rule

_VARIATION = "[\ufe0f\u200d\U0001f3fb-\U0001f3ff\u20e3]*"


def rules(language: Language) -> list[Rule]:
    """Asked last at every symbol."""
    spoken = language.symbols

    def read(match: re.Match[str]) -> Reading:
        return _apart(match, spoken[match[0]])

    return [exact_rule({symbol[0] for symbol in spoken}, one_of(spoken), read)] if spoken else []


def emoji_rules(language: Language) -> list[Rule]:
    """An emoji by its name; one after another of the same kind is said once."""
    names = language.emoji
    if not names:
        return []

    def read(match: re.Match[str]) -> Reading:
        return _apart(match, names[match["e"]])

    return [
        exact_rule(
            {one[0] for one in names}, rf"(?P<e>{one_of(names)}){_VARIATION}(?:(?P=e){_VARIATION}){{0,40}}", read
        )
    ]


def abbreviation_rules(abbreviations: Mapping[str, str]) -> list[Rule]:
    """Written with or without regard to case as the table has them: one in capitals or with a capital is exact.

    A final dot belongs to the abbreviation.
    """
    found: list[Rule] = []
    letters = re.compile(rf"[{LETTER}]+|.")
    for written, spoken in abbreviations.items():
        start = letters.match(written)
        assert start is not None
        make = rule if written.islower() else exact_rule
        end = "" if written.endswith(".") else rf"(?![{LETTER}\d])"
        found.append(
            make(
                DIGIT if start[0].isdigit() else start[0].lower(),
                rf"(?<![{LETTER}]){re.escape(written)}{end}",
                _always(spoken),
            )
        )
    return found


def _always(spoken: str) -> Read:
    return lambda match: spoken


def _apart(match: re.Match[str], spoken: str) -> str:
    """With blanks where letters or digits touch the symbol; the scanner sees only words."""
    before = match.string[match.start() - 1 : match.start()] if match.start() else ""
    after = match.string[match.end() : match.end() + 1]
    left = " " if before and not before.isspace() and before not in "([{\"'“‘" else ""
    right = " " if after and not after.isspace() and after not in ".,;:!?)]}\"'”’।" else ""
    return f"{left}{spoken}{right}"
