"""Years of English: decades, spans, eras, quarters, and four digits that are a year."""

from __future__ import annotations

import re

from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.languages.english_numerals import EnglishNumerals, below_hundred
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.rules import DIGIT, END, LETTER, Reading, Rule, piece, rule

_NUMERALS = EnglishNumerals(indian=False)
_ERA = r"(?P<e>AD|BC|BCE|CE|A\.\s?D\.?|B\.\s?C\.?(?:\s?E\.?)?|C\.\s?E\.?)"
_COUNTED = re.compile(r"\s(?:[a-z]+s|people|children|men|women|feet|of|more|percent|years?|times)\b")
_YEAR_BEFORE = re.compile(
    r"(?:\b(?:in|since|of|by|from|until|till|year|circa|before|after|during|early|late|and)|[-–—(])\s?$", re.IGNORECASE
)


def span_rules() -> list[Rule]:
    """Decades, and from one year to another: asked before other ranges."""
    decade = r"(?<![\d.,])(?P<y>[12]\d\d0)"
    unit = r"\s?(?:kg|km|%|[a-z]{2,3}\b(?<!to)(?<!and))"
    no_more = rf"(?![\d{LETTER}]|[-–/:=]\d|{unit})(?![.,]\d|\s?=)"
    return [
        rule(DIGIT, rf"{decade}\s?['’]?s(?![{LETTER}\d])", lambda match: decade_name(match["y"])),
        rule(("'", "’"), rf"['’](?P<y>[1-9]0)s(?![{LETTER}\d])", _short_decade),
        rule(DIGIT, rf"(?P<y>[2-9]0)s(?![{LETTER}\d])", _short_decade),
        rule(DIGIT, rf"(?<![\d.,-])(?P<a>1\d{{3}}|20\d\d)\s?[-–—]\s?(?P<b>\d{{4}}|\d\d){no_more}", _span),
    ]


def rules() -> list[Rule]:
    """Eras, quarters, and four digits that are a year: asked after ranges and measures."""
    return [
        rule(DIGIT, rf"(?P<y>\d{{1,4}})\s?{_ERA}(?![{LETTER}])", _era),
        rule(("ad", "a", "bc", "b"), r"(?P<e>AD|A\.\s?D\.|BC|B\.\s?C\.)\s(?P<y>\d{1,4})(?!\d|,\d)", _era),
        rule(DIGIT, rf"(?P<q>[1-4])Q\s?(?P<y>\d{{4}}|\d\d){END}", _quarter),
        rule("q", rf"Q(?P<q>[1-4])\s?(?P<y>20\d\d){END}", _quarter),
        rule(DIGIT, rf"(?<![\d.,/:-])[12]\d{{3}}(?!\d|[,.:/]\d|\s?%|[{LETTER}])", _year),
    ]


def _short_decade(match: re.Match[str]) -> Reading:
    return _plural(below_hundred(int(match["y"])))


def _span(match: re.Match[str]) -> Reading:
    first, second = int(match["a"]), match["b"]
    end = int(second) if len(second) == 4 else first // 100 * 100 + int(second)
    if not 1000 <= first <= 2100 or not first < end <= 2200:
        return None
    last = _NUMERALS.year(end) if len(second) == 4 or end % 100 < 10 else below_hundred(end % 100)
    to = (" to ", match.end("a"), match.start("b"))
    return [piece(match, "a", _NUMERALS.year(first)), to, piece(match, "b", last)]


def _era(match: re.Match[str]) -> Reading:
    letters = re.sub(r"[.\s]", "", match["e"]).upper()
    spoken = _NUMERALS.year(int(match["y"]))
    return f"{letters} {spoken}" if match.start("e") < match.start("y") else f"{spoken} {letters}"


def _quarter(match: re.Match[str]) -> Reading:
    name = ("first", "second", "third", "fourth")[int(match["q"]) - 1]
    year = int(match["y"])
    return f"the {name} quarter of {_NUMERALS.year(year) if year > 99 else below_hundred(year)}"


def _year(match: re.Match[str]) -> Reading:
    """1900 to 2099 always; earlier ones unless something is counted: 1200 people, but in 1200."""
    n = int(match[0])
    before = match.string[max(0, match.start() - 10) : match.start()]
    counted = n < 1900 and _COUNTED.match(match.string, match.end()) and not _YEAR_BEFORE.search(before)
    return None if counted or not 1100 <= n <= 2099 else _NUMERALS.year(n)


def serial_rules(language: Language) -> list[Rule]:
    """Numbers among letters and strokes: 133-ABC, 31/31/100. Without "and"; long ones digit by digit."""
    numbers = Numbers(language)

    def after_letter(match: re.Match[str]) -> Reading:
        """As a street number is said: A three twenty one, F one fifty, B one oh one."""
        hundreds, rest = int(match[0][0]), int(match[0][1:])
        if not rest:
            return None
        below = below_hundred(rest) if rest > 9 else f"oh {below_hundred(rest)}"
        return f"{below_hundred(hundreds)} {below}"

    def read(match: re.Match[str]) -> Reading:
        text = match[0]
        if len(text) > 4 or text[0] == "0":
            return numbers.digits(text)
        return _NUMERALS.plain(int(text))

    end = r"(?![\d.,])"
    between_strokes = rf"(?<![\d/.,])\d{{1,9}}(?=/\d{{1,9}}/\d)|(?<=\d/)\d{{1,9}}{end}|(?<=[{LETTER}]-)\d{{1,9}}(?=/)"
    return [
        rule(DIGIT, rf"\d{{1,9}}(?=-[{LETTER}])|(?<=[{LETTER}]-)\d{{1,9}}{end}(?!\s?[%°])", read),
        rule(DIGIT, between_strokes, read),
        rule(DIGIT, r"(?<=[A-Za-z])[1-9]\d\d(?!\d|[.,]\d)", after_letter),
    ]


def decade_name(text: str) -> str:
    """1980 to nineteen eighties, 1900 to nineteen hundreds, 2000 to two thousands."""
    return _plural(_NUMERALS.year(int(text)))


def _plural(words: str) -> str:
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"
