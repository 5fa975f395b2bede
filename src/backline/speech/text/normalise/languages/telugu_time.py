"""Times of the day in Telugu: గంటలు and నిమిషాలు, and -న్నర for half past before గంటలకు."""

from __future__ import annotations

import re

from backline.speech.text.normalise.cardinal import context_before
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.rules import DIGIT, LETTER, Read, Reading, Rule, one_of, rule

_PART_OF_DAY = re.compile(r"(?:ఉదయం|మధ్యాహ్నం|సాయంత్రం|రాత్రి|తెల్లవారుజామున|పొద్దున)\D{0,8}$")
_HALF_DAY = rf"\s?(?P<x>[ap])(?:\.\s?m\.?|m)(?![{LETTER}])"
_HOURS = r"\s?(?P<o>గంటలకు|గంటలకి|గంటలు|గంటల|గం\.?లకు|గం\.|గంటకు|గంట)"

_PLAIN, _DATIVE, _OBLIQUE = range(3)
_HOUR_FORMS = ("గంటలు", "గంటలకు", "గంటల")
_MINUTE_FORMS = ("నిమిషాలు", "నిమిషాలకు", "నిమిషాల")
_ONE_MINUTE_FORMS = ("నిమిషం", "నిమిషానికి", "నిమిషం")
_POSTPOSITION = re.compile(r"\s?[-–—]\s?\d|\s(?:నుండి|నుంచి|వరకు|మధ్య|సమయ|ప్రాంత)")


def rules(language: Language) -> list[Rule]:
    """10:30, 10:30 గంటలకు, 5 pm, 3:18:43, 1 గంటకు."""
    times = _Times(Numbers(language))
    clock = r"(?P<h>[01]?\d|2[0-4])"
    stop = rf"(?![{LETTER}\d:]|\.\d)"
    return [
        rule(DIGIT, rf"{clock}:(?P<m>[0-5]\d):(?P<s>[0-5]\d){stop}", times.with_seconds),
        rule(
            DIGIT, rf"(?P<h>1?\d)(?:[:.](?P<m>[0-5]\d))?{_HALF_DAY}(?:\s?(?P<k>కి|కు)(?![{LETTER}]))?", times.by_half_day
        ),
        rule(DIGIT, rf"{clock}[:.](?P<m>[0-5]\d){_HOURS}(?![{LETTER}])", times.hours),
        rule(DIGIT, rf"{clock}:(?P<m>[0-5]\d)(?:{stop}|(?P<k>కి|కు)(?![{LETTER}]))", times.clock),
        *_short_words(),
        rule(DIGIT, rf"(?P<h>0?1)\s?(?P<o>గంటకు|గంటకి)(?![{LETTER}])", lambda match: f"ఒంటి {match['o']}"),
    ]


def _short_words() -> list[Rule]:
    """ఉ. 10 గం. 30 ని.: only beside a number, since రా and ని are words too."""
    parts = {"ఉ": "ఉదయం", "మ": "మధ్యాహ్నం", "సా": "సాయంత్రం", "రా": "రాత్రి"}
    counted = {"గం": "గంటలు", "ని": "నిమిషాలు"}

    def say(words: dict[str, str]) -> Read:
        return lambda match: words[match["w"]]

    return [
        rule(parts, rf"(?<![{LETTER}])(?P<w>{one_of(parts)})\.(?=\s?\d)", say(parts)),
        rule(counted, rf"(?:(?<=\d)|(?<=\d\s))(?P<w>{one_of(counted)})\.", say(counted)),
    ]


class _Times:
    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def clock(self, match: re.Match[str]) -> Reading:
        return self.spoken(int(match["h"]), int(match["m"]), _case(match, dative=bool(match["k"])))

    def hours(self, match: re.Match[str]) -> Reading:
        hour, minute = int(match["h"]), int(match["m"])
        dative = match["o"].endswith(("కు", "కి"))
        if minute == 30 and 1 <= hour <= 12:
            return f"{half_past(self._numbers.number(hour))} {'గంటలకు' if dative else 'గంటలు'}"
        return self.spoken(hour, minute, _case(match, dative=dative))

    def with_seconds(self, match: re.Match[str]) -> Reading:
        minute, second = int(match["m"]), int(match["s"])
        front = self._hours(int(match["h"]), "గంటల")
        name = self._numbers.language.numerals.counted
        return f"{front} {name(minute)} నిమిషాల {name(second)} {'సెకను' if second == 1 else 'సెకన్లు'}"

    def by_half_day(self, match: re.Match[str]) -> Reading:
        hour = int(match["h"])
        if not 1 <= hour <= 12:
            return None
        return self._part_of_day(match, hour) + self.spoken(
            hour, int(match["m"] or 0), _case(match, dative=bool(match["k"]))
        )

    def spoken(self, hour: int, minute: int, case: int) -> str:
        """case: an index into the forms of గంటలు and నిమిషాలు."""
        if minute == 0:
            return self._hours(hour, _HOUR_FORMS[case])
        name = self._numbers.language.numerals.counted(minute)
        return f"{self._hours(hour, 'గంటల')} {name} {(_ONE_MINUTE_FORMS if minute == 1 else _MINUTE_FORMS)[case]}"

    def _hours(self, hour: int, word: str) -> str:
        if hour == 1:
            return "ఒంటి " + {"గంటలకు": "గంటకు", "గంటలు": "గంట"}.get(word, word)
        return f"{self._numbers.number(hour)} {word}"

    def _part_of_day(self, match: re.Match[str], hour: int) -> str:
        """The Telugu word for AM or PM, unless the text says it already."""
        if _PART_OF_DAY.search(context_before(match)):
            return ""
        clock = hour % 12 + (12 if match["x"].lower() == "p" else 0)
        names = ((4, "తెల్లవారుజామున"), (12, "ఉదయం"), (16, "మధ్యాహ్నం"), (19, "సాయంత్రం"), (24, "రాత్రి"))
        return next(name for limit, name in names if clock < limit) + " "


def _case(match: re.Match[str], *, dative: bool) -> int:
    if dative:
        return _DATIVE
    return _OBLIQUE if _POSTPOSITION.match(match.string, match.end()) else _PLAIN


def half_past(number: str) -> str:
    """-న్నర joined: పది to పదిన్నర, ఐదు to ఐదున్నర, రెండు to రెండున్నర."""
    return "ఒకటిన్నర" if number == "ఒకటి" else number + "న్నర"
