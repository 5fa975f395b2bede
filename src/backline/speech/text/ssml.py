"""The part of SSML that means the same for every engine, read strictly.

Read only where a text begins with `<speak`. Understood: speak, p, s, break (time, strength), prosody (rate), sub
(alias), say-as (characters, spell-out), lang, and xml:lang where it may stand. Anything else is refused by name, since
an element that is read and ignored would be a lie. W3C SSML 1.1 is the source of names and of the strengths.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from xml.parsers import expat

from backline.errors import Invalid
from backline.speech.text.spans import SpokenText

_BREAKS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.0}
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.75}
_TIME = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)(ms|s)")
_PERCENT = re.compile(r"(\d{1,4}(?:\.\d{1,2})?)%")
_PARAGRAPH_SECONDS = 0.4
_LONGEST_BREAK_SECONDS = 10.0
_ATTRIBUTES: dict[str, frozenset[str]] = {
    "speak": frozenset({"version", "xmlns", "xml:lang"}),
    "p": frozenset({"xml:lang"}),
    "s": frozenset({"xml:lang"}),
    "lang": frozenset({"xml:lang"}),
    "break": frozenset({"time", "strength"}),
    "prosody": frozenset({"rate", "xml:lang"}),
    "sub": frozenset({"alias"}),
    "say-as": frozenset({"interpret-as"}),
}


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of text that is read in one manner.

    language: its own, or None for the request's. speed: a factor on the request's. verbatim: not to be normalised.
    pause_seconds: silence before it; the last passage may be nothing else.
    """

    spoken: SpokenText
    language: str | None = None
    speed: float = 1.0
    verbatim: bool = False
    pause_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Manner:
    language: str | None = None
    speed: float = 1.0
    spell: bool = False
    alias: str | None = None


def is_ssml(text: str) -> bool:
    return re.match(r"\s*<speak[\s>/]", text) is not None


