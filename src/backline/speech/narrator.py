"""Reads a long text aloud, segment by segment, behind everybody who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from backline.media.audio import Samples, to_pcm16
from backline.speech.chapters import SpokenSentence
from backline.speech.long_work import Made, Segment
from backline.speech.plan import Plan
from backline.speech.replies import passages_of
from backline.speech.speaker import Speaker
from backline.speech.stream import Studio
from backline.speech.tally import Tally
from backline.speech.text.prepare import Preparation, Unit
from backline.speech.text.ssml import Passage

AFTER_LISTENERS = 1e9
"""Added to the order of whatever nobody waits for: those who listen have been given less sound than that."""


class Narrator:
    """on_sentence: called after each with its number, how many there are, and where its source ends."""

    def __init__(
        self,
        studio: Studio,
        plan: Plan,
        preparation: Preparation,
        tally: Tally,
        on_sentence: Callable[[int, int, int], None],
    ) -> None:
        self._studio = studio
        self._plan = plan
        self._preparation = preparation
        self._tally = tally
        self._on_sentence = on_sentence
        self._sentences: Iterator[Passage] = iter(())
        self._count = 0
        self._read = 0
        self._characters = 0
        self._memory: Mapping[str, Any] = {}
        self._order = AFTER_LISTENERS

    async def open(self, text: str, made: Made, memory: Mapping[str, Any]) -> None:
        """Once, before the first segment. made: what is behind it already. memory: what the engine left after that."""
        run = partial(self._studio.compute.run, AFTER_LISTENERS)
        passages = await run(partial(passages_of, text, self._plan))
        self._count = await run(lambda: sum(1 for _ in self._preparation.sentences(passages)))
        self._sentences = self._preparation.sentences(passages)
        await run(lambda: next(islice(self._sentences, made.read, made.read), None))
        self._read = made.read
        self._memory = memory
        self._order = AFTER_LISTENERS + made.seconds

    async def segment(self, seconds: float) -> Segment | None:
        """The next sentences, until they sound so long; None at the end of the text."""
        speaker = Speaker(self._studio.compute, self._plan, self._tally, self._studio.overlap_seconds)
        await speaker.open(self._memory)
        part, before = _Part(speaker.rate_hz), self._read
        while part.seconds < seconds and (prepared := await self._next()) is not None:
            sentence, units = prepared
            for unit in units:
                await self._say(speaker, sentence, unit, part)
            self._read += 1
            self._characters = sentence.spoken.source_of(0, len(sentence.spoken.text))[1] or self._characters
            self._on_sentence(self._read, self._count, self._characters)
        if self._read == before:
            return None
        part.add(speaker.finish())
        self._memory = dict(speaker.memory)
        self._order += part.seconds
        sound = bytes(part.sound)
        return Segment(sound, part.whole(), self._memory, self._read, self._characters, part.heard)

    async def _say(self, speaker: Speaker, sentence: Passage, unit: Unit, part: _Part) -> None:
        await self._studio.courtesy.until_all_have_begun()
        begin_s = speaker.begin(last=False)
        part.begin(sentence if unit.spoken.text else None, begin_s, begin_s + unit.pause_seconds)
        async with aclosing(speaker.say(unit, begin_s, self._order, last=False)) as spoken:
            async for _, samples in spoken:
                part.add(samples)

    async def _next(self) -> tuple[Passage, list[Unit]] | None:
        return await self._studio.compute.run(self._order, self._prepare)

    def _prepare(self) -> tuple[Passage, list[Unit]] | None:
        sentence = next(self._sentences, None)
        return None if sentence is None else (sentence, self._preparation.units_of_sentence(sentence))


class _Part:
    """A segment while it is made."""

    def __init__(self, rate_hz: int) -> None:
        self.sound = bytearray()
        self.heard = False
        self._rate_hz = rate_hz
        self._sentences: list[SpokenSentence] = []
        self._reading: Passage | None = None  # whose sound is being added

    @property
    def seconds(self) -> float:
        return len(self.sound) / 2 / self._rate_hz

    def add(self, samples: Samples) -> None:
        self.heard = self.heard or bool(samples.any())
        self.sound += to_pcm16(samples).tobytes()

    def begin(self, sentence: Passage | None, moment_s: float, start_s: float) -> None:
        """A unit begins at a moment, and its words at `start_s`. sentence: None where it is only a pause."""
        self._end(moment_s)
        if sentence is not None and sentence is not self._reading:
            text = sentence.spoken.text
            self._sentences.append(SpokenSentence(text, start_s, start_s, *sentence.spoken.source_of(0, len(text))))
        self._reading = sentence

    def whole(self) -> list[SpokenSentence]:
        self._end(self.seconds)
        return self._sentences

    def _end(self, moment_s: float) -> None:
        if self._reading is not None:
            self._sentences[-1] = replace(self._sentences[-1], end_s=moment_s)
