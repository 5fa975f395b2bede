"""Ranges, scores and ratios: only the mark between two numbers is read here, so that each side keeps its own class."""

from __future__ import annotations

import re

from backline.speech.text.normalise.cardinal import context_before
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.number import Numbers, amount
from backline.speech.text.normalise.rules import DIGIT, LETTER, NUMBER, Reading, Rule, one_of, piece, rule

_DASH = r"\s?[-–—]\s?"
_AMOUNT_AFTER = r"[$€£₹¥]\s?\d|\d{1,2}(?::\d\d)?\s?[ap]\.?m|\d{1,2}:\d\d|\d{2}(?:\d0)?s(?![a-z])|\d{1,3}(?:st|nd|rd|th)"
_DASH_BEFORE = re.compile(
    r"(?:[$€£₹¥]\s?[\d,.]+|\d,?\d*\.\d\d|\d\s?[ap]\.?m\.?|\d:\d\d|\d0s|\d(?:st|nd|rd|th))\s?$", re.IGNORECASE
)
_SIZED = "m|cm|mm|ft|in|px|m2|km|pixels?|inch(?:es)?|feet|meters?|grid|matrix"


def rules(language: Language) -> list[Rule]:
    """2-5 kg, $250-$300, 4:00 am - 8:12 pm, 16:9, 2x8."""
    spans = _Spans(language)
    alone = rf"(?!\s?[-–—=/:]\s?\d|\s?=|[:\d]|-[{LETTER}])"
    found = [
        rule(DIGIT, rf"(?<![-–\d/])(?P<a>{NUMBER})%?(?P<s>{_DASH})(?P<b>{NUMBER}){alone}", spans.between),
        rule(("-", "–", "—"), rf"[-–—]\s?(?={_AMOUNT_AFTER})", spans.dash),
    ]
    if language.ratio:
        ratio = r"(?<![\d:.])(?P<a>\d{1,4}):(?P<b>\d{1,4})(?![\d:]|[-–—/.,]\d)"
        found.append(rule(DIGIT, ratio, spans.ratio))
    dimension = r"\d{1,5}(?:\.\d{1,3})?"
    following = rf"(?={dimension}(?:\s?[x×]\s?{dimension})?(?![{LETTER}\d]))"
    if language.script == "latin":
        # English reads "x" aloud unless a unit or the true sign shows that a size is meant.
        following = rf"(?={dimension}(?:\s?[x×]\s?{dimension})?\s?(?:{_SIZED})(?![{LETTER}]))"
        found.append(rule(DIGIT, rf"(?P<a>{dimension})\s?×\s?(?={dimension}(?!\d|\s?=))", spans.size))
    found.append(rule(DIGIT, rf"(?P<a>{dimension})\s?[x×]\s?{following}", spans.size))
    return found


class _Spans:
    def __init__(self, language: Language) -> None:
        self._language = language
        self._numbers = Numbers(language)
        self._scores = re.compile(language.score_words, re.IGNORECASE) if language.score_words else None
        units = one_of(["%", *language.units])
        self._measured = re.compile(rf"\s?-?\s?{units}(?![{LETTER}\d])", re.IGNORECASE)

    def between(self, match: re.Match[str]) -> Reading:
        """With "to" where the numbers rise, carry a unit or are a score; English keeps any other dash, with blanks."""
        language = self._language
        measured = self._measured.match(match.string, match.end("b"))
        score = self._scores and self._scores.search(context_before(match))
        joint = language.to if measured or score or _rises(match["a"], match["b"]) else "-"
        if joint == "-" and language.script == "indic":
            return None
        number = self._numbers.cardinal(match["a"])
        return [piece(match, "a", number), (f" {joint} ", match.start("s"), match.end("s"))]

    def ratio(self, match: re.Match[str]) -> Reading:
        name = self._numbers.cardinal
        return f"{name(match['a'])} {self._language.ratio} {name(match['b'])}"

    def size(self, match: re.Match[str]) -> Reading:
        number = self._numbers.cardinal(match["a"])
        return [piece(match, "a", number), (f" {self._language.by} ", match.end("a"), match.end())]

    def dash(self, match: re.Match[str]) -> Reading:
        """Between amounts, times, decades and ordinals, each of which is read by its own class."""
        before = match.string[max(0, match.start() - 8) : match.start()]
        if not _DASH_BEFORE.search(before):
            return None
        return f"{'' if before[-1] == ' ' else ' '}{self._language.to} "


def _rises(first: str, second: str) -> bool:
    """Whether a range is likely: 1-8090 and 978-0 are rather codes."""
    if "." in first or "." in second:
        return float(first.replace(",", "")) < float(second.replace(",", ""))
    low, high = amount(first), amount(second)
    return low is not None and high is not None and low < high <= max(low * 100, 1000)
