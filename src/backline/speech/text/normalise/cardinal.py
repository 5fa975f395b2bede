"""Whole numbers, decimals, negatives and numbers with a magnitude: what is left when no other class wants it."""

from __future__ import annotations

import re

from backline.speech.text.normalise.languages.base import Language, Magnitude
from backline.speech.text.normalise.number import LONGEST_CARDINAL, Numbers, amount
from backline.speech.text.normalise.rules import DIGIT, END, LETTER, NUMBER, Piece, Reading, Rule, one_of, piece, rule

_CONTEXT = 60
"""Characters looked at before a number."""


def flood_rules(language: Language) -> list[Rule]:
    """More digits than any number has: they are named one by one. First of all rules, so that none looks twice."""
    numbers = Numbers(language)
    return [
        rule(DIGIT, r"\d{25,}+", lambda match: numbers.digits(match[0])),
        rule(DIGIT, r"\d+\.\d{25,}+", lambda match: _long_decimal(numbers, match[0])),
    ]


def magnitude_rules(language: Language) -> list[Rule]:
    """2.5 million, 3 cr."""
    if not language.magnitudes:
        return []
    numbers = Numbers(language)

    def read(match: re.Match[str]) -> Reading:
        word = magnitude_word(language.magnitudes[match["m"].lower()], match["n"], before=noun_follows(match))
        return [piece(match, "n", numbers.multiplier(match["n"])), _spaced(match, "m", word)]

    return [rule((DIGIT, "."), rf"(?P<n>{NUMBER})\s?(?P<m>{one_of(language.magnitudes)}){END}", read)]


def rules(language: Language) -> list[Rule]:
    """Signs, and every number that is left."""
    numbers = Numbers(language)
    before_year = re.compile(language.year_before + r"\s*$", re.IGNORECASE) if language.year_before else None
    after_year = re.compile(language.year_after, re.IGNORECASE) if language.year_after else None

    def read(match: re.Match[str]) -> Reading:
        text = match["n"]
        if len(text) == 4 and text.isdecimal() and 1100 <= int(text) <= 2099:
            before = before_year and before_year.search(match.string[max(0, match.start() - 20) : match.start()])
            if before or (after_year and after_year.match(match.string, match.end())):
                year = language.numerals.year(int(text))
                return language.oblique(year) if noun_follows(match) else year
        if text.isdecimal() and _is_code(text, language):
            return numbers.digits(text)
        joined = match.string[match.start() - 1 : match.start()] in ("-", "–")
        return numbers.cardinal(text, counted=noun_follows(match) and not joined)

    sign = rf"(?<![{LETTER}\d)\]%°])"
    return [
        rule(("-", "−"), rf"{sign}[-−](?=\.?\d|[$€£₹¥]\s?\d)", lambda match: language.minus + " "),
        rule("+", rf"{sign}\+(?=\.?\d)", lambda match: language.plus + " "),
        rule((DIGIT, "."), rf"(?P<n>{NUMBER})", read),
        rule(".", r"\.(?=\d{25})", lambda match: language.point + " "),
        rule(DIGIT, r"\d+", lambda match: numbers.digits(match[0])),
    ]


def magnitude_word(magnitude: Magnitude, number: str, *, before: bool) -> str:
    """The form by the count and by what follows."""
    if amount(number) == 1:
        return magnitude.one
    return (magnitude.before if before else magnitude.many) or magnitude.one


_NOUN = re.compile(rf"\s(?=[{LETTER}])(?!(?:మరియు|లేదా|నుండి|నుంచి|వరకు|ఉన్నా|ఉంద|ఉంట|అవు|అయిం|అయ్యా|కావా|కంటే)|[A-Za-z])")


def noun_follows(match: re.Match[str]) -> bool:
    """Whether a word of the language follows: what is counted, as a rule."""
    return _NOUN.match(match.string, match.end()) is not None


def context_before(match: re.Match[str]) -> str:
    """The text just before what was matched."""
    return match.string[max(0, match.start() - _CONTEXT) : match.start()]


def _is_code(text: str, language: Language) -> bool:
    """A number written without separators that nobody counts with: a mobile number of India, or too many digits."""
    if len(text) == 10 and text[0] in "6789" and not text.endswith("0000"):
        return True
    longest = LONGEST_CARDINAL if language.script == "indic" else 12
    return len(text) > longest and not text.endswith("000")


def _long_decimal(numbers: Numbers, text: str) -> str:
    whole, _, fraction = text.partition(".")
    return f"{numbers.cardinal(whole)} {numbers.language.point} {numbers.digits(fraction)}"


def _spaced(match: re.Match[str], group: str, spoken: str) -> Piece:
    """With the blank before it that the source may lack; the blank of the source belongs to it."""
    return (" " + spoken, match.end("n"), match.end(group))
