"""What Hindi inflects: ordinals with case endings, fractions, decades, Roman numerals before endings, addresses."""

from __future__ import annotations

import re

from backline.speech.text.normalise.cardinal import context_before
from backline.speech.text.normalise.fraction import Say
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.languages.hindi_words import ADDRESS_WORDS, PLACES
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.ordinal import english_ending
from backline.speech.text.normalise.roman import VALID, WORDS_IN_CAPITALS, value
from backline.speech.text.normalise.rules import CAPITALS, DIGIT, LETTER, Piece, Reading, Rule, exact_rule, rule

_FIRST = {1: "पहल", 2: "दूसर", 3: "तीसर", 4: "चौथ", 6: "छठ"}
_VOWELS = {"ा": "ा", "ी": "ी", "े": "े"}
_ENDINGS = r"ला|ली|ले|रा|री|रे|था|थी|थे|ठा|ठी|ठे|वाँ|वां|वीं|वें|वे|वी|वा"
_ENGLISH = (
    "_ फ़र्स्ट सेकंड थर्ड फ़ोर्थ फ़िफ्थ सिक्स्थ सेवंथ एटथ नाइंथ टेंथ इलेवंथ ट्वेल्फ्थ थर्टींथ फोर्टींथ फिफ्टींथ सिक्सटींथ सेवंटींथ एटींथ नाइंटींथ ट्वेंटिएथ"
).split()
_QUARTERS = {(1, 2): "आधा", (1, 3): "तिहाई", (2, 3): "दो तिहाई", (1, 4): "चौथाई", (3, 4): "तीन चौथाई"}


def ordinal_rules(language: Language) -> list[Rule]:
    """1ला पहला, 5वीं पाँचवीं, 10वें दसवें, 3rd थर्ड."""

    def read(match: re.Match[str]) -> Reading:
        return ordinal(language, int(match["n"].replace(",", "")), match["e"])

    def english(match: re.Match[str]) -> Reading:
        n = int(match["n"])
        if match["s"].lower() != english_ending(n):
            return None
        return _ENGLISH[n] if 1 <= n < len(_ENGLISH) else language.numerals.ordinal(n)

    return [
        rule(DIGIT, rf"(?P<n>\d{{1,9}}|\d{{1,3}}(?:,\d{{2,3}}){{1,3}})\s?-?(?P<e>{_ENDINGS})(?![{LETTER}])", read),
        rule(DIGIT, rf"(?P<n>\d{{1,3}})\s?(?P<s>st|nd|rd|th)(?![{LETTER}\d])", english),
    ]


def ordinal(language: Language, n: int, ending: str) -> str | None:
    """With the ending's gender and case; the first four and the sixth are words of their own."""
    vowel = next((mark for mark in "ाीे" if mark in ending), "ा")
    if n in _FIRST:
        return _FIRST[n] + vowel
    if not ending.startswith("व"):
        return None
    return language.numerals.cardinal(n) + (ending if ending in ("वाँ", "वां", "वीं", "वें") else f"व{vowel}ं")


def fraction(language: Language) -> Say:
    """1/2 आधा, 3/4 तीन चौथाई; with a whole डेढ़, ढाई, साढ़े, सवा, पौने; else बटा."""
    name = language.numerals.cardinal

    def say(whole: int | None, numerator: int, denominator: int) -> str:
        if whole is None or whole == 0:
            return _QUARTERS.get((numerator, denominator)) or f"{name(numerator)} बटा {name(denominator)}"
        part = f"{name(numerator)} बटा {name(denominator)}"
        return with_half(language, whole, numerator, denominator) or f"{name(whole)} और {part}"

    return say


def with_half(language: Language, whole: int, numerator: int, denominator: int) -> str:
    """डेढ़ 1½, ढाई 2½, साढ़े तीन 3½, सवा तीन 3¼, पौने चार 3¾; empty for other fractions."""
    name = language.numerals.cardinal
    if (numerator, denominator) == (1, 2):
        return {1: "डेढ़", 2: "ढाई"}.get(whole) or f"साढ़े {name(whole)}"
    if (numerator, denominator) == (1, 4):
        return "सवा" if whole == 1 else f"सवा {name(whole)}"
    if (numerator, denominator) == (3, 4):
        return f"पौने {name(whole + 1)}"
    return ""


def half_rules(language: Language) -> list[Rule]:
    """1.5 घंटे डेढ़ घंटे: of time, people count in halves."""
    words = r"घंटा|घंटे|घंटों|दिन|साल|सालों|वर्ष|महीने|माह|हफ़्ते|हफ्ते|सप्ताह|बजे"
    written = {"yr": "साल", "yrs": "साल", "hr": "घंटे", "hrs": "घंटे", "h": "घंटे", "mo": "महीने"}

    def read(match: re.Match[str]) -> Reading:
        spoken = with_half(language, int(match["w"]), 1, 2)
        unit = match["u"]
        return [
            (spoken, match.start(), match.end("w") + 2),
            (" " + written.get(unit.lower(), unit), match.end("w") + 2, match.end()),
        ]

    def long_year(match: re.Match[str]) -> Reading:
        return f"{Numbers(language).cardinal(match['n'])} वर्ष"

    short = "|".join(written)
    return [
        rule(DIGIT, rf"(?P<w>[1-9]\d?)\.5\s(?P<u>{words}|{short})(?![{LETTER}\d])", read),
        rule(DIGIT, rf"(?P<n>\d{{4,9}}|\d{{1,9}}\.\d{{1,4}})\s?yrs?(?![{LETTER}\d])", long_year),
    ]


