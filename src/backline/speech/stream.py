"""One stream of speech: units in; sound, words and an honest record out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

from backline.clock import monotonic
from backline.compute.base import Compute
from backline.credits.billing import FreeMeter, Meter
from backline.engines.speech.base import SpeechBlock, SpeechParams, SpeechState
from backline.errors import BacklineError, Busy, Invalid, PaymentRequired
from backline.media.audio import Samples, silence, together
from backline.media.peaks import PeakMeter
from backline.media.splice import Joiner
from backline.media.tempo import Tempo
from backline.observability.metrics import Metrics
from backline.speech.courtesy import Courtesy, Manners
from backline.speech.events import Event, Outline, Sound, SpokenWord
from backline.speech.plan import Plan
from backline.speech.records import Outcome, SpeechRecord
from backline.speech.render import Renderer, SuperResolution
from backline.speech.tally import Tally
from backline.speech.text.prepare import Preparation, Unit

_FIRST_SLICE_SECONDS = 0.1
_SLICE_SECONDS = 0.3
"""Sound that one turn on a worker thread encodes: short enough that a newcomer's first sound does not wait for it, and
long enough that turns cost nothing (research: 100 to 300 ms)."""

_DELIVERED = ("cancelled", "client_left", "exhausted")
"""Ends of a stream before its text's, up to which the sound was heard."""

_INLINE_SECONDS = 2.0
"""Sound that is copied on the event loop at once: about 0.1 ms."""

Spoken = tuple[list[Event], Samples]
"""Words, and the sound that comes after they are known."""


@dataclass(frozen=True, slots=True)
class Studio:
    """What every stream works with. overlap_seconds: the fade between two units."""

    compute: Compute
    metrics: Metrics
    super_resolution: SuperResolution | None
    overlap_seconds: float
    courtesy: Courtesy = field(default_factory=Courtesy)


@dataclass(frozen=True, slots=True)
class Work:
    """What one stream is to do. units: each with whether it is known to be the last; peaks: send the outline too."""

    plan: Plan
    preparation: Preparation
    units: AsyncIterator[tuple[Unit, bool]]
    peaks: bool


