"""Hindi."""

from __future__ import annotations

from backline.speech.text.normalise import (
    acronym,
    arithmetic,
    cardinal,
    date,
    electronic,
    formula,
    fraction,
    measure,
    money,
    plate,
    span,
    symbol,
    telephone,
    version,
)
from backline.speech.text.normalise.languages import hindi_forms, hindi_tables, hindi_time, hindi_words, hindi_years
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.languages.indian_numerals import IndianNumerals
from backline.speech.text.normalise.rules import Rule

NUMERALS = IndianNumerals(
    below_hundred=hindi_tables.BELOW_HUNDRED,
    hundred="सौ",
    scales=hindi_tables.SCALES,
    ordinals={1: "पहला", 2: "दूसरा", 3: "तीसरा", 4: "चौथा", 6: "छठा"},
    ordinal_ending="वाँ",
)


def language(region: str) -> Language:
    """region: makes no difference."""
    return Language(
        code="hi",
        numerals=NUMERALS,
        digits=tuple(hindi_tables.BELOW_HUNDRED[:10]),
        point="दशमलव",
        minus="माइनस",
        plus="प्लस",
        percent="प्रतिशत",
        to="से",
        per="प्रति",
        by="बाई",
        indian=True,
        magnitudes=hindi_tables.MAGNITUDES,
        months=hindi_tables.MONTHS,
        month_names=hindi_tables.MONTH_NAMES,
        currencies=hindi_tables.CURRENCIES,
        units=hindi_tables.UNITS,
        powers={"2": "वर्ग", "3": "घन"},
        symbols=hindi_words.SYMBOLS,
        operators=hindi_words.OPERATORS,
        emoji=hindi_words.EMOJI,
        letters=hindi_words.LETTERS,
        acronyms=hindi_words.ACRONYMS,
        web_marks=hindi_words.WEB_MARKS,
        web_words=hindi_words.WEB_WORDS,
        spells_web=True,
        identifiers=hindi_words.IDENTIFIERS,
        identifier_fillers=hindi_words.IDENTIFIER_FILLERS,
        ratio="अनुपात",
        version="संस्करण",
        year_before=r"(?:सन्|सन|साल|वर्ष|ईस्वी|संवत्?|ई\.)",
        year_after=r"\s?(?:में|ई\.|ई\s|ईस्वी|ईसवी|के दशक|के बाद|से पहले|की क्रांति|का युद्ध|के युद्ध)",
    )


def rules(language: Language) -> list[Rule]:
    """In the order in which they are asked."""
    return [
        *cardinal.flood_rules(language),
        *symbol.abbreviation_rules(hindi_words.ABBREVIATIONS),
        *electronic.rules(language),
        *hindi_forms.ordinal_rules(language),
        *hindi_years.month_rules(language),
        *plate.rules(language),
        *telephone.rules(language),
        *date.rules(language),
        *version.rules(language),
        *hindi_time.rules(language),
        *arithmetic.rules(language),
        *hindi_years.rules(language),
        *hindi_forms.address_rules(language),
        *hindi_forms.half_rules(language),
        *money.rules(language),
        *measure.rules(language),
        *telephone.code_rules(language),
        *span.rules(language),
        *fraction.rules(language, hindi_forms.fraction(language)),
        *cardinal.magnitude_rules(language),
        *cardinal.rules(language),
        *hindi_forms.roman_rules(language),
        *acronym.rules(language),
        *formula.rules(language),
        *symbol.rules(language),
        *symbol.emoji_rules(language),
    ]
