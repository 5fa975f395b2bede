"""Written numbers to words: separators, decimals, leading zeros, magnitudes. The classes build on this."""

from __future__ import annotations

import re

from backline.speech.text.normalise.languages.base import Language, Numerals

_INDIAN_GROUPS = re.compile(r"\d{1,3}(?:,\d{2})+,\d{3}(?:\.|$)")
LONGEST_CARDINAL = 19
"""Digits: a shankh is 10^17, so 99 of them are the last that Indian numerals name."""


class Numbers:
    """Reads numbers in one language. Texts hold ASCII digits, commas as separators and at most one point."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def digits(self, text: str) -> str:
        """Every digit by its name; other characters are left out."""
        names = self.language.digits
        return " ".join(names[ord(character) - 48] for character in text if "0" <= character <= "9")

    def cardinal(self, text: str, *, counted: bool = False) -> str:
        """A whole number or a decimal. counted: in the form that stands before the thing counted."""
        whole, _, fraction = text.partition(".")
        if fraction:
            before = self._whole(whole, text, counted=False) + " " if whole else ""
            return f"{before}{self.language.point} {self.digits(fraction)}"
        return self._whole(whole, text, counted=counted)

    def multiplier(self, text: str) -> str:
        """Before a magnitude, where English leaves out "and": four hundred sixty billion."""
        spoken = self.cardinal(text, counted=True)
        return spoken.replace(" and ", " ") if self.language.script == "latin" else spoken

    def number(self, n: int) -> str:
        return self.language.numerals.cardinal(n)

    def _whole(self, whole: str, text: str, *, counted: bool) -> str:
        plain = whole.replace(",", "")
        if (len(plain) > 1 and plain[0] == "0") or (whole == plain and len(plain) > LONGEST_CARDINAL):
            return self.digits(plain)
        numerals = self._numerals(text)
        return numerals.counted(int(plain)) if counted else numerals.cardinal(int(plain))

    def _numerals(self, text: str) -> Numerals:
        """By the separators, where they show lakhs or millions; else as the language counts."""
        language = self.language
        if language.western is None:
            return language.numerals
        if _INDIAN_GROUPS.match(text):
            return language.numerals
        if "," in text or not language.indian:
            return language.western
        return language.numerals


def amount(text: str) -> int | None:
    """The value where it is whole and short, for choosing between one and many."""
    plain = text.replace(",", "")
    whole, _, fraction = plain.partition(".")
    if fraction.strip("0") or not whole or len(whole) > LONGEST_CARDINAL:
        return None
    return int(whole)
