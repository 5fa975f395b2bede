"""Tamil, begun: numbers, dates, money, percent and telephone numbers. Units, times and symbols are still to come."""

from __future__ import annotations

from backline.speech.text.normalise import cardinal, date, measure, money, telephone
from backline.speech.text.normalise.languages.base import Currency, Language, Magnitude
from backline.speech.text.normalise.languages.tamil_numerals import TamilNumerals
from backline.speech.text.normalise.rules import Rule

_MONTH_NAMES = tuple("ஜனவரி பிப்ரவரி மார்ச் ஏப்ரல் மே ஜூன் ஜூலை ஆகஸ்ட் செப்டம்பர் அக்டோபர் நவம்பர் டிசம்பர்".split())
_MAGNITUDES = {
    "ஆயிரம்": Magnitude("ஆயிரம்"),
    "லட்சம்": Magnitude("லட்சம்"),
    "கோடி": Magnitude("கோடி"),
    "lakh": Magnitude("லட்சம்"),
    "crore": Magnitude("கோடி"),
}
_CURRENCIES = (
    Currency(("₹", "Rs", "Rs.", "INR", "ரூ", "ரூ.", "ரூபாய்"), "ரூபாய்", "ரூபாய்", "பைசா", "பைசா"),
    Currency(("$", "USD", "டாலர்"), "டாலர்", "டாலர்", "சென்ட்", "சென்ட்"),
    Currency(("€", "EUR"), "யூரோ", "யூரோ", "சென்ட்", "சென்ட்"),
    Currency(("£", "GBP"), "பவுண்ட்", "பவுண்ட்", "பென்ஸ்", "பென்ஸ்"),
)


def language(region: str) -> Language:
    """region: makes no difference."""
    numerals = TamilNumerals()
    return Language(
        code="ta",
        numerals=numerals,
        digits=tuple(numerals.cardinal(n) for n in range(10)),
        point="புள்ளி",
        minus="மைனஸ்",
        plus="பிளஸ்",
        percent="சதவீதம்",
        to="முதல்",
        per="",
        by="பை",
        indian=True,
        magnitudes=_MAGNITUDES,
        months={name: index + 1 for index, name in enumerate(_MONTH_NAMES)},
        month_names=_MONTH_NAMES,
        currencies=_CURRENCIES,
    )


def rules(language: Language) -> list[Rule]:
    """In the order in which they are asked."""
    return [
        *cardinal.flood_rules(language),
        *telephone.rules(language),
        *date.rules(language),
        *money.rules(language),
        *measure.percent_rules(language),
        *cardinal.magnitude_rules(language),
        *cardinal.rules(language),
    ]
