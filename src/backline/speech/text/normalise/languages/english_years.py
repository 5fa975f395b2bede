"""Years of English: decades, spans, eras, quarters, and four digits that are a year."""

from __future__ import annotations

import re

from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.languages.english_numerals import EnglishNumerals, below_hundred
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.rules import DIGIT, END, LETTER, Reading, Rule, piece, rule

_ERA = r"(?P<e>AD|BC|BCE|CE|A\.\s?D\.?|B\.\s?C\.?(?:\s?E\.?)?|C\.\s?E\.?)"
_COUNTED = re.compile(r"\s(?:[a-z]+s|people|children|men|women|feet|of|more|percent|years?|times)\b")
_YEAR_BEFORE = re.compile(
    r"(?:\b(?:in|since|of|by|from|until|till|year|circa|before|after|during|early|late|and)|[-–—(])\s?$", re.IGNORECASE
)


def rules(language: Language) -> tuple[list[Rule], list[Rule]]:
    """Decades and spans, asked before other ranges; and the rest, asked after them."""
    numerals = EnglishNumerals(indian=False)

    def decade(match: re.Match[str]) -> Reading:
        return decade_name(match["y"])

    def short_decade(match: re.Match[str]) -> Reading:
        return _plural(below_hundred(int(match["y"])))

    def span(match: re.Match[str]) -> Reading:
        first, second = int(match["a"]), match["b"]
        end = int(second) if len(second) == 4 else first // 100 * 100 + int(second)
        if not first < end or not 1000 <= first <= 2100 or end > 2200:
            return None
        last = numerals.year(end) if len(second) == 4 or end % 100 < 10 else below_hundred(end % 100)
        return [
            piece(match, "a", numerals.year(first)),
            (" to ", match.end("a"), match.start("b")),
            piece(match, "b", last),
        ]

    def era(match: re.Match[str]) -> Reading:
        letters = re.sub(r"[.\s]", "", match["e"]).upper()
        n = int(match["y"])
        spoken = numerals.year(n)
        return f"{letters} {spoken}" if match.start("e") < match.start("y") else f"{spoken} {letters}"

    def quarter(match: re.Match[str]) -> Reading:
        name = ("first", "second", "third", "fourth")[int(match["q"]) - 1]
        year = match["y"]
        spoken = numerals.year(int(year)) if len(year) == 4 else below_hundred(int(year))
        return f"the {name} quarter of {spoken}"

    def year(match: re.Match[str]) -> Reading:
        n = int(match[0])
        if not 1100 <= n <= 2099 or (
            n < 1900
            and _COUNTED.match(match.string, match.end())
            and not _YEAR_BEFORE.search(match.string[max(0, match.start() - 10) : match.start()])
        ):
            return None
        return numerals.year(n)

    four = r"(?<![\d.,])(?P<y>[12]\d\d0)"
    spans = [
        rule(DIGIT, rf"{four}\s?['’]?s(?![{LETTER}\d])", decade),
        rule(("'", "’"), rf"['’](?P<y>[1-9]0)s(?![{LETTER}\d])", short_decade),
        rule(DIGIT, rf"(?P<y>[2-9]0)s(?![{LETTER}\d])", short_decade),
        rule(
            DIGIT,
            rf"(?<![\d.,-])(?P<a>1\d{{3}}|20\d\d)\s?[-–—]\s?(?P<b>\d{{4}}|\d\d)(?![\d{LETTER}]|[-–/:=]\d|\s?(?:kg|km|%|[a-z]{{2,3}}\b(?<!to)(?<!and)))(?![.,]\d|\s?=)",
            span,
        ),
    ]
    alone = [
        rule(DIGIT, rf"(?P<y>\d{{1,4}})\s?{_ERA}(?![{LETTER}])", era),
        rule(("ad", "a"), r"(?P<e>AD|A\.\s?D\.)\s(?P<y>\d{1,4})(?!\d|,\d)", era),
        rule(DIGIT, rf"(?P<q>[1-4])Q\s?(?P<y>\d{{4}}|\d\d){END}", quarter),
        rule("q", rf"Q(?P<q>[1-4])\s?(?P<y>20\d\d){END}", quarter),
        rule(DIGIT, rf"(?<![\d.,/:-])[12]\d{{3}}(?!\d|[,.:/]\d|\s?%|[{LETTER}])", year),
    ]
    return spans, alone


def serial_rules(language: Language) -> list[Rule]:
    """Numbers among letters and strokes: 133-ABC, 31/31/100. Without "and"; long ones digit by digit."""
    numerals, numbers = EnglishNumerals(indian=False), Numbers(language)

    def read(match: re.Match[str]) -> Reading:
        text = match[0]
        if len(text) > 4 or text[0] == "0":
            return numbers.digits(text)
        return numerals.plain(int(text))

    end = r"(?![\d.,])"
    between_strokes = rf"(?<![\d/.,])\d{{1,9}}(?=/\d{{1,9}}/\d)|(?<=\d/)\d{{1,9}}{end}|(?<=[{LETTER}]-)\d{{1,9}}(?=/)"
    return [
        rule(DIGIT, rf"\d{{1,9}}(?=-[{LETTER}])|(?<=[{LETTER}]-)\d{{1,9}}{end}(?!\s?[%°])", read),
        rule(DIGIT, between_strokes, read),
    ]


def decade_name(text: str) -> str:
    """1980 to nineteen eighties, 1900 to nineteen hundreds, 2000 to two thousands."""
    return _plural(EnglishNumerals(indian=False).year(int(text)))


def _plural(words: str) -> str:
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"
