"""Hindi."""

from __future__ import annotations

from backline.speech.text.normalise import cardinal, date, measure, money
from backline.speech.text.normalise.languages import hindi_tables as tables
from backline.speech.text.normalise.languages import hindi_time
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.languages.indian_numerals import IndianNumerals
from backline.speech.text.normalise.rules import Rule

NUMERALS = IndianNumerals(
    below_hundred=tables.BELOW_HUNDRED,
    hundred="सौ",
    scales=tables.SCALES,
    ordinals={1: "पहला", 2: "दूसरा", 3: "तीसरा", 4: "चौथा", 6: "छठा"},
    ordinal_ending="वाँ",
)


def hindi(region: str) -> Language:
    """region: makes no difference yet."""
    return Language(
        code="hi",
        numerals=NUMERALS,
        digits=tuple(tables.BELOW_HUNDRED[:10]),
        point="दशमलव",
        minus="माइनस",
        plus="प्लस",
        percent="प्रतिशत",
        to="से",
        per="प्रति",
        by="बाई",
        indian=True,
        magnitudes=tables.MAGNITUDES,
        months=tables.MONTHS,
        month_names=tables.MONTH_NAMES,
        currencies=tables.CURRENCIES,
        units=tables.UNITS,
        powers={"2": "वर्ग", "3": "घन"},
        year_before=r"(?:सन्|सन|साल|वर्ष|ईस्वी|संवत्?|ई\.)",
        year_after=r"\s?(?:में|ई\.|ईस्वी|ईसवी|के दशक|के बाद|से पहले|की क्रांति)",
    )


def rules(language: Language) -> list[Rule]:
    """In the order in which they are asked."""
    return [
        *cardinal.flood_rules(language),
        *date.rules(language),
        *hindi_time.rules(language),
        *money.rules(language),
        *measure.rules(language),
        *cardinal.magnitude_rules(language),
        *cardinal.rules(language),
    ]