def read_ssml(text: str) -> list[Passage]:
    """Raises Invalid (`bad_ssml`) for what is not well formed or not understood, with the line, never with the text."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._source = text
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = False
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse("A document type")
        self._parser.ProcessingInstructionHandler = self._refuse("A processing instruction")
        self._parser.StartCdataSectionHandler = partial(self._cdata, True)
        self._parser.EndCdataSectionHandler = partial(self._cdata, False)
        self._manners = [_Manner()]
        self._passages: list[Passage] = []
        self._pieces: list[tuple[str, int, int]] = []
        self._pause_seconds = 0.0
        self._positions = _CharacterPositions(text)
        self._verbatim = False  # inside of CDATA, where & is no entity

    def read(self) -> list[Passage]:
        try:
            self._parser.Parse(self._source.encode(), True)
        except expat.ExpatError as error:
            raise _bad(f"it is not well-formed XML (line {error.lineno}, column {error.offset})") from None
        if self._pause_seconds:
            self._passages.append(Passage(SpokenText.unchanged(""), pause_seconds=self._pause_seconds))
        return self._passages

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        allowed = _ATTRIBUTES.get(name)
        if allowed is None:
            raise self._bad_here(f"an element is not supported; supported are {', '.join(sorted(_ATTRIBUTES))}")
        if not allowed.issuperset(attributes):
            raise self._bad_here(f"<{name}> takes {', '.join(sorted(allowed))} and no other attribute")
        if self._manners[-1].alias is not None:
            raise self._bad_here("<sub> holds text and no element")
        self._close_passage()
        if name == "break":
            self._pause(self._pause_seconds + _break_seconds(attributes))
        elif name == "p" and self._passages:
            self._pause(max(self._pause_seconds, _PARAGRAPH_SECONDS))
        self._manners.append(_manner_inside(self._manners[-1], name, attributes))

    def _end(self, name: str) -> None:
        if name == "sub" and not any(text.strip() for text, _, _ in self._pieces):
            raise self._bad_here("<sub> needs an alias and a text that it stands for")
        self._close_passage()
        self._manners.pop()

    def _characters(self, data: str) -> None:
        manner = self._manners[-1]
        start = self._positions.of_byte(self._parser.CurrentByteIndex)
        end = start + len(data) if self._verbatim else self._positions.end_of_characters(start, data)
        if manner.alias is not None:
            self._pieces = [(manner.alias, self._pieces[0][1] if self._pieces else start, end)]
        elif manner.spell and end - start == len(data):
            self._pieces.extend((f"{character} ", start + i, start + i + 1) for i, character in enumerate(data))
        else:
            self._pieces.append((f"{data} " if manner.spell else data, start, end))

    def _cdata(self, begins: bool) -> None:
        self._verbatim = begins

    def _pause(self, seconds: float) -> None:
        if seconds > _LONGEST_BREAK_SECONDS:
            raise self._bad_here(f"breaks in a row last at most {_LONGEST_BREAK_SECONDS:.0f} s together")
        self._pause_seconds = seconds

    def _close_passage(self) -> None:
        spoken = SpokenText.of_pieces(self._pieces)
        self._pieces = []
        if spoken.text.strip():
            manner = self._manners[-1]
            verbatim = manner.spell or manner.alias is not None
            self._passages.append(Passage(spoken, manner.language, manner.speed, verbatim, self._pause_seconds))
            self._pause_seconds = 0.0

    def _refuse(self, what: str) -> Callable[..., None]:
        def handler(*_: object) -> None:
            raise self._bad_here(f"{what} is not allowed")

        return handler

    def _bad_here(self, reason: str) -> Invalid:
        return _bad(f"{reason} (line {self._parser.CurrentLineNumber})")


class _CharacterPositions:
    """Where a byte of the UTF-8 form stands among the characters; asked in ascending order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._bytes = text.encode()
        self._byte = 0
        self._character = 0

    def of_byte(self, byte: int) -> int:
        self._character += len(self._bytes[self._byte : byte].decode())
        self._byte = byte
        return self._character

    def end_of_characters(self, start: int, data: str) -> int:
        """The end of what the parser reported: an entity such as &amp; is longer in the source than its character."""
        if self._text.startswith("&", start):
            return self._text.index(";", start) + 1
        return start + len(data)


def _manner_inside(outer: _Manner, name: str, attributes: dict[str, str]) -> _Manner:
    manner = replace(outer, language=attributes.get("xml:lang", outer.language))
    if name == "prosody" and "rate" in attributes:
        manner = replace(manner, speed=outer.speed * _rate(attributes["rate"]))
    if name == "sub":
        manner = replace(manner, alias=attributes.get("alias", ""))
    if name == "say-as":
        if attributes.get("interpret-as") not in ("characters", "spell-out"):
            raise _bad("say-as understands interpret-as 'characters' and 'spell-out'")
        manner = replace(manner, spell=True)
    return manner


def _break_seconds(attributes: dict[str, str]) -> float:
    if "time" in attributes:
        match = _TIME.fullmatch(attributes["time"].strip())
        seconds = float(match[1]) * (0.001 if match[2] == "ms" else 1.0) if match else -1.0
        if not 0 <= seconds <= _LONGEST_BREAK_SECONDS:
            raise _bad(f"a break's time is like 250ms or 1.5s, at most {_LONGEST_BREAK_SECONDS:.0f} s")
        return seconds
    strength = attributes.get("strength", "medium")
    if strength not in _BREAKS:
        raise _bad(f"a break's strength is one of {', '.join(_BREAKS)}")
    return _BREAKS[strength]


def _rate(value: str) -> float:
    match = _PERCENT.fullmatch(value.strip())
    rate = float(match[1]) / 100 if match else _RATES.get(value.strip(), 0.0)
    if not 0.25 <= rate <= 4.0:
        raise _bad(f"a prosody rate is 25% to 400% or one of {', '.join(_RATES)}")
    return rate


def _bad(reason: str) -> Invalid:
    return Invalid(f"The SSML cannot be read: {reason}.", code="bad_ssml")
