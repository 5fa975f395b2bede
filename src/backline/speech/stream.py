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
from backline.errors import BacklineError, Busy, Invalid, PaymentRequired
from backline.media.audio import Samples, together
from backline.media.peaks import PeakMeter
from backline.observability.metrics import Metrics
from backline.speech.courtesy import Courtesy, Manners
from backline.speech.events import Event, Outline, Sound
from backline.speech.plan import Plan
from backline.speech.records import Outcome, SpeechRecord
from backline.speech.render import Renderer, SuperResolution
from backline.speech.speaker import Speaker, Spoken
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
        self._tally = Tally(record, studio.metrics, work.preparation, started)
        self._speaker = Speaker(studio.compute, plan, self._tally, studio.overlap_seconds)
        self._on_begin = on_begin
        self._on_end = on_end
        self._meter: Meter = FreeMeter()  # until it has begun
        self._source_hz = plan.capabilities.rate_hz
        self._renderer = Renderer(plan.audio_format, self._source_hz, plan.rate_hz, studio.super_resolution)
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
                        await self._manners.give_way(self._delivered_seconds())
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
        await self._speaker.open()
        async for unit, last in self._units:
            if unit.spoken.text:
                self._manners.begins()
            begin_s = self._speaker.begin(last=last)
            made = self._speaker.say(unit, begin_s, self._delivered_seconds(), last=last)
            async with aclosing(made) as spoken:
                async for words, samples in spoken:
                    yield words, samples
        yield [], self._speaker.finish()

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
        self.record.audio_seconds = round(self._delivered_seconds(), 6)
        self._meter.used(self._microseconds(self._frames))

    def _delivered_seconds(self) -> float:
        return self._frames / self._source_hz

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
            data = await self._compute.run(self._delivered_seconds(), work)
        else:
            data = work()
        self._tally.encoded(monotonic() - began, len(data))
        return Sound(data)
