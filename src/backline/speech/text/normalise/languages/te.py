"""Telugu."""

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
from backline.speech.text.normalise.languages import (
    telugu_address,
    telugu_forms,
    telugu_tables,
    telugu_time,
    telugu_words,
)
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.languages.telugu_numerals import TeluguNumerals
from backline.speech.text.normalise.rules import Rule, one_of

_PLURAL_ENDINGS = ("ల్లో", "లలో", "లు", "ల", "గురు", "గురికి", "గురిని")


def language(region: str) -> Language:
    """region: makes no difference."""
    numerals = TeluguNumerals()
    return Language(
        code="te",
        numerals=numerals,
        digits=tuple(numerals.cardinal(n) for n in range(10)),
        point="పాయింట్",
        minus="మైనస్",
        plus="ప్లస్",
        percent="శాతం",
        to="నుండి",
        per="",
        by="బై",
        indian=True,
        magnitudes=telugu_tables.MAGNITUDES,
        months=telugu_tables.MONTHS,
        month_names=telugu_tables.MONTH_NAMES,
        currencies=telugu_tables.CURRENCIES,
        units=telugu_tables.UNITS,
        powers={"2": "చదరపు", "3": "ఘన"},
        symbols=telugu_words.SYMBOLS,
        operators=telugu_words.OPERATORS,
        emoji=telugu_words.EMOJI,
        letters=telugu_words.LETTERS,
        acronyms=telugu_words.ACRONYMS,
        web_marks=telugu_words.WEB_MARKS,
        web_words=telugu_words.WEB_WORDS,
        identifiers=telugu_words.IDENTIFIERS,
        identifier_fillers=telugu_words.IDENTIFIER_FILLERS,
        ratio="నిష్పత్తి",
        version="వెర్షన్",
        year_before=r"(?:సంవత్సరం|క్రీ\.?\s?శ\.?|సన్)",
        year_after=r"\s?(?:లో|ల్లో|లలో|లు|ల(?=\s)|వ సంవత్సర|సంవత్సర|నాటి|నుండి|నుంచి|తర్వాత|తరువాత|"
        + one_of(telugu_tables.MONTH_NAMES)
        + ")",
        joined_suffixes=("లో", "లోని", "లోనే", "కి", "కు", "న", "ని", "ను", "తో", "నే", "కే", "కూ", "లోపు", *_PLURAL_ENDINGS),
        oblique_endings=(("లు", "ల"),),
        joined_forms={"కి": ("ం", "ాని"), "ని": ("ం", "ాన్")} | dict.fromkeys(("లు", "ల", "లలో", "ల్లో"), ("లు", "")),
        measured_nouns=(r"\s(?:" + telugu_words.MEASURED_NOUNS + ")"),
    )


def rules(language: Language) -> list[Rule]:
    """In the order in which they are asked."""
    return [
        *cardinal.flood_rules(language),
        *symbol.abbreviation_rules(telugu_words.ABBREVIATIONS),
        *electronic.rules(language),
        *telugu_forms.ordinal_rules(language),
        *plate.rules(language),
        *telugu_address.rules(language),
        *telephone.rules(language),
        *date.rules(language),
        *version.rules(language),
        *telugu_time.rules(language),
        *arithmetic.rules(language),
        *telugu_forms.year_rules(language),
        *money.rules(language),
        *measure.rules(language),
        *telephone.code_rules(language),
        *span.rules(language),
        *fraction.rules(language, telugu_forms.fraction(language)),
        *cardinal.magnitude_rules(language),
        *cardinal.rules(language),
        *telugu_forms.roman_rules(language),
        *acronym.rules(language),
        *formula.rules(language),
        *symbol.rules(language),
        *symbol.emoji_rules(language),
    ]
