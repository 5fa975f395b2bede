"""Amounts of money: symbols, codes and names, before and after; minor units; lakh, crore and million."""

from __future__ import annotations

import re
from dataclasses import replace

from backline.speech.text.normalise.cardinal import magnitude_word
from backline.speech.text.normalise.languages.base import Currency, Language
from backline.speech.text.normalise.number import Numbers, amount
from backline.speech.text.normalise.rules import DIGIT, END, LETTER, NUMBER, Reading, Rule, one_of, rule

_SHORT = {
    "k": "thousand",
    "m": "million",
    "mn": "million",
    "b": "billion",
    "bn": "billion",
    "t": "trillion",
    "tn": "trillion",
}
"""After an amount of money, where no unit of measure can be meant."""

_PART = re.compile(rf"(\d+)\s?([{LETTER}]+)")
_DASH = r"\s?[-–—]\s?[$€£₹]\s?\d"


def rules(language: Language) -> list[Rule]:
    """₹1,23,456.50, Rs. 500/-, US$ 3 million, 500 INR, 2 crore rupees."""
    names = {written.lower(): currency for currency in language.currencies for written in currency.written}
    if not names:
        return []
    reader = _Money(language, names)
    scales = one_of(language.magnitudes)
    more = rf"(?P<o>(?:\s\d{{1,3}}\s?{scales}{END}){{0,3}})"
    case = f"|(?={one_of(language.joined_suffixes)}(?![{LETTER}]))" if language.joined_suffixes else ""
    magnitude = rf"(?:\s?(?P<m>{scales})(?:{END}{case}){more})?"
    each = rf"(?:/(?P<r>[{LETTER}]{{1,12}}){END})?" if language.per else "(?P<r>(?!))?"
    tail = rf"(?:\s?/[-=](?!\d))?{_plural(language)}{each}"
    short = (
        rf"(?:(?P<k>[kmbt]|mn|bn|tn|(?-i:\sbn?))(?![{LETTER}\d]))?" if language.script == "latin" else "(?P<k>(?!))?"
    )
    # A name stands before its amount only where it does so in use: rupees 500, but not won 3-1.
    first = [
        name for name in names if not (name.isascii() and name.isalpha()) or len(name) < 4 or name.startswith("rupee")
    ]
    first = [name for name in first if name not in ("won", "yen")]
    before = rf"(?P<c>{one_of(first)})\s?(?P<n>{NUMBER}){magnitude}{short}{tail}(?![A-Za-z])"
    after = rf"(?P<n>{NUMBER}){magnitude}(?P<k>(?!))?\s?(?P<c>{one_of(names)}){tail}(?![{LETTER}\d])"
    dash = r"(?P<s>\s?[-–—]\s?)"
    end = rf"(?P<r>(?!))?(?P<x>(?!))?(?![{LETTER}]|[-–]\d)"
    between = rf"(?P<c>{one_of(first)})\s?(?P<a>{NUMBER}){dash}(?P<n>{NUMBER}){magnitude}{short}{end}"
    return [
        rule(_starts(names), between, reader.span),
        rule(_starts(names), before, reader.read),
        rule((DIGIT, "."), after, reader.read),
    ]


def _plural(language: Language) -> str:
    """An ending that is written after the figures belongs to the currency's name: రూ.500లు, రూ.500లకు."""
    if not language.oblique_endings:
        return "(?P<x>(?!))?"
    plural = one_of(ending for ending, _ in language.oblique_endings)
    oblique = one_of(changed for _, changed in language.oblique_endings)
    return rf"(?P<x>{plural}(?![{LETTER}])|{oblique}(?={one_of(language.joined_suffixes)}(?![{LETTER}])|\s))?"


def _starts(names: dict[str, Currency]) -> set[str]:
    return {found[0] if (found := re.match(rf"[{LETTER}]+", name)) else name[0] for name in names}


class _Money:
    def __init__(self, language: Language, names: dict[str, Currency]) -> None:
        self._language = language
        self._names = names
        self._numbers = Numbers(language)
        nouns = f"|{language.measured_nouns}" if language.measured_nouns else ""
        self._oblique = re.compile(f"{_DASH}{nouns}")
        self._indian = Numbers(replace(language, indian=True))

    def read(self, match: re.Match[str]) -> Reading:
        if match["c"] == "re":
            return None
        spoken = self._amount(match)
        if not match["r"]:
            return spoken
        units = self._language.units
        unit = units.get(match["r"]) or units.get(match["r"].lower())
        return f"{spoken} {self._language.per} {(unit.per or unit.one) if unit else match['r']}"

    def _scaled(self, numbers: Numbers, text: str, scale: str, more: str) -> str:
        """1 lakh 50 thousand: every part with its magnitude."""
        parts = [(text, scale), *_PART.findall(more.lower())]
        magnitudes = self._language.magnitudes
        named = (f"{numbers.multiplier(n)} {magnitude_word(magnitudes[word], n, before=True)}" for n, word in parts)
        return " ".join(named)

    def _amount(self, match: re.Match[str]) -> str:
        currency = self._names[match["c"].lower()]
        numbers = self._indian if "₹" in currency.written else self._numbers
        text = match["n"]
        scale = _SHORT.get((match["k"] or "").strip().lower()) or (match["m"] or "").lower()
        written = match["x"] or (match["m"] if match.start("c") < match.start("n") else None) or ""
        following = self._oblique.match(match.string, match.end()) is not None or any(
            written.endswith(changed) for _, changed in self._language.oblique_endings
        )
        modifies = self._language.modifies_noun
        single = modifies is not None and modifies(match.string, match.start(), match.end())
        if scale:
            name = currency.one if single else (following and currency.many_before_minor) or currency.many
            return f"{self._scaled(numbers, text, scale, match['o'] or '')} {name}"
        whole, _, fraction = text.partition(".")
        minor = fraction.rstrip("0").ljust(2, "0") if fraction else ""
        if len(minor) > 2 or not currency.minor_one:
            return self._major(numbers, text if minor.strip("0") else whole, currency, before_minor=following)
        cents = int(minor or "0")
        if not cents and single:
            return f"{numbers.cardinal(whole or '0', counted=True)} {currency.one}"
        if not cents:
            return self._major(numbers, whole or "0", currency, before_minor=following)
        small = (
            f"{numbers.cardinal(str(cents), counted=True)} {currency.minor_one if cents == 1 else currency.minor_many}"
        )
        if amount(whole or "0") == 0:
            return small
        return f"{self._major(numbers, whole, currency, before_minor=True)} {small}"

    def span(self, match: re.Match[str]) -> Reading:
        """₹5-10 crore: the currency once, at the end."""
        return f"{self._numbers.cardinal(match['a'])} {self._language.to} {self._amount(match)}"

    def _major(self, numbers: Numbers, text: str, currency: Currency, *, before_minor: bool = False) -> str:
        many = (currency.many_before_minor if before_minor else "") or currency.many
        return (
            f"{numbers.cardinal(text, counted=True)} {currency.one if amount(text) == 1 and '.' not in text else many}"
        )
