"""Proper uses of English: street addresses, states, Roman numerals after names and headings, initials."""

from __future__ import annotations

import re

from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.languages.english_numerals import EnglishNumerals, below_hundred
from backline.speech.text.normalise.languages.english_words import (
    DIRECTIONS,
    HEADINGS,
    NOT_NAMES,
    ROYAL,
    STATES,
    STREETS,
)
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.roman import VALID, WORDS_IN_CAPITALS, value
from backline.speech.text.normalise.rules import CAPITALS, DIGIT, LETTER, Piece, Reading, Rule, exact_rule, one_of

_NAME_BEFORE = re.compile(r"([A-Z][a-z’']+|[A-Z]{2,})[ -]$")


def address_rules(language: Language) -> list[Rule]:
    """1428 Elm St., 12 S 1st St, and a town with its state and ZIP after them."""
    numbers = Numbers(language)
    numerals = EnglishNumerals(indian=False)
    name = r"(?:[A-Z][a-z]+|\d{1,3}(?:st|nd|rd|th))"
    street = rf"(?P<t>(?i:{one_of(STREETS)}))(?![{LETTER}])(?P<dot>\.)?"
    town = (
        rf"(?P<town>,\s[A-Z][a-z]+(?:\s[A-Z][a-z]+){{0,2}},\s)(?P<st>{one_of(STATES)})(?![{LETTER}])"
        r"(?:(?P<zg>,?\s)(?P<zip>\d{5})(?!\d))?"
    )
    pattern = rf"(?P<n>\d{{1,5}})(?:\s(?P<d>[NSEW]{{1,2}})\.?)?(?P<mid>(?:\s{name}){{1,4}}?)\s{street}(?:{town})?"

    def read(match: re.Match[str]) -> Reading:
        pieces: list[Piece] = [(house_number(match["n"], numbers), match.start("n"), match.end("n"))]
        if match["d"]:
            direction = " ".join(DIRECTIONS[letter] for letter in match["d"])
            pieces.append((f" {direction}", match.end("n"), match.end("d")))
        middle = [numerals.ordinal(int(word[:-2])) if word[0].isdigit() else word for word in match["mid"].split()]
        pieces.append((" " + " ".join(middle), pieces[-1][2], match.end("mid")))
        ends = (
            match["dot"]
            and (match["town"] is None)
            and re.match(r"\s*$|\s+[A-Z]", match.string[match.end("dot") : match.end("dot") + 3])
        )
        pieces.append(
            (
                f" {STREETS[match['t'].lower()]}{'.' if ends else ''}",
                match.end("mid"),
                match.end("dot") if match["dot"] else match.end("t"),
            )
        )
        if match["town"]:
            pieces.append((match["town"], pieces[-1][2], match.end("town")))
            pieces.append((STATES[match["st"]], match.start("st"), match.end("st")))
        if match["zip"]:
            pieces.append((match["zg"] + numbers.digits(match["zip"]), match.end("st"), match.end("zip")))
        return pieces

    def state_and_zip(match: re.Match[str]) -> Reading:
        return [
            (STATES[match["st"]], match.start("st"), match.end("st")),
            (" " + numbers.digits(match["zip"]), match.end("st"), match.end("zip")),
        ]

    return [
        exact_rule(DIGIT, pattern, read),
        exact_rule(CAPITALS, rf"(?P<st>{one_of(STATES)})\s(?P<zip>\d{{5}}(?:-\d{{4}})?)(?!\d)", state_and_zip),
    ]


_STREET_NAME = re.compile(r"(?:^|.*[\s(\"'“‘])((?:[A-Z][a-z’']+|\d{1,3}(?:st|nd|rd|th)))\s$", re.DOTALL)
_NO_STREET_NAME = frozenset(
    "A An And At Behind Beside By For From In Is Near Of On Opposite Or Our Past Saint See That The This To Towards "
    "Via Was With".split()
)


_BEGINS = re.compile(
    r"\s(?:He|She|It|They|We|I|You|The|A|An|This|That|These|There|Then|Here|But|And|So|In|On|At|From|When|If|My|Our|His|"
    r"Her|Its|Their|Your|Is|Are|Was|Do|No|Not|Yes|What|Where|Who|Why|How)\s"
)
"""Of the next sentence."""


