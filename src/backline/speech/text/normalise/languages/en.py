"""English: American by default, British (dd/mm) and Indian (dd/mm, lakh and crore) by region."""

from __future__ import annotations

from backline.speech.text.normalise import cardinal, date, measure, money, ordinal, time
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.languages.english_numerals import EnglishNumerals
from backline.speech.text.normalise.languages.english_tables import CURRENCIES, MAGNITUDES, MONTHS, UNITS
from backline.speech.text.normalise.rules import Rule

_MONTH_NAMES = tuple("january february march april may june july august september october november december".split())


def english(region: str) -> Language:
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
        magnitudes=MAGNITUDES,
        months=MONTHS,
        month_names=_MONTH_NAMES,
        currencies=CURRENCIES,
        units=UNITS,
        powers={"2": "square", "3": "cubic"},
        script="latin",
    )


def rules(language: Language) -> list[Rule]:
    """In the order in which they are asked."""
    return [
        *cardinal.flood_rules(language),
        *date.rules(language),
        *time.rules(language),
        *money.rules(language),
        *measure.rules(language),
        *ordinal.rules(language),
        *cardinal.magnitude_rules(language),
        *cardinal.rules(language),
    ]
