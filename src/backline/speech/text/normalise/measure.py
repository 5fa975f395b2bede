"""Quantities with a unit: 12 kg, 60 km/h, 5 sq ft, 37 °C, 45%."""

from __future__ import annotations

import re

from backline.speech.text.normalise.cardinal import magnitude_word
from backline.speech.text.normalise.languages.base import Language, Unit
from backline.speech.text.normalise.number import Numbers, amount
from backline.speech.text.normalise.rules import (
    DIGIT,
    LETTER,
    NUMBER,
    Piece,
    Reading,
    Rule,
    exact_rule,
    one_of,
    piece,
    rule,
)

_POWERS = {"²": "2", "³": "3", "^2": "2", "^3": "3", "2": "2", "3": "3"}

_WORD_AFTER = re.compile(rf"\s(?!tall|wide|long|deep|high|x\s?\d|by\s\d|screen|के|का|की)[{LETTER}\d]")


def rules(language: Language) -> list[Rule]:
    """Units and their quotients, and percent."""
    reader = _Measure(language, Numbers(language))
    units = one_of(language.units)
    magnitude = rf"(?:\s?(?P<m>{one_of(language.magnitudes)}))?" if language.magnitudes else "(?P<m>(?!))?"
    power = r"(?P<p>[²³]|\^[23]|(?<=m)[23])?"
    quotient = rf"(?:\s?/\s?(?P<d>{units}))?"
    # The dot of a short unit goes with it inside a sentence.
    end = rf"(?![{LETTER}\d]|\.[a-z])(?:(?<=[a-z])\.(?=\s[a-z]))?"
    quantity = rf"(?P<n>{NUMBER}){magnitude}(?P<g>\s?-?\s?)(?P<u>{units}){power}{quotient}{end}"
    return [
        *percent_rules(language),
        exact_rule(DIGIT, r"(?P<f>[1-9])['’′]\s?(?P<i>\d{1,2})(?:\"|”|″|'')", reader.height),
        rule((DIGIT, "."), quantity, reader.read),
        rule(DIGIT, rf"(?P<n>{NUMBER})/(?P<d>{units})(?![{LETTER}\d])", reader.per),
    ]


def percent_rules(language: Language) -> list[Rule]:
    """45%."""
    numbers = Numbers(language)

    def read(match: re.Match[str]) -> Reading:
        number = numbers.cardinal(match["n"], counted=True)
        return [piece(match, "n", number), piece(match, "g", f" {language.percent}")]

    return [rule((DIGIT, "."), rf"(?P<n>{NUMBER})(?P<g>\s?[%٪])", read)]


class _Measure:
    def __init__(self, language: Language, numbers: Numbers) -> None:
        self._language = language
        self._numbers = numbers
        self._attributive = re.compile(language.measured_nouns) if language.measured_nouns else None

    def read(self, match: re.Match[str]) -> Reading:
        unit = self._unit(match["u"])
        if unit is None or not _is_unit(match):
            return None
        text, language = match["n"], self._language
        number = self._numbers.cardinal(text, counted=True)
        single = (amount(text) == 1 and "." not in text and not match["m"]) or self._modifies(match)
        name = unit.one if single else unit.many
        if match["p"]:
            name = f"{language.powers[_POWERS[match['p'].lower()]]} {name}"
        front = unit.before
        if match["d"]:
            divisor = self._unit(match["d"])
            if divisor is None:
                return None
            front = "" if language.per else divisor.per
            name = f"{name} {language.per} {divisor.per or divisor.one}" if language.per else name
        if self._attributive is not None and self._attributive.match(match.string, match.end()):
            name = language.oblique(name)
        pieces: list[Piece] = [piece(match, "n", f"{front} {number}" if front else number)]
        if match["m"]:
            word = magnitude_word(language.magnitudes[match["m"].lower()], text, before=True)
            pieces.append((" " + word, match.end("n"), match.end("m")))
        pieces.append((" " + name, pieces[-1][2], match.end()))
        return pieces

    def _modifies(self, match: re.Match[str]) -> bool:
        """Like an adjective: a 7-millimeter bullet, a 5 km run; what is written in the plural stays so."""
        written = match["u"].lower()
        units, language = self._language.units, self._language
        if written.endswith("s") and units.get(written) == units.get(written[:-1]):
            return False
        if "-" in match["g"]:
            return True
        return language.modifies is not None and language.modifies(match.string, match.start(), match.end())

    def height(self, match: re.Match[str]) -> Reading:
        """5'10": feet and inches."""
        foot, inch = self._language.units["ft"], self._language.units["in"]
        sides = ((match["f"], foot), (match["i"], inch))
        named = (
            f"{self._numbers.cardinal(n, counted=True)} {unit.one if n == '1' else unit.many}" for n, unit in sides
        )
        return " ".join(named)

    def per(self, match: re.Match[str]) -> Reading:
        divisor = self._unit(match["d"])
        if divisor is None:
            return None
        number = self._numbers.cardinal(match["n"], counted=True)
        per = self._language.per
        return f"{number} {per} {divisor.per or divisor.one}" if per else f"{divisor.per} {number}"

    def _unit(self, written: str) -> Unit | None:
        units = self._language.units
        return units.get(written) or units.get(written.lower())


def _is_unit(match: re.Match[str]) -> bool:
    """A closing quotation mark is no inch, an s without a blank no second, and 4G and 4K no quantities."""
    if match["u"] == '"':
        return match.string.count('"', max(0, match.start() - 200), match.start()) % 2 == 0
    if match["u"].lower() == "in" and _WORD_AFTER.match(match.string, match.end()):
        return False  # 2 in 1, 6 in total
    hyphened = "-" in match["g"]
    if hyphened and (len(match["u"]) < 3 or (len(match["u"]) > 5 and "." not in match["n"])):
        return False  # 5-m and 55-millimeters are words of two parts
    if match["u"] == "s" and "." in match["n"]:
        return True
    return match["g"] != "" or match["u"] not in ("s", "G", "K", "T", "M", "S")
