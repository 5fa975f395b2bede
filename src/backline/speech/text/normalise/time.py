"""Times of the day and durations written with colons."""

from __future__ import annotations

import re

from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.rules import DIGIT, LETTER, Reading, Rule, rule

_ZONES = "EST|EDT|CST|CDT|MST|MDT|PST|PDT|GMT|UTC|IST|BST|CET|CEST|JST|AEST|ET|PT"

_NEW_SENTENCE = re.compile(
    r"\s(?:A|An|And|As|At|But|He|Her|His|I|If|In|It|My|On|Our|She|So|That|The|Then|There|They|This|We|You)\s"
)
"""After p.m. a sentence may end or go on; these words in capitals show that it ended."""


def rules(language: Language) -> list[Rule]:
    """English: 2:00 pm, 14:30, 10:15:30, 5pm, with zones."""
    numbers = Numbers(language)
    zone = r"(?:\s?(?P<z>(?:" + "|".join(r"\.?".join(zone) for zone in _ZONES.split("|")) + rf")(?![{LETTER}]))\.?)?"

    def zoned(match: re.Match[str]) -> str:
        half = match.groupdict().get("x")
        spoken = f" {half.upper()}M" if half else ""
        zone = match["z"]
        if not zone and match[0].endswith(".") and _NEW_SENTENCE.match(match.string, match.end()):
            spoken += "."
        return f"{spoken} {zone.replace('.', '').upper()}" if zone else spoken

    def twelve(match: re.Match[str]) -> Reading:
        return (_clock(numbers, match, bare_hour=True) + zoned(match)) if int(match["h"]) <= 12 or match["m"] else None

    def colon(match: re.Match[str]) -> Reading:
        return _clock(numbers, match, bare_hour=False) + zoned(match)

    def seconds(match: re.Match[str]) -> Reading:
        parts = [(int(match["h"]), "hour"), (int(match["m"]), "minute"), (int(match["s"]), "second")]
        hours, minutes, last = (f"{numbers.number(n)} {name}{'' if n == 1 else 's'}" for n, name in parts)
        return f"{hours} {minutes} and {last}{zoned(match)}"

    stop = rf"(?![{LETTER}\d:]|\.\d)"
    half = rf"\s?(?P<x>[ap])(?:\.\s?m\.?|m)(?:(?![{LETTER}])|(?=(?:{_ZONES})(?![{LETTER}])))"
    return [
        rule(DIGIT, rf"(?P<h>[01]?\d|2[0-4])(?::(?P<m>[0-5]\d)):(?P<s>[0-5]\d)(?:{half})?{zone}{stop}", seconds),
        rule(DIGIT, rf"(?P<h>[01]?\d)(?:[:.](?P<m>[0-5]\d))?{half}{zone}", twelve),
        rule(DIGIT, rf"(?P<h>[01]?\d|2[0-4]):(?P<m>[0-5]\d){zone}{stop}", colon),
    ]


def _clock(numbers: Numbers, match: re.Match[str], *, bare_hour: bool) -> str:
    hour, minute = int(match["h"]), int(match["m"] or 0)
    spoken = numbers.number(hour)
    if minute == 0:
        return spoken if bare_hour else (f"{spoken} o'clock")
    return f"{spoken} {'oh ' if minute < 10 else ''}{numbers.number(minute)}"
