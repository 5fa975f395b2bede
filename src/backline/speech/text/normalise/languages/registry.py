"""Language codes to rules."""

from __future__ import annotations

from collections.abc import Callable

from backline.speech.text.normalise.languages import en, hi, te
from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.rules import Rule

_LANGUAGES: dict[str, tuple[Callable[[str], Language], Callable[[Language], list[Rule]]]] = {
    "en": (en.english, en.rules),
    "hi": (hi.hindi, hi.rules),
    "te": (te.telugu, te.rules),
}


def rules_of(code: str) -> tuple[list[Rule], Language] | None:
    """The rules of a BCP 47 code and the language itself; None for a language that has none here."""
    primary, _, rest = code.partition("-")
    found = _LANGUAGES.get(primary)
    if found is None:
        return None
    make, rules = found
    language = make(rest.rpartition("-")[2])
    return rules(language), language