class SpeechStream:
    """Read `events` once, to the end or until it is closed; `record` says how it went.

    on_begin: called before anything is made; may refuse; its meter is told what was delivered. on_end: called however
    it ends, also after a refusal.
    """

    def __init__(
        self,
        studio: Studio,
        work: Work,
        record: SpeechRecord,
        started: float,
        on_begin: Callable[[], Awaitable[Meter]],
        on_end: Callable[[SpeechStream], None],
    ) -> None:
        plan = work.plan
        self.plan = plan
        self.record = record
        self._units = work.units
        self._compute = studio.compute
        self._manners = Manners(studio.courtesy)
        self._host = studio.compute.speech(plan.engine)
        self._tally = Tally(record, studio.metrics, work.preparation, started)
        self._on_begin = on_begin
        self._on_end = on_end
        self._meter: Meter = FreeMeter()  # until it has begun
        self._source_hz = plan.capabilities.rate_hz
        self._renderer = Renderer(plan.audio_format, self._source_hz, plan.rate_hz, studio.super_resolution)
        self._joiner = Joiner(self._source_hz, studio.overlap_seconds)
        self._outline = PeakMeter(self._source_hz) if work.peaks else None
        self._outline_s = 0.0
        self._frames = 0  # given to the encoder so far
        self._unheard: list[Samples] | None = []  # silence before the first sound; None once there was some

    @property
    def super_resolution_used(self) -> str:
        return self._renderer.super_resolution_used

    def kept_back(self) -> None:
        """The answer was gathered whole, and its first byte leaves only now."""
        self._tally.kept_back()

    def head(self) -> bytes:
        """After the end: what a file of this stream begins with; empty where its first bytes are right already."""
        return self._renderer.head()

    def cancelled(self) -> None:
        """The client asked to stop: what follows is not a client that left."""
        self.record.outcome = "cancelled"

    async def events(self) -> AsyncGenerator[Sequence[Event], None]:
        """Sound, words and outline, in the order they should be sent. Raises what went wrong."""
        self._tally.begin()
        outcome: Outcome = "failed"
        try:
            self._meter = await self._on_begin()
            async with aclosing(self._speak()) as spoken:
                async for words, samples in spoken:
                    if words:
                        yield words
                    for part in self._slices(samples):
                        await self._manners.give_way(self._frames / self._source_hz)
                        if events := await self._encoded(part):
                            yield events
                        self._taken(part)
            if not self._frames:
                raise Invalid("There is nothing in the text that can be said.", code="nothing_to_say")
            rest = await self._sound(self._renderer.finish)
            if rest.data:
                yield [rest]
            outcome = "completed"
        except (Invalid, Busy) as error:
            outcome = "refused"
            self._tally.failed(error.code)
            raise
        except PaymentRequired as error:
            outcome = "exhausted" if self._frames and self.record.stream else "refused"
            self._tally.failed(error.code)
            raise
        except BacklineError as error:
            self._tally.failed(error.code)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            outcome = "client_left" if self.record.outcome == "running" else self.record.outcome
            raise
        except Exception as error:
            self._tally.failed("internal_error", error)
            raise
        finally:
            self._manners.has_begun()
            await self._close_meter(outcome)
            self._tally.end(outcome)
            self._on_end(self)

    async def _close_meter(self, outcome: Outcome) -> None:
        """Delivered sound is charged, whoever ended it; nothing is when it was our fault. A whole answer that was never
        sent was not delivered."""
        delivered = outcome == "completed" or (self.record.stream and outcome in _DELIVERED)
        await (self._meter.settle() if delivered else self._meter.release())
        self.record.credits_consumed = self._meter.charged if delivered else "0"
        self.record.credits_remaining = self._meter.remaining

    async def _speak(self) -> AsyncGenerator[Spoken, None]:
        state = await self._host.open(self.plan.voice.id)
        async for unit, last in self._units:
            begin_s = self._joiner.next_unit(last=last)
            if unit.pause_seconds:
                begin_s += unit.pause_seconds
                yield [], self._joiner.push(silence(round(unit.pause_seconds * self._source_hz)))
            if unit.spoken.text:
                self._tally.unit(self._language(unit), last=last)
                self._manners.begins()
                async with aclosing(self._speak_unit(unit, state, begin_s)) as spoken:
                    async for words, samples in spoken:
                        yield words, self._joiner.push(samples)
        yield [], self._joiner.finish()

    async def _speak_unit(self, unit: Unit, state: SpeechState, begin_s: float) -> AsyncGenerator[Spoken, None]:
        """begin_s: where in the stream the unit's first sample stands."""
        speed = self.plan.speed * unit.speed
        slowest, fastest = self.plan.capabilities.speed_range
        reached = min(max(speed, slowest), fastest)
        tempo = Tempo(self._source_hz, speed / reached)  # the rest of the way, where the engine falls short
        params = SpeechParams(self._language(unit), reached, self.plan.emotion)
        order = self._frames / self._source_hz
        made = self._host.stream(unit.spoken.text, state, params, order, self._tally.engine_begins)
        async with aclosing(made):
            while blocks := await self._next(made):
                yield _words(blocks, unit, begin_s, tempo.factor), await self._paced(tempo, _samples(blocks))
        yield [], tempo.finish()

    async def _next(self, made: AsyncGenerator[Sequence[SpeechBlock], None]) -> Sequence[SpeechBlock]:
        """What the engine has made; nothing at its end."""
        asked = monotonic()
        blocks = await anext(made, None) or []  # a tuple as the default fails in CPython 3.11
        self._tally.made(asked, blocks)
        return blocks

    async def _paced(self, tempo: Tempo, samples: Samples) -> Samples:
        if tempo.factor == 1:
            return samples
        return await self._compute.run(self._frames / self._source_hz, partial(tempo.push, samples))

    def _slices(self, samples: Samples) -> Iterator[Samples]:
        """What one turn encodes. Nothing before there is a sound: an engine that has no word for a character may give
        silence for it."""
        if self._unheard is not None:
            self._unheard.append(samples)
            if not samples.any():
                return
            samples, self._unheard = together(self._unheard), None
        at = 0
        while at < len(samples):
            part = samples[at : at + self._slice_frames()]
            at += len(part)
            yield part

    async def _encoded(self, part: Samples) -> list[Event]:
        await self._meter.cover(self._microseconds(self._frames + len(part)))
        events = self._outlined(part)
        sound = await self._sound(partial(self._renderer.push, part))
        if sound.data:
            events.append(sound)
        return events

    def _taken(self, part: Samples) -> None:
        """Whoever reads the stream came back for more: the part was delivered."""
        self._manners.has_begun()
        self._frames += len(part)
        self.record.audio_seconds = round(self._frames / self._source_hz, 6)
        self._meter.used(self._microseconds(self._frames))

    def _microseconds(self, frames: int) -> int:
        return frames * 1_000_000 // self._source_hz

    def _outlined(self, samples: Samples) -> list[Event]:
        values = self._outline.push(samples) if self._outline else []
        if not self._outline or not values:
            return []
        outline = Outline(round(self._outline_s, 3), self._outline.step_seconds, values)
        self._outline_s += len(values) * self._outline.step_seconds
        return [outline]

    def _slice_frames(self) -> int:
        if not self._renderer.on_worker:
            return round(_INLINE_SECONDS * self._source_hz)
        return round((_SLICE_SECONDS if self._frames else _FIRST_SLICE_SECONDS) * self._source_hz)

    async def _sound(self, work: Callable[[], bytes]) -> Sound:
        began = monotonic()
        if self._renderer.on_worker:
            data = await self._compute.run(self._frames / self._source_hz, work)
        else:
            data = work()
        self._tally.encoded(monotonic() - began, len(data))
        return Sound(data)

    def _language(self, unit: Unit) -> str:
        """What was found in the text may be more than the voice speaks; then it reads on in its own language."""
        languages = self.plan.voice.languages
        for candidate in (unit.language, unit.language.partition("-")[0]):
            if candidate in languages:
                return candidate
        return languages[0]


def _words(blocks: Sequence[SpeechBlock], unit: Unit, begin_s: float, factor: float) -> list[Event]:
    """The words of some blocks, placed in the stream and in the caller's text. factor: how much shorter it was made."""
    words: list[Event] = []
    for block in blocks:
        for word in block.words:
            start, end = unit.spoken.source_of(word.source_start, word.source_end)
            text = unit.spoken.text[word.source_start : word.source_end]
            start_s, end_s = (round(begin_s + moment / factor, 3) for moment in (word.start_s, word.end_s))
            words.append(SpokenWord(text, start_s, end_s, start, end))
    return words


def _samples(blocks: Sequence[SpeechBlock]) -> Samples:
    return together([block.samples for block in blocks])
