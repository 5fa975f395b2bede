"""Written text to spoken words: numbers, dates, money, units, addresses of the web and the rest, by language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from backline.speech.text.language import detect_language
from backline.speech.text.normalise.languages.registry import rules_of
from backline.speech.text.normalise.protection import Protection, restore
from backline.speech.text.normalise.scanner import Scanner
from backline.speech.text.spans import SpokenText

# The decimal digits of the Indic scripts, Arabic, Persian and the full-width forms.
_ZEROS = (0x660, 0x6F0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xFF10)
# Letters that match an ASCII one without regard to case, but are in no table.
_LOOKALIKES = {0x17F: "s", 0x212A: "k", 0x130: "i", 0x131: "i"}
_TO_ASCII = {zero + value: str(value) for zero in _ZEROS for value in range(10)} | _LOOKALIKES
_NATIVE = re.compile("[" + "".join(map(chr, _TO_ASCII)) + "]")


class Normaliser:
    """Written text to spoken words. Stateless after construction, thread safe, cheap to construct.

    lexicon: written word or phrase to how it is to be spoken; whole words only, before any rule, in every language.
    An entry in small letters is found in any case, one with a capital only as it is written.
    """

    def __init__(self, lexicon: Mapping[str, str] | None = None) -> None:
        self._protection = Protection(lexicon or {})

    def normalise(self, text: str, language: str) -> SpokenText:
        """`text` as it is read aloud in `language`, each part tied to where it stands in `text`.

        language: a BCP 47 code: en, en-us, en-gb, en-in, hi, te; ta and bn for numbers, dates and money. The region
        decides between dd/mm and mm/dd and between lakh and million. In any other language only the lexicon is heeded.
        Tags, markup, phonetic spellings and words of the lexicon are never touched by a rule.
        """
        return self._read(text, _scanner(language.lower().replace("_", "-")))

    def respell(self, text: str, _language: str) -> SpokenText:
        """`text` with the words of the lexicon as they are spoken, and all else as it stands, in whatever language."""
        return self._read(text, None)

    def _read(self, text: str, scanner: Scanner | None) -> SpokenText:
        swapped = self._protection.swap(text)
        if swapped is None:
            return _scan(scanner, text)
        marked, hidden = swapped
        return restore(_scan(scanner, marked.text).after(marked), hidden)


def normalise(text: str, language: str = "auto", *, lexicon: Mapping[str, str] | None = None) -> SpokenText:
    """`text` as it is read aloud; `auto` finds the language by script and words. See `Normaliser.normalise`."""
    return Normaliser(lexicon).normalise(text, detect_language(text) if language == "auto" else language)


def _scan(scanner: Scanner | None, text: str) -> SpokenText:
    if scanner is None:
        return SpokenText.unchanged(text)
    # A native digit becomes one ASCII digit, so that positions stay as they are.
    readable = text.translate(_TO_ASCII) if _NATIVE.search(text) else text
    pieces = scanner.pieces(readable, text)
    return SpokenText.unchanged(text) if pieces is None else SpokenText.of_pieces(pieces)


@cache
def _scanner(language: str) -> Scanner | None:
    """Built once for a language: compiling its patterns takes some 50 ms."""
    found = rules_of(language)
    return None if found is None else Scanner(found[0], found[1].joined_suffixes, found[1].joined)
