"""Telephone numbers in their groups, and numbers that are codes: PIN, OTP, cards, accounts, and the like."""

from __future__ import annotations

import re

from backline.speech.text.normalise.cardinal import context_before
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.rules import DIGIT, LETTER, Reading, Rule, rule

_NO_MORE = rf"(?![{LETTER}\d]|[-./]\d)"
_SHORTEST_CODE = 3
"""Digits: a phone 12 or an order of 20 is a number."""
_GROUPS = re.compile(r"\d+|[A-Za-z]+")


def rules(language: Language) -> list[Rule]:
    """Numbers whose form alone shows what they are."""
    reader = _Telephone(language)
    plus = r"\+\d{1,3}[\s-]?(?:\(\d{1,5}\)[\s-]?)?\d{2,12}(?:[\s-]\d{2,8}){0,4}"
    return [
        rule("+", rf"(?<![{LETTER}\d]){plus}{_NO_MORE}", reader.international),
        rule("(", rf"\(0?\d{{2,5}}\)[\s-]?\d{{3,4}}[\s-]?\d{{3,4}}{_NO_MORE}", reader.grouped),
        rule(
            DIGIT,
            rf"1-8\d\d-(?:\d{{3}}-\d{{4}}|[A-Z0-9]{{1,8}}(?:-[A-Z0-9]{{1,8}}){{0,3}}){_NO_MORE}",
            reader.free_call,
        ),
        rule(
            DIGIT,
            rf"(?:1[-\s])?(?:\(\d{{3}}\)|\d{{3}})[-.\s]\d{{3}}[-.\s]\d{{4}}(?:-\d{{1,6}})?{_NO_MORE}",
            reader.grouped,
        ),
        rule(
            DIGIT, rf"\d{{3}}-\d{{2}}-\d{{4}}{_NO_MORE}|18[06]0[-\s]\d{{2,4}}[-\s]\d{{3,5}}{_NO_MORE}", reader.grouped
        ),
        rule(
            DIGIT, rf"0\d{{1,6}}[-.\s]\d{{4,8}}(?!\d|:)(?![-.]\d)|0 \(\d{{2,4}}\) \d{{6,8}}{_NO_MORE}", reader.grouped
        ),
        rule(DIGIT, rf"[6-9]\d{{4}}[-\s]\d{{5}}{_NO_MORE}|\d{{4}}(?:[ -]\d{{4}}){{2,3}}{_NO_MORE}", reader.grouped),
        rule(DIGIT, rf"\d{{3,5}}[-\s]\d{{6,7}}{_NO_MORE}", reader.grouped),
    ]


def code_rules(language: Language) -> list[Rule]:
    """Numbers that a word before them makes a code; asked after money, since a mobile for 15000 rupees is none."""
    if not language.identifiers:
        return []
    reader = _Telephone(language)
    # The word, at most three of those that may stand between ("number is"), and letters that are part of the code.
    filler = rf"(?:[\s:#.=-]{{1,3}}(?:{language.identifier_fillers})(?![{LETTER}])){{0,3}}"
    between = rf"{filler}(?:[\s:#.=-]{{1,3}}(?:[A-Z]{{1,5}}|(?-i:\d{{1,4}}[A-Z]{{1,5}}))|[\s:#.=-]{{0,3}})"
    known = re.compile(rf"(?<![{LETTER}])(?:{language.identifiers}){between}$", re.IGNORECASE)
    counted = re.compile(r"\s[a-z]+s\b")

    def read(match: re.Match[str]) -> Reading:
        short = sum(character.isdigit() for character in match[0]) < _SHORTEST_CODE
        if short or not known.search(context_before(match)):
            return None
        if len(match[0]) < 5 and counted.match(match.string, match.end()):
            return None
        glued = re.match(rf"[{LETTER}]", match.string[match.start() - 1 : match.start()]) is not None
        return None if glued and match[0].endswith("000") else reader.spelled(match)

    return [rule(DIGIT, r"(?<![\d.,])\d{1,20}(?:-\d{1,12}| \d{2,12}){0,5}(?![.,:/]?\d|\s?%)", read)]


class _Telephone:
    def __init__(self, language: Language) -> None:
        self._language = language
        self._numbers = Numbers(language)
        self._joint = ", " if language.code == "en" else " "

    def international(self, match: re.Match[str]) -> Reading:
        if sum(character.isdigit() for character in match[0]) < 7:
            return None
        return f"{self._language.plus} {self._spoken(match[0])}"

    def grouped(self, match: re.Match[str]) -> Reading:
        return self._spoken(match[0]) if sum(character.isdigit() for character in match[0]) > 8 else None

    def free_call(self, match: re.Match[str]) -> Reading:
        """1-800-GO-U-HAUL: the eight hundred as a number, words as words."""
        if self._language.code != "en" or len(_GROUPS.findall(match[0])) < 3:
            return None
        first, hundreds, *rest = _GROUPS.findall(match[0])
        words = [part.upper() if part.isalpha() else self._numbers.digits(part) for part in rest]
        joint = " " if any(part.isalpha() for part in rest) else ", "
        free = self._numbers.cardinal(hundreds) if hundreds.endswith("00") else self._numbers.digits(hundreds)
        return f"{self._numbers.digits(first)}, {free}{joint}{joint.join(words)}"

    def spelled(self, match: re.Match[str]) -> str:
        return self._spoken(match[0])

    def _spoken(self, text: str) -> str:
        return self._joint.join(self._numbers.digits(group) for group in _GROUPS.findall(text))
