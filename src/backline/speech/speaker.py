"""One voice on its way through a text: units in; sound at the engine's rate, and the words in it, out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

from backline.clock import monotonic
from backline.compute.base import Compute
from backline.engines.speech.base import SpeechBlock, SpeechParams, SpeechState
from backline.media.audio import Samples, silence, together
from backline.media.splice import Joiner
from backline.media.tempo import Tempo
from backline.speech.events import SpokenWord
from backline.speech.plan import Plan
from backline.speech.tally import Tally
from backline.speech.text.prepare import Unit

Spoken = tuple[list[SpokenWord], Samples]
"""Words, and the sound that comes after they are known."""


class Speaker:
    """overlap_seconds: the fade between two units.

    Raises NotFound for an unknown engine, Unavailable for one that cannot run here.
    """

    def __init__(self, compute: Compute, plan: Plan, tally: Tally, overlap_seconds: float) -> None:
        self.rate_hz = plan.capabilities.rate_hz
        self._compute = compute
        self._host = compute.speech(plan.engine)
        self._plan = plan
        self._tally = tally
        self._joiner = Joiner(self.rate_hz, overlap_seconds)
        self._state = SpeechState(plan.voice.id)

    @property
    def memory(self) -> Mapping[str, Any]:
        """What the engine has left for the next unit: JSON values."""
        return self._state.data

    async def open(self, memory: Mapping[str, Any] | None = None) -> None:
        """Once, before the first unit. memory: of another one, which this one goes on from."""
        self._state = await self._host.open(self._plan.voice.id)
        self._state.data.update(memory or {})

    def begin(self, *, last: bool) -> float:
        """Another unit comes; where in the sound it begins, in seconds. last: nothing follows it."""
        return self._joiner.next_unit(last=last)

    async def say(self, unit: Unit, begin_s: float, order: float, *, last: bool) -> AsyncGenerator[Spoken, None]:
        """begin_s: as `begin` said. order: who goes first where all are busy; the smallest does. Closing the generator
        stops the engine."""
        if unit.pause_seconds:
            begin_s += unit.pause_seconds
            yield [], self._joiner.push(silence(round(unit.pause_seconds * self.rate_hz)))
        if unit.spoken.text:
            self._tally.unit(self._language(unit), last=last)
            async with aclosing(self._read(unit, begin_s, order)) as spoken:
                async for words, samples in spoken:
                    yield words, self._joiner.push(samples)

    def finish(self) -> Samples:
        """The rest; nothing is said afterwards."""
        return self._joiner.finish()

    async def _read(self, unit: Unit, begin_s: float, order: float) -> AsyncGenerator[Spoken, None]:
        """begin_s: where in the sound the unit's first sample stands."""
        speed = self._plan.speed * unit.speed
        slowest, fastest = self._plan.capabilities.speed_range
        reached = min(max(speed, slowest), fastest)
        tempo = Tempo(self.rate_hz, speed / reached)  # the rest of the way, where the engine falls short
        params = SpeechParams(self._language(unit), reached, self._plan.emotion)
        made = self._host.stream(unit.spoken.text, self._state, params, order, self._tally.engine_begins)
        async with aclosing(made):
            while blocks := await self._next(made):
                yield _words(blocks, unit, begin_s, tempo.factor), await self._paced(tempo, _samples(blocks), order)
        yield [], tempo.finish()

    async def _next(self, made: AsyncGenerator[Sequence[SpeechBlock], None]) -> Sequence[SpeechBlock]:
        """What the engine has made; nothing at its end."""
        asked = monotonic()
        blocks = await anext(made, None) or []  # a tuple as the default fails in CPython 3.11
        self._tally.made(asked, blocks)
        return blocks

    async def _paced(self, tempo: Tempo, samples: Samples, order: float) -> Samples:
        if tempo.factor == 1:
            return samples
        return await self._compute.run(order, partial(tempo.push, samples))

    def _language(self, unit: Unit) -> str:
        """What was found in the text may be more than the voice speaks; then it reads on in its own language."""
        languages = self._plan.voice.languages
        for candidate in (unit.language, unit.language.partition("-")[0]):
            if candidate in languages:
                return candidate
        return languages[0]


def _words(blocks: Sequence[SpeechBlock], unit: Unit, begin_s: float, factor: float) -> list[SpokenWord]:
    """The words of some blocks, placed in the stream and in the caller's text. factor: how much shorter it was made."""
    words: list[SpokenWord] = []
    for block in blocks:
        for word in block.words:
            start, end = unit.spoken.source_of(word.source_start, word.source_end)
            text = unit.spoken.text[word.source_start : word.source_end]
            start_s, end_s = (round(begin_s + moment / factor, 3) for moment in (word.start_s, word.end_s))
            words.append(SpokenWord(text, start_s, end_s, start, end))
    return words


def _samples(blocks: Sequence[SpeechBlock]) -> Samples:
    return together([block.samples for block in blocks])
