"""Telugu addresses: door numbers in their groups, and the PIN code after a town.

A door number is said group by group, 8-2-293/82 ఎనిమిది డాష్ రెండు డాష్ రెండు తొమ్మిది మూడు బై ఎనభై రెండు: up to two digits
as a number, more of them one by one. Other numbers of an address are counted as anywhere: ఫ్లాట్ 302 మూడు వందల రెండు.
"""

from __future__ import annotations

import re

from backline.speech.text.normalise.cardinal import context_before
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.languages.telugu_words import ADDRESS_WORDS, TOWNS
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.rules import DIGIT, LETTER, Piece, Reading, Rule, rule

_DOOR = re.compile(r"(?:ఇంటి|ఇల్లు|డోర్|ఫ్లాట్|ప్లాట్|షాప్|షాపు|క్వార్టర్|h\.?\s?no|d\.?\s?no)[^,\d]{0,12}$", re.IGNORECASE)
_NEAR = re.compile(rf"(?:^|[\s,])(?:{ADDRESS_WORDS})")
_TOWN = re.compile(rf"(?:^|[\s,])(?:{TOWNS})[,\s–-]{{1,3}}$")
_PART = re.compile(r"\d+|[-/–]|[A-Za-z]")
_REACH = 120
"""Characters looked at on either side."""


def rules(language: Language) -> list[Rule]:
    """Asked before dates and ranges."""
    numbers = Numbers(language)
    marks = {"-": "డాష్", "–": "డాష్", "/": "బై"}

    def spoken(part: str) -> str:
        if part.isdecimal():
            return numbers.cardinal(part) if len(part) < 3 else numbers.digits(part)
        return marks.get(part) or language.letters[part.lower()]

    def door(match: re.Match[str]) -> Reading:
        following = match.string[match.end() : match.end() + _REACH]
        begins = not match.string[max(0, match.start() - 2) : match.start()].strip()
        named = _DOOR.search(context_before(match))
        if not named and not (begins and following.startswith(",") and _NEAR.search(following)):
            return None
        pieces: list[Piece] = []
        for part in _PART.finditer(match[0]):
            words = spoken(part[0])
            place = (match.start() + part.start(), match.start() + part.end())
            pieces.append((f" {words}" if pieces else words, *place))
        return pieces

    def postal(match: re.Match[str]) -> Reading:
        before = match.string[max(0, match.start() - _REACH) : match.start()]
        in_address = _NEAR.search(before) is not None and re.search(r"[,–-]\s?$|,[^,]{1,30}$", before) is not None
        return numbers.digits(match[0]) if in_address or _TOWN.search(before) else None

    year = r"(?!\d{1,2}[-/]\d{1,2}[-/](?:19|20)\d\d(?!\d))"
    alone = rf"(?![{LETTER}\d]|[-/.:]\d)"
    end = r"(?=\s*(?:$|[.,;:)\n])|\s(?:నుండి|నుంచి|వద్ద|చిరునామా))"
    return [
        rule(DIGIT, rf"(?<![\d/.,-]){year}\d{{1,4}}(?:[-/–]\d{{1,5}}){{1,4}}(?:[-/]?[A-Za-z])?{alone}", door),
        rule(DIGIT, rf"(?<![\d.,])[1-8]\d{{5}}{end}(?![.,]\d)", postal),
    ]
