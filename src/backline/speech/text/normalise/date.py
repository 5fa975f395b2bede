"""Dates: written and numeric, in the order of the place; years, decades, eras, quarters."""

from __future__ import annotations

import re

from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.rules import DIGIT, LETTER, Piece, Reading, Rule, one_of, piece, rule

_YEAR = r"(?P<y>\d{4}|'\d\d)(?!\d|[,.]\d|[:%])"
_WORD_AFTER = re.compile(rf"\s[{LETTER}]")
_DAYS_OF_MONTH = (31, 31, 30, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def rules(language: Language) -> list[Rule]:
    """Written months first: they leave no doubt."""
    if not language.months:
        return []
    reader = _Dates(language)
    month = rf"(?P<m>{one_of(language.months)})"
    # The dot of a short month is part of it; after a month in full it ends the sentence.
    names = sorted(name for name in language.months if name not in language.month_names and len(name) < 5)
    short = "|".join(f"(?<={name})" for name in names if name not in ("june", "july"))
    dotted = rf"{month}(?![{LETTER}])(?:(?:{short})\.)?" if short else rf"{month}(?![{LETTER}])"
    day = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?(?!\d|[.,:/]\d)"
    numeric = r"(?P<a>\d{1,2})(?P<s>[-/.])(?P<b>\d{1,2})(?P=s)(?P<y>\d{4}|\d\d)(?![\d/]|[-.:]\d)"
    return [
        rule(
            DIGIT,
            rf"(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?P<g>\s|-|\s?,\s?|\sof\s){dotted}(?:(?P<h>,?\s?|-){_YEAR})?",
            reader.day_month,
        ),
        rule(reader.month_starts(), rf"{dotted}(?P<g>\s|-|,\s){day}(?:(?P<h>,\s?|\s|-){_YEAR})?", reader.month_day),
        rule(reader.month_starts(), rf"{dotted}(?P<g>,?\s|-){_YEAR}", reader.month_year),
        rule(DIGIT, r"(?P<y>\d{4})(?P<s>[-/.])(?P<b>\d{1,2})(?P=s)(?P<a>\d{1,2})(?![\d/]|[-.:]\d)", reader.iso),
        rule(DIGIT, numeric, reader.numeric),
        rule(DIGIT, r"(?<![\d/.-])(?P<b>0[1-9]|1[0-2])/(?P<y>(?:19|20)\d\d)(?![\d/]|[-.]\d)", reader.month_number_year),
    ]


class _Dates:
    def __init__(self, language: Language) -> None:
        self._language = language
        self._numbers = Numbers(language)
        self._english = language.code == "en"

    def month_starts(self) -> set[str]:
        pattern = re.compile(rf"[{LETTER}]+")
        return {found[0] for month in self._language.months if (found := pattern.match(month))}

    def day_month(self, match: re.Match[str]) -> Reading:
        month, day = self._month(match["m"]), int(match["d"])
        doubtful = match["m"].islower() and match["m"] in ("may", "mar", "dec") and not match["y"]
        if doubtful or not 1 <= day <= _DAYS_OF_MONTH[month]:
            return None
        spoken = self._day(day)
        if self._english:
            the = "" if match.string[max(0, match.start() - 4) : match.start()].lower() == "the " else "the "
            spoken = f"{the}{spoken} of"
        pieces = [piece(match, "d", spoken), self._named(match, month)]
        return self._with_year(match, pieces)

    def month_day(self, match: re.Match[str]) -> Reading:
        month, day = self._month(match["m"]), int(match["d"])
        verb = match["m"] in ("may", "march", "mar") and not match["y"] and _WORD_AFTER.match(match.string, match.end())
        if verb or not 1 <= day <= _DAYS_OF_MONTH[month]:
            return None
        return self._with_year(match, [self._named(match, month, first=True), _after(match, "d", " " + self._day(day))])

    def month_year(self, match: re.Match[str]) -> Reading:
        return self._with_year(match, [self._named(match, self._month(match["m"]), first=True)])

    def iso(self, match: re.Match[str]) -> Reading:
        return self._whole(int(match["a"]), int(match["b"]), match["y"], day_first=not self._english)

    def month_number_year(self, match: re.Match[str]) -> Reading:
        return f"{self._language.month_names[int(match['b']) - 1]} {self.year(match['y'])}"

    def numeric(self, match: re.Match[str]) -> Reading:
        first, second = int(match["a"]), int(match["b"])
        if len(match["y"]) == 2 and match["s"] == ".":
            return None
        day_first = self._language.day_first
        if len(match["y"]) == 2 and not self._english and not (first <= 31 and second <= 12):
            return None
        if first > 12 >= second:
            day_first = True
        elif second > 12 >= first:
            day_first = False
        day, month = (first, second) if day_first else (second, first)
        return self._whole(day, month, match["y"], day_first=day_first)

    def _whole(self, day: int, month: int, year: str, *, day_first: bool) -> Reading:
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return None
        name, spoken_year = self._language.month_names[month - 1], self.year(year)
        if self._english:
            lead = f"the {self._day(day)} of {name}" if day_first else f"{name} {self._day(day)}"
        else:
            lead = f"{self._day(day)} {name}" if day_first else f"{name} {self._day(day)}"
        return f"{lead} {spoken_year}"

    def year(self, text: str) -> str:
        plain = text.lstrip("'")
        if len(plain) == 2:
            if self._english:
                return self._numbers.digits(plain) if plain[0] == "0" else self._numbers.number(int(plain))
            value = int(plain)
            return self._language.numerals.year(value + (2000 if value < 50 else 1900))
        return self._language.numerals.year(int(plain))

    def _day(self, day: int) -> str:
        numerals = self._language.numerals
        return numerals.ordinal(day) if self._english else numerals.cardinal(day)

    def _month(self, written: str) -> int:
        return self._language.months[written.lower()]

    def _named(self, match: re.Match[str], month: int, *, first: bool = False) -> Piece:
        name = self._language.month_names[month - 1]
        return (name, match.start("m"), match.end("m")) if first else (" " + name, match.end("d"), match.end("m"))

    def _with_year(self, match: re.Match[str], pieces: list[Piece]) -> Reading:
        """The day and month with the year, if there is one; a comma before it is kept with the word it follows."""
        end = pieces[-1][2]
        if not match["y"]:
            pieces[-1] = (pieces[-1][0], pieces[-1][1], max(end, match.end()))
            return pieces
        comma = match.string.find(",", end, match.start("y"))
        if comma >= 0:
            pieces.append((",", end, comma + 1))
            end = comma + 1
        gap = "" if comma >= 0 and end == match.start("y") else " "
        pieces.append((gap + self.year(match["y"]), end, match.end("y")))
        return pieces


def _after(match: re.Match[str], group: str, spoken: str) -> Piece:
    return (spoken, match.end("m"), match.end(group))
