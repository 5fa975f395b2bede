"""Years of Hindi: decades, spans, short numeric dates."""

from __future__ import annotations

import re

from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.rules import DIGIT, LETTER, Reading, Rule, piece, rule


def month_rules(language: Language) -> list[Rule]:
    """०६-०५ छह मई, ०३-२०१० मार्च दो हज़ार दस: before telephone numbers, which have the same form but more digits."""
    numerals, months = language.numerals, language.month_names

    def day_month(match: re.Match[str]) -> Reading:
        first, second = int(match["a"]), int(match["b"])
        if "0" not in (match["a"][0], match["b"][0]):
            return None
        if 1 <= first <= 31 and 1 <= second <= 12:
            return f"{numerals.cardinal(first)} {months[second - 1]}"
        if 1 <= first <= 12 and 12 < second <= 31:
            return f"{months[first - 1]} {numerals.cardinal(second)}"
        return None

    def month_year(match: re.Match[str]) -> Reading:
        month = int(match["a"])
        return f"{months[month - 1]} {numerals.year(int(match['y']))}" if 1 <= month <= 12 else None

    end = rf"(?![{LETTER}\d]|[-/.:,]\d|\s?=)"
    return [
        rule(DIGIT, rf"(?<![\d.,/-])(?P<a>\d\d)-(?P<b>\d\d){end}", day_month),
        rule(DIGIT, rf"(?<![\d.,/-])(?P<a>[01]\d)[-/](?P<y>1[89]\d\d|20\d\d){end}", month_year),
    ]


def rules(language: Language) -> list[Rule]:
    """1947-48 and 1857-1947."""
    numerals = language.numerals

    def span(match: re.Match[str]) -> Reading:
        first, text = int(match["a"]), match["b"]
        last = int(text) if len(text) == 4 else first // 100 * 100 + int(text)
        if not first < last <= 2200:
            return None
        second = numerals.year(last) if len(text) == 4 else numerals.cardinal(int(text))
        return [
            piece(match, "a", numerals.year(first)),
            (f" {language.to} ", match.end("a"), match.start("b")),
            piece(match, "b", second),
        ]

    end = rf"(?![{LETTER}\d]|[-/.:,]\d|\s?=)"
    pattern = rf"(?<![\d.,/-])(?P<a>1[1-9]\d\d|20\d\d)\s?[-–—]\s?(?P<b>\d{{4}}|\d\d){end}"
    return [rule(DIGIT, pattern, span)]
