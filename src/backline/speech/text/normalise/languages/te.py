"""Telugu."""

from __future__ import annotations

from backline.speech.text.normalise import cardinal, date, measure, money
from backline.speech.text.normalise.languages import telugu_tables as tables
from backline.speech.text.normalise.languages import telugu_time
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.languages.telugu_numerals import TeluguNumerals
from backline.speech.text.normalise.rules import Rule


def telugu(region: str) -> Language:
    """region: makes no difference yet."""
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
        magnitudes=tables.MAGNITUDES,
        months=tables.MONTHS,
        month_names=tables.MONTH_NAMES,
        currencies=tables.CURRENCIES,
        units=tables.UNITS,
        powers={"2": "చదరపు", "3": "ఘన"},
        year_before=r"(?:సంవత్సరం|క్రీ\.?\s?శ\.?|సన్)",
        year_after=r"\s?(?:లో|వ సంవత్సర|సంవత్సర|నాటి|నుండి|నుంచి)",
        joined_suffixes=("లో", "లోని", "లోనే", "కి", "కు", "న", "ని", "ను", "తో", "నే", "కే", "కూ", "లోపు", "లకు", "లో"),
    )


def rules(language: Language) -> list[Rule]:
    """In the order in which they are asked."""
    return [
        *cardinal.flood_rules(language),
        *date.rules(language),
        *telugu_time.rules(language),
        *money.rules(language),
        *measure.rules(language),
        *cardinal.magnitude_rules(language),
        *cardinal.rules(language),
    ]
