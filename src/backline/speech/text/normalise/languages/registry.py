"""Language codes to rules. A language is one module here; it is imported when its first text comes."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from backline.speech.text.normalise.languages.base import Language
from backline.speech.text.normalise.rules import Rule

_MODULES = ("en", "hi", "te", "ta", "bn")


class LanguageModule(Protocol):
    """What a module such as `hi` holds."""

    def language(self, region: str) -> Language:
        """The tables, for a region in lower case (us, in ...) or an empty text."""

    def rules(self, language: Language) -> list[Rule]:
        """In the order in which they are asked."""


def rules_of(code: str) -> tuple[list[Rule], Language] | None:
    """The rules of a BCP 47 code and the language itself; None for a language that has none here."""
    primary, _, rest = code.partition("-")
    if primary not in _MODULES:
        return None
    module = cast(LanguageModule, import_module(f"backline.speech.text.normalise.languages.{primary}"))
    language = module.language(rest.rpartition("-")[2])
    return module.rules(language), language
