"""Text on its way to the engine, while it is still being written."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from backline.speech.plan import Plan
from backline.speech.records import NamedVoice
from backline.speech.replies import passages_of
from backline.speech.service import MAX_TEXT_CHARACTERS
from backline.speech.stream import SpeechStream
from backline.speech.text.prepare import Preparation, Unit
from backline.speech.text.sentences import SentenceCutter
from backline.speech.text.spans import SpokenText
from backline.speech.text.ssml import is_ssml

_SSML_BEGINS = "<speak"


class Utterance:
    """One stream's text. voice: the custom one it was asked in, if it was. stream: what speaks it, once its turn has
    come.

    Prose is spoken sentence by sentence while it arrives. SSML can be read only when all of it is there.
    """

    def __init__(self, plan: Plan, preparation: Preparation, voice: NamedVoice | None, *, peaks: bool) -> None:
        self.plan = plan
        self.preparation = preparation
        self.voice = voice
        self.peaks = peaks
        self.stream: SpeechStream | None = None
        self.characters = 0
        self._pieces: list[str] = []
        self.starving = False
        """Everything that can be spoken has been; only more text, or the end of it, helps."""
        self._markup: str | None = ""  # what is, or may still turn out to be, SSML; None once it is not
        self._cutter = SentenceCutter()
        self._sentences: deque[tuple[str, int]] = deque()
        self._news = asyncio.Event()
        self._ended = False

    @property
    def waiting_characters(self) -> int:
        sentences = sum(len(text) for text, _ in self._sentences)
        return len(self._markup or "") + self._cutter.waiting_characters + sentences

    def text(self) -> str:
        """What has been received; of more than one request may hold, its beginning."""
        return "".join(self._pieces)

    def push(self, text: str) -> None:
        self._count(text)
        if self._markup is not None:
            self._markup += text
            if is_ssml(self._markup) or _SSML_BEGINS.startswith(self._markup.lstrip()):
                return
            text, self._markup = self._markup, None
        self._sentences.extend(self._cutter.push(text))
        self._wake()

    def end(self) -> None:
        if self._markup is not None and not is_ssml(self._markup):
            self._sentences.extend(self._cutter.push(self._markup))
            self._markup = None
        self._sentences.extend(self._cutter.flush())
        self._ended = True
        self._wake()

    async def units(self) -> AsyncIterator[tuple[Unit, bool]]:
        while self._sentences or not self._ended:
            while self._sentences:
                text, position = self._sentences.popleft()
                units = list(self.preparation.of_sentence(SpokenText.unchanged(text, position)))
                for number, unit in enumerate(units, start=1):
                    yield unit, self._ended and not self._sentences and number == len(units)
            if not self._ended:
                await self._more()
        if self._markup is not None:
            markup, self._markup = self._markup, None
            async for unit, last in self.preparation.units_of(passages_of(markup, self.plan)):
                yield unit, last

    async def _more(self) -> None:
        self._news.clear()
        self.starving = True
        await self._news.wait()

    def _wake(self) -> None:
        self.starving = False
        self._news.set()

    def _count(self, text: str) -> None:
        if self.characters < MAX_TEXT_CHARACTERS:
            self._pieces.append(text)
        self.characters += len(text)
        if self.stream is not None:
            self.stream.record.characters = self.characters
