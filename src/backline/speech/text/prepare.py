"""From what a user wrote to the units an engine reads, one at a time and each tied to its source."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from backline.clock import monotonic
from backline.errors import Invalid
from backline.speech.text.language import detect_language
from backline.speech.text.sentences import cut
from backline.speech.text.spans import SpokenText
from backline.speech.text.ssml import Passage
from backline.speech.text.tags import settle_tags

Normalise = Callable[[str, str], SpokenText]
"""(text, language) to spoken words."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What an engine is given in one call. language: asked for or found; speed: a factor on the request's;
    pause_seconds: silence before it, perhaps with nothing to say after it."""

    spoken: SpokenText
    language: str
    speed: float = 1.0
    pause_seconds: float = 0.0


class Preparation:
    """How one request's text becomes units.

    language: a code, or None to look at each sentence. performed: the emotion tags of the engine.
    normalise: None leaves the words as they are. max_characters: of one unit.
    chunking: False reads a passage as one unit, and refuses one that is too long.
    """

    def __init__(
        self,
        language: str | None,
        performed: frozenset[str],
        normalise: Normalise | None,
        max_characters: int,
        *,
        chunking: bool = True,
    ) -> None:
        self.spent_seconds = 0.0
        """Time that preparing has taken so far."""
        self._language = language
        self._performed = performed
        self._normalise = normalise
        self.max_characters = max_characters
        self.chunking = chunking

    async def units_of(self, passages: Iterable[Passage]) -> AsyncIterator[tuple[Unit, bool]]:
        """All units of a text that is there already, each with whether it is the last; made as they are asked for."""
        units = self._units(passages)
        waiting = self._timed_next(units)
        while waiting is not None:
            following = self._timed_next(units)
            yield waiting, following is None
            waiting = following

    def of_sentence(self, spoken: SpokenText) -> Iterator[Unit]:
        """The units of one sentence that was cut already."""
        began = monotonic()
        units = list(self._of_sentence(Passage(spoken)))
        self.spent_seconds += monotonic() - began
        return iter(units)

    def _timed_next(self, units: Iterator[Unit]) -> Unit | None:
        began = monotonic()
        unit = next(units, None)
        self.spent_seconds += monotonic() - began
        return unit

    def sentences(self, passages: Iterable[Passage]) -> Iterator[Passage]:
        """Every sentence of a text, cut and not yet read, lazily. A pause stands before the first one of its passage; a
        passage that is nothing else is a sentence without words."""
        for passage in passages:
            text, pause_seconds = passage.spoken.text, passage.pause_seconds
            if not self.chunking:
                self._check_length(text)
            for start, end in cut(text, self.max_characters) if self.chunking else iter([(0, len(text))]):
                yield replace(passage, spoken=passage.spoken.slice(start, end), pause_seconds=pause_seconds)
                pause_seconds = 0.0
            if pause_seconds:
                yield replace(passage, spoken=SpokenText.unchanged(""), pause_seconds=pause_seconds)

    def units_of_sentence(self, sentence: Passage) -> list[Unit]:
        """Of one that `sentences` gave: none when it has nothing to say and no pause before it."""
        units = list(self._of_sentence(sentence))
        if not sentence.pause_seconds:
            return units
        first, *rest = units or [Unit(SpokenText.unchanged(""), "")]
        return [replace(first, pause_seconds=sentence.pause_seconds), *rest]

    def _units(self, passages: Iterable[Passage]) -> Iterator[Unit]:
        for sentence in self.sentences(passages):
            yield from self.units_of_sentence(sentence)

    def _of_sentence(self, sentence: Passage) -> Iterator[Unit]:
        """One unit; several when its words grew beyond the limit, none when it has nothing to say."""
        spoken = settle_tags(sentence.spoken, self._performed)
        if not can_be_said(spoken.text):
            return
        language = sentence.language or self._language or detect_language(spoken.text)
        if self._normalise and not sentence.verbatim:
            spoken = self._normalise(spoken.text, language).after(spoken)
        if not self.chunking:
            self._check_length(spoken.text)
        for start, end in self._within_limit(spoken.text):
            if start < end:
                yield Unit(spoken.slice(start, end), language, sentence.speed)

    def _within_limit(self, text: str) -> Iterator[tuple[int, int]]:
        return cut(text, self.max_characters) if len(text) > self.max_characters else iter([(0, len(text))])

    def _check_length(self, text: str) -> None:
        if len(text) > self.max_characters:
            raise Invalid(
                f"Without chunking this engine reads at most {self.max_characters} characters; the text has more.",
                code="text_too_long",
            )


def can_be_said(text: str) -> bool:
    """Whether there is a letter, a digit or a picture in it: an engine makes only silence of the rest."""
    return any(character.isalnum() or unicodedata.category(character) in ("So", "Sc", "Sm") for character in text)
