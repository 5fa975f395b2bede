"""English: American by default, British (dd/mm) and Indian (dd/mm, lakh and crore) by region."""

from __future__ import annotations

import re

from backline.speech.text.normalise import (
    arithmetic,
    cardinal,
    date,
    electronic,
    formula,
    fraction,
    measure,
    money,
    ordinal,
    plate,
    span,
    symbol,
    telephone,
    time,
    version,
)
from backline.speech.text.normalise.languages import (
    english_fraction,
    english_measure,
    english_names,
    english_tables,
    english_words,
    english_years,
)
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.languages.english_numerals import EnglishNumerals
from backline.speech.text.normalise.number import Numbers
from backline.speech.text.normalise.rules import DIGIT, LETTER, Read, Reading, Rule, exact_rule, rule

_MONTH_NAMES = tuple("january february march april may june july august september october november december".split())

_WEEKDAYS = {
    short: name
    for name, forms in {
        "Monday": "Mon",
        "Tuesday": "Tue Tues",
        "Wednesday": "Wed",
        "Thursday": "Thu Thur Thurs",
        "Friday": "Fri",
        "Saturday": "Sat",
        "Sunday": "Sun",
    }.items()
    for short in forms.split()
}


def language(region: str) -> Language:
    """region: us, gb, in ..., or empty."""
    return Language(
        code="en",
        numerals=EnglishNumerals(indian=True),
        western=EnglishNumerals(indian=False),
        digits=tuple("zero one two three four five six seven eight nine".split()),
        point="point",
        minus="minus",
        plus="plus",
        percent="percent",
        to="to",
        per="per",
        by="by",
        indian=region == "in",
        day_first=region not in ("", "us", "ph"),
        magnitudes=english_tables.MAGNITUDES,
        months=english_tables.MONTHS,
        month_names=_MONTH_NAMES,
        currencies=english_tables.CURRENCIES,
        units=english_tables.UNITS,
        powers={"2": "square", "3": "cubic"},
        modifies=english_measure.modifies,
        modifies_noun=english_measure.modifies_noun,
        symbols=english_words.SYMBOLS,
        operators=english_words.OPERATORS,
        emoji=english_words.EMOJI,
        web_marks=english_words.WEB_MARKS,
        web_words=english_words.WEB_WORDS,
        identifiers=english_words.IDENTIFIERS,
        identifier_fillers=english_words.IDENTIFIER_FILLERS,
        score_words=english_words.SCORE_WORDS,
        ratio="to",
        version="version",
        script="latin",
    )


def rules(language: Language) -> list[Rule]:
    """In the order in which they are asked."""
    return [
        *cardinal.flood_rules(language),
        *symbol.abbreviation_rules(english_words.ABBREVIATIONS),
        *electronic.rules(language),
        *english_names.address_rules(language),
        *plate.rules(language),
        *telephone.rules(language),
        *date.rules(language),
        *version.rules(language),
        *time.rules(language),
        *arithmetic.rules(language),
        *english_years.span_rules(),
        *money.rules(language),
        *measure.rules(language),
        *telephone.code_rules(language),
        *span.rules(language),
        *fraction.rules(language, english_fraction.say),
        *english_years.serial_rules(language),
        *english_years.rules(),
        *ordinal.rules(language),
        *_short_magnitudes(language),
        *cardinal.magnitude_rules(language),
        *cardinal.rules(language),
        *english_names.initial_rules(),
        *english_names.roman_rules(language),
        *_words_by_context(),
        *formula.rules(language),
        *symbol.rules(language),
        *symbol.emoji_rules(language),
    ]


def _short_magnitudes(language: Language) -> list[Rule]:
    """1.5M and 250K; but 4K, 10k and 12B as they are written."""
    numbers = Numbers(language)
    names = {"k": "thousand", "m": "million", "b": "billion"}

    def scaled(match: re.Match[str]) -> Reading:
        whole = "." not in match["n"]
        if whole and (match["m"] == "B" or (match["m"] in "kK" and int(match["n"]) < 20)):
            return None
        if whole and match["m"] == "M" and not re.match(r"\+?\s[a-z]{3}", match.string[match.end() : match.end() + 6]):
            return None
        return f"{numbers.multiplier(match['n'])} {names[match['m'].lower()]}"

    return [
        exact_rule(DIGIT, rf"(?P<n>\d{{1,4}}(?:\.\d{{1,3}})?)(?P<m>[kKMB])(?![{LETTER}\d])", scaled),
    ]


def _words_by_context() -> list[Rule]:
    """Abbreviations that what follows decides."""

    def say(spoken: str) -> Read:
        return lambda match: spoken

    def plural(one: str, many: str, *, of: str) -> Read:
        return lambda match: many if match[0].rstrip(".").lower() == of else one

    number = r"(?=\s?\d)"
    numbered = r"(?=\s?(?:\d|[IVXL]{1,6}\b))"
    weekday = "|".join(_WEEKDAYS)
    return [
        exact_rule("dr", r"Dr\b\.?(?=\s[A-Z])", say("doctor")),
        *english_names.street_rules(),
        exact_rule("st", r"St\.?(?=\s[A-Z][a-z])", say("saint")),
        exact_rule("gen", r"Gen\.(?=\s[A-Z])", say("general")),
        exact_rule("col", r"Col\.(?=\s[A-Z])", say("colonel")),
        exact_rule("sen", r"Sen\.(?=\s[A-Z])", say("senator")),
        rule(("no", "nos"), rf"Nos?\.{number}", plural("number", "numbers", of="nos")),
        rule(("fig", "figs"), rf"Figs?\.{number}", plural("figure", "figures", of="figs")),
        rule(("p", "pp"), rf"pp?\.{number}", plural("page", "pages", of="pp")),
        rule(("vol", "vols"), rf"vols?\.{numbered}", plural("volume", "volumes", of="vols")),
        rule("ch", rf"ch\.{numbered}", say("chapter")),
        rule("sec", rf"sec\.{numbered}", say("section")),
        rule("c", r"c\.(?=\s?\d{3,4}(?!\d))", say("circa")),
        exact_rule("#", r"#\s?(?=\d)", say("number ")),
        exact_rule("/", r"(?<=\d)/(?=\s|$)|(?<!\S)/(?=[$€£₩¥₹#@%])", _slash),
        rule("~", rf"~{number}", say("about ")),
        rule("<", r"(?<![^\s(])<\s?(?=[\d$€£₹])", say("less than ")),
        rule(">", r"(?<![^\s(])>\s?(?=[\d$€£₹])", say("greater than ")),
        exact_rule("`", r"``", _quote),
        rule("mid", r"mid-(?=(?:1\d|20)?\d0s)", say("mid ")),
        exact_rule(
            [day.lower() for day in _WEEKDAYS],
            rf"(?P<a>{weekday})(?:\.(?=,?\s[A-Z\d])|(?=[-–](?:{weekday})\b)|(?=,\s(?:\d|[A-Z][a-z]{{2,8}}\.?\s\d)))",
            lambda match: _WEEKDAYS[match["a"]],
        ),
        exact_rule(("-", "–"), rf"(?<=Mon|Tue|Wed|Thu|Fri|Sat|Sun)[-–](?P<a>{weekday})\b\.?", _to_weekday),
    ]


def _slash(match: re.Match[str]) -> Reading:
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    return f"{' ' if before.strip() else ''}slash{' ' if after.strip() else ''}"


def _to_weekday(match: re.Match[str]) -> Reading:
    return f" to {_WEEKDAYS[match['a']]}"


def _quote(match: re.Match[str]) -> Reading:
    return '"'