def street_rules() -> list[Rule]:
    """A street without a house number, after its name: Main St. and 5th Ave; but St. Paul is a saint."""

    def read(match: re.Match[str]) -> Reading:
        found = _STREET_NAME.match(match.string, max(0, match.start() - 30), match.start())
        if found is None or found[1] in _NO_STREET_NAME:
            return None
        following = match.string[match.end() : match.end() + 3]
        another = re.match(r"\s[A-Z]", following) is not None
        saint = match["t"] == "St" and another and not found[1][0].isdigit()
        if saint and not (match["dot"] and _BEGINS.match(match.string, match.end())):
            return None
        ends = match["dot"] and (another or not following.strip())
        return f"{STREETS[match['t'].lower()]}{'.' if ends else ''}"

    kinds = ("St", "Ave", "Rd", "Blvd", "Ln", "Ct", "Sq", "Hwy", "Pkwy")
    pattern = rf"(?P<t>{one_of(kinds)})(?![{LETTER}\d'’])(?P<dot>\.)?"
    return [exact_rule([kind.lower() for kind in kinds], pattern, read)]


def house_number(text: str, numbers: Numbers) -> str:
    """In pairs: 1428 fourteen twenty eight, 123 one twenty three, 708 digit by digit."""
    if len(text) == 4 and text[0] != "0" and text.endswith("00") and text[1] != "0":
        return f"{below_hundred(int(text[:2]))} hundred"
    if len(text) == 4 and text[0] != "0" and text[2] != "0":
        return f"{below_hundred(int(text[:2]))} {below_hundred(int(text[2:]))}"
    if len(text) == 3 and text[0] != "0" and text[1] != "0":
        return f"{numbers.digits(text[0])} {below_hundred(int(text[1:]))}"
    if len(text) == 3 and text[1:] != "00":
        return numbers.digits(text)
    return numbers.digits(text) if len(text) == 5 else numbers.cardinal(text)


def roman_rules(language: Language) -> list[Rule]:
    """Chapter IV four, World War II two, Louis XIV the fourteenth."""
    numerals = EnglishNumerals(indian=False)
    heading = re.compile(rf"(?<![{LETTER}])(?:{one_of(HEADINGS)})\.?[ -]$", re.IGNORECASE)
    royal = re.compile(rf"(?<![{LETTER}])(?:{one_of(ROYAL)})\s$")
    thing = re.compile(rf"(?<![{LETTER}])(?:{one_of(NOT_NAMES)})[ -]$", re.IGNORECASE)

    def read(match: re.Match[str]) -> Reading:
        n = value(match[0])
        before = match.string[max(0, match.start() - 24) : match.start()]
        if n is None:
            return None
        found = heading.search(before)
        if found and (len(match[0]) > 1 or found[0][0].isupper()):
            return numerals.cardinal(n)
        if len(match[0]) == 1 and royal.search(before):
            return f"the {numerals.ordinal(n)}"
        if len(match[0]) < 2 or match[0] in WORDS_IN_CAPITALS - {"VI"}:
            return None
        if thing.search(before):
            return numerals.cardinal(n)
        if n <= 40 and (name := _NAME_BEFORE.search(before)) and not name[1].isupper():
            return f"the {numerals.ordinal(n)}"
        return None

    return [exact_rule(CAPITALS, rf"(?<![{LETTER}\d]){VALID}(?![\d&.][A-Za-z\d]|['’][A-Za-rt-z]|[{LETTER}\d])", read)]


def initial_rules() -> list[Rule]:
    """U.S.A. to USA; C. S. Lewis to CS Lewis."""

    def read(match: re.Match[str]) -> Reading:
        letters = re.sub(r"[.\s]", "", match[0])
        ends = match[0].endswith(".") and re.match(r"\s*$", match.string[match.end() : match.end() + 40])
        return (
            letters
            + ("." if ends and match["n"] is None and len(letters) < 2 else "")
            + (" " if match["n"] is not None else "")
        )

    return [
        exact_rule(CAPITALS, r"(?<![A-Za-z])(?:[A-Z]\.\s?){1,4}[A-Z]\.(?P<n>\s)(?=[A-Z][a-z])", read),
        exact_rule(CAPITALS, rf"(?<![A-Za-z])(?:[A-Z]\.){{2,8}}(?P<n>(?!))?(?![{LETTER}])", read),
    ]
