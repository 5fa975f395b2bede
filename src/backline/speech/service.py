"""The streams of one process: begun within limits, counted while they run, recorded when they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from backline.accounts.principal import Principal
from backline.clock import Clock, utc_now
from backline.compute.base import Compute
from backline.credits.billing import Meter, free_of_charge
from backline.errors import Busy, NotFound, Unavailable
from backline.observability.logging import get_logger
from backline.observability.metrics import Metrics
from backline.speech.lexicon import normaliser_of
from backline.speech.plan import Plan, Planner
from backline.speech.records import NamedVoice, Outcome, SpeechRecord, SpeechRecords, Text
from backline.speech.render import SuperResolution, load_encoders
from backline.speech.stream import SpeechStream, Studio, Work
from backline.speech.text.normalise.normaliser import Normaliser
from backline.speech.text.prepare import Preparation, Unit
from backline.speech.text.sentences import MAX_CHARACTERS
from backline.web.stream_limits import StreamLimits, StreamPlace

MAX_TEXT_CHARACTERS = 50_000

_CHARACTERS_PER_SECOND = 12
"""Of speech, for the estimate that is held before it is made; espeak reads 13 to 16 in English, Hindi and Telugu."""

_SPARE_SECONDS = 1.0
"""On top: a hold that turns out too small has to be made larger while the listener waits."""

OpenMeter = Callable[[Principal, int], Awaitable[Meter]]
"""Holds credit for so many estimated microseconds of sound. Raises PaymentRequired."""

_LANGUAGES_AT_HAND = ("en", "en-in", "hi", "te")


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks, and for what. started: when it arrived, by `clock.monotonic`. characters, text: for the record.

    voice: the custom one that was asked for, if it was one. streamed: whether the answer is sent while it is made.
    peaks: whether the outline of the sound is wanted too.
    """

    caller: Principal
    request_id: str
    started: float
    characters: int = 0
    text: Text = str
    voice: NamedVoice | None = None
    streamed: bool = True
    peaks: bool = False


def estimated_microseconds(characters: int, speed: float) -> int:
    """Of sound, for what is held before any is made. speed: the factor asked for."""
    return round((_SPARE_SECONDS + characters / (_CHARACTERS_PER_SECOND * speed)) * 1_000_000)


Room = Callable[[Principal], StreamPlace]
"""Where a caller's next stream finds its place among those they have at once."""


def any_room(caller: Principal) -> StreamPlace:
    """No limit."""
    return StreamLimits().place(caller.id, None)


class SpeechService:
    """max_streams: at once; one more is refused as Busy. room: how many of them one caller may have."""

    def __init__(
        self,
        compute: Compute,
        planner: Planner,
        records: SpeechRecords,
        metrics: Metrics,
        *,
        max_streams: int = 512,
        overlap_seconds: float = 0.050,
        super_resolution: SuperResolution | None = None,
        clock: Clock = utc_now,
        room: Room = any_room,
        open_meter: OpenMeter = free_of_charge,
    ) -> None:
        self.planner = planner
        self.normaliser = Normaliser()
        self.studio = Studio(compute, metrics, super_resolution, overlap_seconds)
        self._records = records
        self._max_streams = max_streams
        self._clock = clock
        self._room = room
        self._open_meter = open_meter
        self._streams: set[SpeechStream] = set()
        self._draining = False
        self._idle = asyncio.Event()

    @property
    def streams_in_flight(self) -> int:
        return len(self._streams)

    @property
    def draining(self) -> bool:
        return self._draining

    async def warm_up(self) -> None:
        """Load every codec and the rules of the languages once, so that the first request does not wait for them."""
        await self.studio.compute.run(0.0, load_encoders)
        for language in _LANGUAGES_AT_HAND:
            await self.studio.compute.run(0.0, partial(self.normaliser.normalise, "1", language))

    def drain(self) -> None:
        """Take no new work; what runs may end."""
        self._draining = True

    async def idle(self) -> None:
        """Wait until no stream runs."""
        while self._streams:
            self._idle.clear()
            await self._idle.wait()

    def preparation(self, plan: Plan, *, chunking: bool = True) -> Preparation:
        """How a text becomes units for this plan."""
        longest = plan.capabilities.max_characters
        normaliser = normaliser_of(plan.lexicon) if plan.lexicon else self.normaliser
        return Preparation(
            language=plan.language,
            performed=plan.capabilities.emotions,
            normalise=normaliser.normalise if plan.normalize else normaliser.respell if plan.lexicon else None,
            max_characters=min(MAX_CHARACTERS, longest) if chunking else longest,
            chunking=chunking,
        )

    def speak(
        self, plan: Plan, preparation: Preparation, units: AsyncIterator[tuple[Unit, bool]], request: Request
    ) -> SpeechStream:
        """Begin to speak; nothing is made before the stream is read.

        preparation: what makes the units. units: each with whether it is known to be the last.
        """
        self._check_room()
        voice = request.voice or plan.voice
        record = SpeechRecord(
            request_id=request.request_id,
            owner_id=request.caller.id,
            engine=plan.engine,
            model_version=plan.capabilities.model_version,
            voice=voice.id,
            voice_name=voice.name,
            format=plan.audio_format.name,
            sample_rate=plan.rate_hz,
            stream=request.streamed,
            characters=request.characters,
            created_at=self._clock(),
        )
        work = Work(plan, preparation, units, peaks=request.peaks)
        place = self._room(request.caller)
        stream = SpeechStream(
            self.studio,
            work,
            record,
            request.started,
            on_begin=partial(self._begin, place, request, plan),
            on_end=partial(self._ended, place),
        )
        self._streams.add(stream)
        self._records.begin(record, request.text)
        return stream

    async def record_of(self, request_id: str, caller: Principal) -> SpeechRecord:
        record = await self._records.find(request_id, caller.id)
        if record is None:
            raise NotFound("There is no such request, or it is too long ago.", code="request_not_found")
        return record

    async def records_of(
        self, caller: Principal, *, outcome: Outcome | None, before: str | None, limit: int
    ) -> list[SpeechRecord]:
        """The newest first. before: a record's `id`; only what is older."""
        return await self._records.recent(caller.id, outcome=outcome, before=before, limit=limit)

    async def _begin(self, place: StreamPlace, request: Request, plan: Plan) -> Meter:
        await place.take()
        return await self._open_meter(request.caller, estimated_microseconds(request.characters, plan.speed))

    def _ended(self, place: StreamPlace, stream: SpeechStream) -> None:
        place.leave()
        self._records.end(stream.record)
        self._streams.discard(stream)
        self._idle.set()

    def _check_room(self) -> None:
        if self._draining:
            raise Unavailable("The server is going away. Try again.", code="draining", retry_after_seconds=5)
        if len(self._streams) >= self._max_streams:
            get_logger().warning("tts.too_many_streams", streams=len(self._streams))
            raise Busy("Too many streams at once. Try again.", code="too_many_streams", retry_after_seconds=1)
