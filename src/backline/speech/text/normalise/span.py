"""Ranges, scores and ratios: only the mark between two numbers is read here, so that each side keeps its own class."""

from __future__ import annotations

import re

from backline.speech.text.normalise.cardinal import context_before
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.number import Numbers, amount
from backline.speech.text.normalise.rules import DIGIT, LETTER, NUMBER, Reading, Rule, piece, rule

_DASH = r"\s?[-–—]\s?"
_AMOUNT_AFTER = r"[$€£₹¥]\s?\d|\d{1,2}(?::\d\d)?\s?[ap]\.?m|\d{1,2}:\d\d|\d{2}(?:\d0)?s(?![a-z])|\d{1,3}(?:st|nd|rd|th)"
_DASH_BEFORE = re.compile(
    r"(?:[$€£₹¥]\s?[\d,.]+|\d,?\d*\.\d\d|\d\s?[ap]\.?m\.?|\d:\d\d|\d0s|\d(?:st|nd|rd|th))\s?$", re.IGNORECASE
)
_SIZED = "m|cm|mm|ft|in|px|m2|km|pixels?|inch(?:es)?|feet|meters?|grid|matrix"


def rules(language: Language) -> list[Rule]:
    """2-5 kg, $250-$300, 4:00 am - 8:12 pm, 16:9, 2x8."""
    numbers = Numbers(language)
    scores = re.compile(language.score_words, re.IGNORECASE) if language.score_words else None

    def between(match: re.Match[str]) -> Reading:
        first, second = amount(match["a"]), amount(match["b"])
        if match["a"].count(".") or match["b"].count("."):
            ascending = float(match["a"].replace(",", "")) < float(match["b"].replace(",", ""))
        else:
            ascending = first is not None and second is not None and first < second <= max(first * 100, 1000)
        unit = measured.match(match.string, match.end("b")) is not None
        score = scores is not None and scores.search(context_before(match)) is not None
        number = numbers.cardinal(match["a"], counted=False)
        joint = language.to if ascending or unit or score else "-"
        if joint == "-" and language.script == "indic":
            return None
        return [piece(match, "a", number), (f" {joint} ", match.start("s"), match.end("s"))]

    def ratio(match: re.Match[str]) -> Reading:
        return f"{numbers.cardinal(match['a'])} {language.ratio} {numbers.cardinal(match['b'])}"

    def times(match: re.Match[str]) -> Reading:
        return [piece(match, "a", numbers.cardinal(match["a"])), (f" {language.by} ", match.end("a"), match.end())]

    def dash(match: re.Match[str]) -> Reading:
        if not _DASH_BEFORE.search(match.string[max(0, match.start() - 8) : match.start()]):
            return None
        before = match.string[match.start() - 1]
        return f"{'' if before == ' ' else ' '}{language.to} "

    measured = re.compile(
        rf"\s?-?\s?(?:%|{'|'.join(map(re.escape, sorted(language.units, key=len, reverse=True)))})(?![{LETTER}\d])",
        re.IGNORECASE,
    )
    single = r"(?![\d:]|[-–—/.,]\d)"
    found = [
        rule(
            DIGIT,
            rf"(?<![-–\d/])(?P<a>{NUMBER})%?(?P<s>{_DASH})(?P<b>{NUMBER})(?!\s?[-–—=/:]\s?\d|\s?=|[:\d]|-[{LETTER}])",
            between,
        ),
        rule(("-", "–", "—"), rf"[-–—]\s?(?={_AMOUNT_AFTER})", dash),
    ]
    if language.ratio:
        found.append(rule(DIGIT, rf"(?<![\d:.])(?P<a>\d{{1,4}}):(?P<b>\d{{1,4}}){single}", ratio))
    dimension = r"\d{1,5}(?:\.\d{1,3})?"
    following = rf"(?={dimension}(?:\s?[x×]\s?{dimension})?(?![{LETTER}\d]))"
    if language.script == "latin":
        # English reads "x" aloud unless a unit or the true sign shows that a size is meant.
        following = rf"(?={dimension}(?:\s?[x×]\s?{dimension})?\s?(?:{_SIZED})(?![{LETTER}]))"
        found.append(rule(DIGIT, rf"(?P<a>{dimension})\s?×\s?(?={dimension}(?!\d|\s?=))", times))
    found.append(rule(DIGIT, rf"(?P<a>{dimension})\s?[x×]\s?{following}", times))
    return found
