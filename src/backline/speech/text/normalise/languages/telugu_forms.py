"""What Telugu inflects: ordinals, fractions, halves, spans of years, Roman numerals."""

from __future__ import annotations

import re

from backline.speech.text.normalise.fraction import Say
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.languages.telugu_numerals import ordinal_of
from backline.speech.text.normalise.roman import VALID, WORDS_IN_CAPITALS, value
from backline.speech.text.normalise.rules import CAPITALS, DIGIT, LETTER, Reading, Rule, exact_rule, piece, rule

_QUARTERS = {(1, 2): "సగం", (1, 4): "పావు", (3, 4): "ముప్పావు"}
_OF = {2: "రెండింట", 3: "మూడింట", 4: "నాలుగింట", 5: "ఐదింట", 6: "ఆరింట", 7: "ఏడింట", 8: "ఎనిమిదింట", 9: "తొమ్మిదింట", 10: "పదింట"}


def ordinal_rules(language: Language) -> list[Rule]:
    """5వ ఐదవ, 10వది పదవది, 3ో మూడో, 2nd రెండవ."""

    def read(match: re.Match[str]) -> Reading:
        n, ending = int(match["n"].replace(",", "")), match["e"]
        numerals = language.numerals
        stem = ordinal_of(numerals.year(n) if 1100 <= n <= 1999 and "," not in match["n"] else numerals.cardinal(n))
        return stem[:-1] + ending if ending[0] == "వ" else stem[:-1] + "ో" + ending[1:]

    def english(match: re.Match[str]) -> Reading:
        return language.numerals.ordinal(int(match["n"].replace(",", "")))

    number = r"(?P<n>\d{1,9}|\d{1,3}(?:,\d{2,3}){1,3})"
    return [
        rule(DIGIT, rf"{number}\s?-?(?P<e>వ(?:ది|వాడు|వారు)?|ో(?:వ)?)(?![{LETTER}])", read),
        rule(DIGIT, rf"{number}(?:st|nd|rd|th)(?![{LETTER}\d])", english),
    ]


def fraction(language: Language) -> Say:
    """సగం, పావు, ముప్పావు, మూడింట రెండు వంతులు; with a whole రెండున్నర and రెండుంపావు; else బై."""
    name = language.numerals.cardinal

    def say(whole: int | None, numerator: int, denominator: int) -> str:
        part = _part(numerator, denominator)
        if not whole:
            return part
        return with_half(name(whole), numerator, denominator) or f"{name(whole)} మరియు {part}"

    def _part(numerator: int, denominator: int) -> str:
        if (numerator, denominator) in _QUARTERS:
            return _QUARTERS[numerator, denominator]
        if denominator in _OF and numerator < denominator:
            return f"{_OF[denominator]} {'ఒక వంతు' if numerator == 1 else name(numerator) + ' వంతులు'}"
        return f"{name(numerator)} బై {name(denominator)}"

    return say


def with_half(number: str, numerator: int, denominator: int) -> str:
    """-న్నర, -ంపావు, -ముప్పావు after the whole; empty for other fractions."""
    if (numerator, denominator) == (1, 2):
        return f"{number}న్నర"
    if (numerator, denominator) == (1, 4):
        return f"{number}ంపావు"
    return f"{number} ముప్పావు" if (numerator, denominator) == (3, 4) else ""


def year_rules(language: Language) -> list[Rule]:
    """1947-48, 1857-1947 and the decades 1980లు."""
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

    end = r"(?!\d|[-/.:,]\d|\s?=)"
    return [rule(DIGIT, rf"(?<![\d.,/-])(?P<a>1[1-9]\d\d|20\d\d)\s?[-–—]\s?(?P<b>\d{{4}}|\d\d){end}", span)]


def roman_rules(language: Language) -> list[Rule]:
    """అధ్యాయం IV నాలుగు, రెండవ elsewhere stays."""

    def read(match: re.Match[str]) -> Reading:
        n = value(match[0])
        before = match.string[max(0, match.start() - 20) : match.start()]
        if n is None:
            return None
        heading = re.search(r"(?:భాగం|అధ్యాయం|తరగతి|దశ|ఖండం|యుద్ధం|సంపుటి|విభాగం|పార్ట్|చాప్టర్)[\s-]$", before)
        indic = re.search(r"[\u0c00-\u0c7f][\s-]$", before)
        if heading or (len(match[0]) > 1 and match[0] not in WORDS_IN_CAPITALS - {"VI"} and indic):
            return language.numerals.cardinal(n)
        return None

    return [exact_rule(CAPITALS, rf"(?<![{LETTER}\d]){VALID}(?![{LETTER}\d'’.])", read)]
