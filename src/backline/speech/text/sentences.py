"""Where one sentence ends and the next begins: in prose, in Indic scripts, and in text that arrives piece by piece."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

MAX_CHARACTERS = 300
"""Longest unit by default: about 20 s of speech, so that the work of one stream can be shared out finely."""

VERSION = 1
"""Of what `cut` makes of a text. Change it with that: a job's place in its text is counted in sentences."""

_END = re.compile(r"""(?P<mark>[.!?…।॥؟۔。！？]+)["'”’»)\]]*|\n[^\S\n]*\n\s*""")
_CLAUSE = re.compile(r"[,;:،、—–](?=\s)|\s[-—–](?=\s)|[)\]](?=\s)")
_LAST_WORD = re.compile(r"(\S+)$")
_NO_SPACE_NEEDED = frozenset("।॥。！？۔؟")
_VIRAMA = 9  # its canonical combining class
_ZERO_WIDTH_JOINER = "\u200d"

# Words that carry a full stop without ending a sentence. Those that often do end one (etc., a.m.) are decided by what
# follows: a lower-case letter continues the sentence.
_ABBREVIATIONS = frozenset(
    "mr mrs ms mx dr prof sr jr st rev hon gen col capt lt sgt gov messrs vs viz cf al eg ie e.g i.e approx dept est "
    "feb apr aug sep sept oct nov dec tues thurs inc ltd corp pvt bros rs tel ext ave blvd "
    "डॉ डा श्री श्रीमती प्रो पं स्व ई कु रु रू मो क्र सं पृ "
    "డా శ్రీ శ్రీమతి ప్రొ రూ సం పే "
    "டாக்டர் திரு ரூ ড ডা প্রফেসর শ্রী".split()
)

# These are words of their own as well; only a number after them makes them abbreviations.
_BEFORE_NUMBERS = frozenset("no nos fig figs vol vols pp p art sec ch jan mar jun jul re rd".split())


class SentenceCutter:
    """Cuts text that arrives in pieces, the same way however it is divided.

    A sentence is given out once the first character of the next one is known; `flush` gives out the rest.
    Positions count characters from the first `push` after a `flush`.
    """

    def __init__(self, max_characters: int = MAX_CHARACTERS) -> None:
        self._max_characters = max_characters
        self._buffer = ""
        self._offset = 0

    @property
    def waiting_characters(self) -> int:
        return len(self._buffer)

    def push(self, text: str) -> list[tuple[str, int]]:
        """The sentences that are complete now, each with its position."""
        self._buffer += text
        if text.isspace():  # completes nothing, and there may be very much of it
            return []
        cuts = list(cut(self._buffer, self._max_characters))
        if len(cuts) < 2:
            return []
        complete = [(self._buffer[start:end], self._offset + start) for start, end in cuts[:-1]]
        rest = cuts[-1][0]
        self._buffer, self._offset = self._buffer[rest:], self._offset + rest
        return complete

    def flush(self) -> list[tuple[str, int]]:
        rest = [
            (self._buffer[start:end], self._offset + start) for start, end in cut(self._buffer, self._max_characters)
        ]
        self._buffer, self._offset = "", 0
        return rest


def cut(text: str, max_characters: int = MAX_CHARACTERS) -> Iterator[tuple[int, int]]:
    """Ranges of `text`, one a sentence, without the white space between them; none is longer than `max_characters`.

    Linear in the text, and lazy: the first sentence of a book is there at once.
    """
    start = _skip_space(text, 0)
    match = _END.search(text, start)
    while match is not None:
        end = _strip_end(text, start, match.end())
        while end - start > max_characters:
            middle = _best_break(text, start, start + max_characters)
            yield start, _strip_end(text, start, middle)
            start = _skip_space(text, middle)
        # What comes after a break is read as if the text began there: a cutter that was given the text in pieces has
        # nothing else left of it.
        if match.start() >= start:
            if match["mark"] is None or _ends_sentence(text, start, match):
                if start < end:
                    yield start, end
                start = _skip_space(text, match.end())
            match = _END.search(text, match.end())
        else:
            match = _END.search(text, start)
    yield from _within_limit(text, start, _strip_end(text, start, len(text)), max_characters)


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    mark, end = match["mark"], match.end()
    if mark[-1] in _NO_SPACE_NEEDED:
        return True
    if end < len(text) and not text[end].isspace():
        return False  # 3.14, example.com, "wait...what"
    if mark == "." and _is_abbreviation(text, start, match.start()):
        return False
    following = _skip_space(text, end)
    return following >= len(text) or not text[following].islower() or mark[-1] in "!?"


def _is_abbreviation(text: str, start: int, dot: int) -> bool:
    found = _LAST_WORD.search(text, max(start, dot - 24), dot)
    word = found[1].strip("([\"'“‘") if found else ""
    if word.lower() in _ABBREVIATIONS:
        return True
    if word.lower() in _BEFORE_NUMBERS:
        following = _skip_space(text, dot + 1)
        return following < len(text) and text[following].isdecimal()
    if len(word) == 1 and word.isalpha() and word.isupper() and word != "I":
        return True  # an initial: A. R. Rahman
    if word.isdecimal() and len(word) <= 3 and dot - start == len(word):
        return True  # the number of a list item: 1. Begin
    return "." in word and all(len(part) == 1 for part in word.split(".")) and _continues(text, dot)


def _continues(text: str, dot: int) -> bool:
    """After U.S. or a.m.: the sentence goes on unless a capital follows."""
    following = _skip_space(text, dot + 1)
    return following < len(text) and not text[following].isupper()


def _within_limit(text: str, start: int, end: int, max_characters: int) -> Iterator[tuple[int, int]]:
    while end - start > max_characters:
        middle = _best_break(text, start, start + max_characters)
        yield start, _strip_end(text, start, middle)
        start = _skip_space(text, middle)
    if start < end:
        yield start, end


def _best_break(text: str, start: int, limit: int) -> int:
    """A clause end in the later half of the window, else a blank, else between two characters that may be parted."""
    half = start + (limit - start) // 2
    clause = 0
    for match in _CLAUSE.finditer(text, half, limit):
        clause = match.end()
    if clause:
        return clause
    for position in range(limit, half, -1):
        if text[position - 1].isspace():
            return position
    for position in range(limit, half, -1):
        if not _belong_together(text[position - 1], text[position]):
            return position
    return limit


def _belong_together(before: str, after: str) -> bool:
    """A mark and its letter; the letters that a virama or a zero-width joiner makes one of."""
    joined = unicodedata.combining(before) == _VIRAMA or before == _ZERO_WIDTH_JOINER
    return joined or unicodedata.category(after) in ("Mn", "Mc", "Me", "Cf")


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _strip_end(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1].isspace():
        end -= 1
    return end
