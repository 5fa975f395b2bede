"""What a language brings: its numerals and its tables. A field left empty switches off what needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol


class Numerals(Protocol):
    """How whole numbers (n >= 0) are said."""

    def cardinal(self, n: int) -> str:
        """As it is counted, standing alone."""

    def counted(self, n: int) -> str:
        """Before the thing that is counted."""

    def ordinal(self, n: int) -> str:
        """The n-th, in its dictionary form."""

    def year(self, n: int) -> str:
        """As a year of the calendar."""


@dataclass(frozen=True, slots=True)
class Currency:
    """written: symbols, codes and names; one, many: names by count; minor_*: of the hundredth part.

    many_before_minor: `many` in front of a minor amount, where it differs.
    """

    written: tuple[str, ...]
    one: str
    many: str
    minor_one: str = ""
    minor_many: str = ""
    many_before_minor: str = ""


@dataclass(frozen=True, slots=True)
class Magnitude:
    """A word like million. one, many: by count, standing alone; before: in front of what is counted."""

    one: str
    many: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """one, many: names by count; per: in a quotient, where it differs from `one`.

    before: words in front of the number, in languages that say a rate so.
    """

    one: str
    many: str
    per: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Language:
    """Everything that the classes ask of a language.

    code: of two letters. digits: the names of 0 to 9. per: the word in a quotient; empty where the divisor comes first
    (గంటకు అరవై). indian: lakh and crore for numbers without separators. western: the numerals of the other scale, where
    a language has both. day_first: dd/mm rather than mm/dd. magnitudes: a written word such as million or cr. months:
    written names in lower case to 1 .. 12. units: by what is written, lower case matching both. powers: the words for
    square ("2") and cubic ("3"). operators: by sign, with "^2" and "^3" for powers that have a name. letters: the names
    of the Latin letters, where capitals are spelled. web_marks: the marks of addresses, and "hashtag". spells_web:
    unknown words of an address are spelled too.

    modifies, modifies_noun: whether the quantity, or the amount of money, at text[start:end] is one before a noun and
    therefore in the singular, in languages that have such a form.

    Patterns: identifiers, after which a number is a code, and identifier_fillers, which may stand between; score_words,
    before a score; year_before and year_after, which make four digits a year; measured_nouns, before which a unit is
    in its oblique form.

    joined_forms: to a joined suffix, the ending that changes before it, and to what: శాతం and కి are శాతానికి.

    joined_suffixes: endings that stay joined to the words of a number; oblique_endings: how those words change before
    them.
    """

    code: str
    numerals: Numerals
    digits: tuple[str, ...]
    point: str
    minus: str
    plus: str
    percent: str
    to: str
    per: str
    by: str
    indian: bool = False
    day_first: bool = True
    western: Numerals | None = None
    magnitudes: Mapping[str, Magnitude] = field(default_factory=dict)
    months: Mapping[str, int] = field(default_factory=dict)
    month_names: tuple[str, ...] = ()
    currencies: tuple[Currency, ...] = ()
    units: Mapping[str, Unit] = field(default_factory=dict)
    powers: Mapping[str, str] = field(default_factory=dict)
    symbols: Mapping[str, str] = field(default_factory=dict)
    operators: Mapping[str, str] = field(default_factory=dict)
    emoji: Mapping[str, str] = field(default_factory=dict)
    letters: Mapping[str, str] = field(default_factory=dict)
    acronyms: Mapping[str, str] = field(default_factory=dict)
    web_marks: Mapping[str, str] = field(default_factory=dict)
    web_words: Mapping[str, str] = field(default_factory=dict)
    identifiers: str = ""
    identifier_fillers: str = ""
    score_words: str = ""
    ratio: str = ""
    version: str = ""
    spells_web: bool = False
    acronym_plural: str = ""
    year_before: str = ""
    year_after: str = ""
    joined_suffixes: tuple[str, ...] = ()
    joined_forms: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    oblique_endings: tuple[tuple[str, str], ...] = ()
    measured_nouns: str = ""
    modifies: Callable[[str, int, int], bool] | None = None
    modifies_noun: Callable[[str, int, int], bool] | None = None
    script: Literal["latin", "indic"] = "indic"

    def joined(self, words: str, suffix: str) -> str:
        """The form before one of `joined_suffixes`."""
        ending, changed = self.joined_forms.get(suffix, ("", ""))
        if ending and words.endswith(ending):
            return words.removesuffix(ending) + changed
        return self.oblique(words)

    def oblique(self, words: str) -> str:
        """The form before a joined ending or a noun that is measured."""
        for ending, changed in self.oblique_endings:
            if words.endswith(ending):
                return words.removesuffix(ending) + changed
        return words