def roman_rules(language: Language) -> list[Rule]:
    """कक्षा XII बारह, भाग-II दो, XIIवीं बारहवीं."""

    def read(match: re.Match[str]) -> Reading:
        n = value(match["r"])
        before = match.string[max(0, match.start() - 20) : match.start()]
        if n is None:
            return None
        if match["e"]:
            return ordinal(language, n, match["e"])
        heading = re.search(r"(?:भाग|खंड|खण्ड|अध्याय|कक्षा|श्रेणी|चरण|योजना|अंक|धारा|अनुच्छेद|युद्ध|मिशन|क्लास|टाइप)[\s-]$", before)
        indic = re.search(r"[\u0900-\u097f][\s-]$", before) or re.match(
            r"\s[\u0900-\u097f]", match.string[match.end() : match.end() + 2]
        )
        if heading or (len(match["r"]) > 1 and match["r"] not in WORDS_IN_CAPITALS - {"VI", "XC"} and indic):
            return language.numerals.cardinal(n)
        return None

    def hyphened(match: re.Match[str]) -> Reading:
        n = value(match["r"])
        return None if n is None else f" {language.numerals.cardinal(n)}"

    return [
        exact_rule(
            CAPITALS,
            rf"(?<![{LETTER}\d]){VALID}(?![A-Z])".replace(VALID, f"(?P<r>{VALID})")
            + rf"(?P<e>{_ENDINGS})?(?![{LETTER}\d'’.])",
            read,
        ),
        exact_rule("-", rf"(?<=[\u0900-\u097f])-(?P<r>{VALID})(?![{LETTER}\d])", hyphened),
    ]


def address_rules(language: Language) -> list[Rule]:
    """In a line that names a street, a floor or a sector, and after a town, numbers are said digit by digit."""
    numbers = Numbers(language)
    near = re.compile(
        rf"(?:^|[\s,])(?<!बस )(?<!रोल )(?<!प्रश्न )(?<!सवाल )(?<!पेज )(?:{ADDRESS_WORDS})(?![{LETTER}])", re.IGNORECASE
    )
    place = re.compile(rf"(?:^|[\s,])(?:{PLACES})[,\s-]{{1,3}}$")

    def in_address(match: re.Match[str]) -> bool:
        text = match.string
        low, high = max(0, match.start() - 120), match.end() + 120
        return near.search(text, low, high) is not None and not _SENTENCE.search(text, low, high)

    def read(match: re.Match[str]) -> Reading:
        if not in_address(match):
            return None
        pieces: list[Piece] = []
        for part in re.finditer(r"\d+|\s?[-/–]\s?", match[0]):
            mark = part[0].strip()
            spoken = numbers.digits(mark) if mark.isdigit() else {"/": "बटा"}.get(mark, "हाइफ़न")
            pieces.append(
                (f" {spoken}" if pieces else spoken, match.start() + part.start(), match.start() + part.end())
            )
        return pieces

    def postal(match: re.Match[str]) -> Reading:
        return numbers.digits(match[0]) if place.search(context_before(match)) else None

    def hyphen(match: re.Match[str]) -> Reading:
        return " हाइफ़न " if in_address(match) else None

    def letter(match: re.Match[str]) -> Reading:
        return f" {language.letters[match[0].lower()]}" if match[0].isupper() else None

    return [
        rule(
            DIGIT,
            rf"\d{{1,7}}(?:\s?[-/–]\s?\d{{1,6}}){{0,2}}(?:\s-(?=\s[\u0900-\u097f])|-(?=[\u0900-\u097f]))?(?!\d|[.,:%]\d|\s?(?:{_ENDINGS}|st|nd|rd|th)(?![{LETTER}]))",
            read,
        ),
        rule(DIGIT, r"\d{6}(?!\d|[.,]\d)", postal),
        rule("-", r"(?<=[\u0900-\u097f])-(?=[\u0900-\u097f\d])", hyphen),
        rule(tuple("abcdefgh"), rf"(?<=\d)[A-H](?![{LETTER}\d])", letter),
    ]


_SENTENCE = re.compile(r"।|\s(?:है|हैं|था|थे|थी|हूँ|गया|गए|गई|किया|करें)(?:[\s.,!?]|$)|[₹$%:]")
"""A line with a verb, money or a time in it is a sentence that names a place, not an address."""
