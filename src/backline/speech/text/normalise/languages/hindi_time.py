"""Times of the day in Hindi: बजे and बजकर, with सवा, साढ़े, पौने, डेढ़ and ढाई."""

from __future__ import annotations

import re

from backline.speech.text.normalise.cardinal import context_before
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.rules import DIGIT, LETTER, Reading, Rule, rule

_PART_OF_DAY = re.compile(r"(?:सुबह|दोपहर|शाम|रात|तड़के|सवेरे|सायं|प्रातः|भोर)\D{0,8}$")
_O_CLOCK = rf"(?P<o>\s?(?:बजे|बजें)(?![{LETTER}]))"
_HALF_DAY = rf"\s?(?P<x>[ap])(?:\.\s?m\.?|m)(?![{LETTER}])"


def rules(language: Language) -> list[Rule]:
    """7:21, 09:15 बजे, 10:30 AM, 5 pm, 3:18:43."""
    times = _Times(Numbers(language))
    clock = r"(?P<h>[01]?\d|2[0-4])"
    stop = rf"(?![{LETTER}\d:]|\.\d)"
    return [
        rule(DIGIT, rf"{clock}:(?P<m>[0-5]\d):(?P<s>[0-5]\d)(?:{_HALF_DAY}|{_O_CLOCK}|{stop})", times.with_seconds),
        rule(DIGIT, rf"(?P<h>1?\d)(?:[:.](?P<m>[0-5]\d))?{_HALF_DAY}(?:{_O_CLOCK})?", times.by_half_day),
        rule(DIGIT, rf"{clock}[:.](?P<m>[0-5]\d){_O_CLOCK}", times.o_clock),
        rule(DIGIT, rf"{clock}:(?P<m>[0-5]\d){stop}", times.clock),
    ]


class _Times:
    def __init__(self, numbers: Numbers) -> None:
        self._name = numbers.number

    def clock(self, match: re.Match[str]) -> Reading:
        hour, minute = int(match["h"]), int(match["m"])
        return f"{self._name(hour)} बजकर {self._name(minute)} मिनट" if minute else f"{self._name(hour)} बजे"

    def o_clock(self, match: re.Match[str]) -> Reading:
        return self.spoken(int(match["h"]), int(match["m"]))

    def with_seconds(self, match: re.Match[str]) -> Reading:
        minute, second = int(match["m"]), int(match["s"])
        front = self._part_of_day(match, int(match["h"])) if match["x"] else ""
        return f"{front}{self._name(int(match['h']))} बजकर {self._name(minute)} मिनट {self._name(second)} सेकंड"

    def by_half_day(self, match: re.Match[str]) -> Reading:
        hour = int(match["h"])
        if not 1 <= hour <= 12:
            return None
        return self._part_of_day(match, hour) + self.spoken(hour, int(match["m"] or 0))

    def spoken(self, hour: int, minute: int) -> str:
        """With the quarters by name where people use them: on the twelve-hour clock."""
        following = hour % 12 + 1
        if minute == 0:
            return f"{self._name(hour)} बजे"
        if hour <= 12 and hour:
            if minute == 30:
                return {1: "डेढ़ बजे", 2: "ढाई बजे"}.get(hour) or f"साढ़े {self._name(hour)} बजे"
            if minute == 15:
                return f"सवा {self._name(hour)} बजे"
            if minute == 45:
                return f"पौने {self._name(following)} बजे"
        return f"{self._name(hour)} बजकर {self._name(minute)} मिनट"

    def _part_of_day(self, match: re.Match[str], hour: int) -> str:
        """The Hindi word for AM or PM, unless the text says it already."""
        if _PART_OF_DAY.search(context_before(match)):
            return ""
        clock = hour % 12 + (12 if match["x"].lower() == "p" else 0)
        names = ((4, "रात"), (12, "सुबह"), (16, "दोपहर"), (20, "शाम"), (24, "रात"))
        return next(name for limit, name in names if clock < limit) + " "
