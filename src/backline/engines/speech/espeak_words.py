"""From the word events of espeak-ng to words of the user's text.

The library says where a word begins and how long it is, but it is not exact: the parts of a number are counted one
character late, a length stops at 31, and a contraction is cut at its apostrophe.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from backline.engines.speech.base import Word
from backline.engines.speech.espeak_library import WordEvent

_LONGEST_LENGTH = 31
_LONGEST_RUN = 36  # the library drops what a word has beyond 160 bytes, or a number beyond some 40 digits
_OVERLONG = re.compile(rf"\S{{{_LONGEST_RUN}}}(?=\S)")
_CONTRACTION = re.compile(r"['’][^\W\d_]+")


class WordTimes:
    """Turns events into words. A word lasts until the next one begins, so it is known only then."""

    def __init__(self, text: str, rate_hz: int) -> None:
        self._text = text
        self._rate_hz = rate_hz
        self._tokens = [match.span() for match in re.finditer(r"\S+", text)]
        self._open: tuple[int, int, int] | None = None

    def begun(self, events: Iterable[WordEvent]) -> tuple[Word, ...]:
        """The words that these events end, each by beginning the next."""
        words: list[Word] = []
        for event in events:
            start, end = self._reach(event)
            previous_end = self._open[2] if self._open else 0
            if start < previous_end or start >= end:
                continue  # a further part of the open word
            words += self.ended(event.frame)
            self._open = (event.frame, start, end)
        return tuple(words)

    def ended(self, frame: int) -> tuple[Word, ...]:
        """The open word, if there is one, ended at `frame`."""
        if self._open is None:
            return ()
        start_frame, start, end = self._open
        self._open = None
        return (Word(start_frame / self._rate_hz, max(start_frame, frame) / self._rate_hz, start, end),)

    def _reach(self, event: WordEvent) -> tuple[int, int]:
        """The characters meant: the event's own, without punctuation, or all of a number or an overlong word."""
        start, end = event.position, min(event.position + event.length, len(self._text))
        index = bisect_right(self._tokens, start, key=lambda span: span[0]) - 1
        if index >= 0 and start < self._tokens[index][1]:
            token_start, token_end = self._tokens[index]
            if event.length >= _LONGEST_LENGTH or any(map(str.isnumeric, self._text[token_start:token_end])):
                start, end = token_start, token_end
        if contraction := _CONTRACTION.match(self._text, end):
            end = contraction.end()
        return self._trimmed(start, end)

    def _trimmed(self, start: int, end: int) -> tuple[int, int]:
        sounding = [at for at in range(start, end) if unicodedata.category(self._text[at])[0] in "LMNS"]
        if sounding:
            return sounding[0], sounding[-1] + 1
        part = self._text[start:end]
        return start + len(part) - len(part.lstrip()), start + len(part.rstrip())


class Breathing:
    """A text in which no run of characters without a space is too long for the library."""

    def __init__(self, text: str) -> None:
        self.text = _OVERLONG.sub(lambda match: match[0] + " ", text)
        self._added = [match.end() + index for index, match in enumerate(_OVERLONG.finditer(text))]

    def original(self, position: int) -> int:
        """Where a character of `text` stands in the text that was given."""
        return position - bisect_left(self._added, position)
