"""One stream of speech: units in; sound, words and an honest record out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

import numpy as np

from backline.clock import monotonic
from backline.compute.base import Compute
from backline.engines.speech.base import SpeechBlock, SpeechParams
from backline.errors import BacklineError, Invalid
from backline.media.audio import Samples, silence
from backline.media.peaks import PeakMeter
from backline.media.splice import Joiner
from backline.observability.logging import get_logger
from backline.observability.metrics import Metrics
from backline.speech import figures
from backline.speech.plan import Plan
from backline.speech.records import Outcome, SpeechRecord
from backline.speech.render import Renderer, SuperResolution
from backline.speech.text.prepare import Preparation, Unit

_FIRST_SLICE_SECONDS = 0.1
_SLICE_SECONDS = 0.3
"""Sound that one turn on a worker thread encodes: short enough that a newcomer's first sound does not wait for it, and
long enough that turns cost nothing (research: 100 to 300 ms)."""

_INLINE_SECONDS = 2.0
"""Sound that is copied on the event loop at once: about 0.2 ms of it."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Bytes of the one encoded stream."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word and its place: seconds in the stream, characters in the caller's text."""

    text: str
    start_s: float
    end_s: float
    source_start: int
    source_end: int


@dataclass(frozen=True, slots=True)
class Outline:
    """Peaks in [0, 1] from `start_s` on, one every `step_s`."""

    start_s: float
    step_s: float
    values: list[float]


Event = Sound | SpokenWord | Outline


@dataclass(frozen=True, slots=True)
class Studio:
    """What every stream works with. overlap_seconds: the fade between two units."""

    compute: Compute
    metrics: Metrics
    super_resolution: SuperResolution | None
    overlap_seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """What one stream is to do. units: each with whether it is known to be the last; peaks: send the outline too."""

    plan: Plan
    preparation: Preparation
    units: AsyncIterator[tuple[Unit, bool]]
    peaks: bool


class SpeechStream:
    """Read `events` once, to the end or until it is closed; `record` says how it went."""

    def __init__(
        self,
        studio: Studio,
        work: Work,
        record: SpeechRecord,
        started: float,
        on_end: Callable[[SpeechStream], None],
    ) -> None:
        plan = work.plan
        self.plan = plan
        self.record = record
        self._preparation = work.preparation
        self._units = work.units
        self._compute = studio.compute
        self._host = studio.compute.speech(plan.engine)
        self._metrics = studio.metrics
        self._started = started
        self._on_end = on_end
        self._source_hz = plan.capabilities.rate_hz
        self._renderer = Renderer(plan.audio_format, self._source_hz, plan.rate_hz, studio.super_resolution)
        self._joiner = Joiner(self._source_hz, studio.overlap_seconds)
        self._outline = PeakMeter(self._source_hz) if work.peaks else None
        self._outline_s = 0.0
        self._frames = 0  # given to the encoder so far
        self._unheard: list[Samples] | None = []  # silence before the first sound; None once there was some
        self._labels = (plan.engine, plan.audio_format.name)
        self._log = get_logger()

    @property
    def super_resolution_used(self) -> str:
        return self._renderer.super_resolution_used

    def elapsed_ms(self) -> float:
        """Milliseconds since the request arrived."""
        return round((monotonic() - self._started) * 1000, 3)

    def head(self) -> bytes:
        """After the end: what a file of this stream begins with; empty where its first bytes are right already."""
        return self._renderer.head()

    async def events(self) -> AsyncGenerator[Sequence[Event], None]:
        """Sound, words and outline, in the order they should be sent. Raises what went wrong."""
        self._metrics.gauge(figures.STREAMS, 1, *self._labels)
        outcome: Outcome = "failed"
        try:
            async with aclosing(self._speak()) as spoken:
                async for events in spoken:
                    yield events
            if not self._frames:
                raise Invalid("There is nothing in the text that can be said.", code="nothing_to_say")
            rest = await self._sound(self._renderer.finish)
            if rest.data:
                yield [rest]
            outcome = "completed"
        except BacklineError as error:
            self.record.error_code = error.code
            self._log.warning("tts.error", code=error.code)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            outcome = "client_left" if self.record.outcome == "running" else self.record.outcome
            raise
        except Exception as error:
            self.record.error_code = "internal_error"
            self._log.error("tts.error", code="internal_error", exc_info=error)
            raise
        finally:
            self._end(outcome)

    def cancelled(self) -> None:
        """The client asked to stop: what follows is not a client that left."""
        self.record.outcome = "cancelled"

    async def _speak(self) -> AsyncGenerator[list[Event], None]:
        state = await self._host.open(self.plan.voice.id)
        async for unit, last in self._units:
            begin_s = self._joiner.next_unit(last=last)
            if unit.pause_seconds:
                pause = self._joiner.push(silence(round(unit.pause_seconds * self._source_hz)))
                begin_s += unit.pause_seconds
                async for events in self._render(pause):
                    yield events
            if not unit.spoken.text:
                continue
            self._note(unit, last=last)
            params = SpeechParams(self._language(unit), self.plan.speed * unit.speed, self.plan.emotion)
            source = self._host.stream(unit.spoken.text, state, params, self._frames / self._source_hz)
            async with aclosing(source) as made:
                async for blocks in self._timed(made):
                    words = self._words(blocks, unit, begin_s)
                    if words:
                        yield words
                    async for events in self._render(self._joiner.push(_samples(blocks))):
                        yield events
        async for events in self._render(self._joiner.finish()):
            yield events

    def _note(self, unit: Unit, *, last: bool) -> None:
        if not self.record.languages:
            spent_ms = round(self._preparation.spent_seconds * 1000, 3)
            self._log.debug("tts.normalization_done", t_norm_ms=spent_ms, language=unit.language)
            self._log.debug("tts.chunking_decision", chunking=self._preparation.chunking, single=last)
            self._log.debug("tts.inference_started", engine=self.plan.engine, speaker=self.plan.voice.id)
        if unit.language not in self.record.languages:
            self.record.languages.append(unit.language)

    async def _timed(
        self, made: AsyncGenerator[Sequence[SpeechBlock], None]
    ) -> AsyncGenerator[Sequence[SpeechBlock], None]:
        """Count the time spent waiting for the engine, and its tokens."""
        while True:
            asked = monotonic()
            blocks = await anext(made, None)
            self.record.t_infer_ms += (monotonic() - asked) * 1000
            if blocks is None:
                return
            for block in blocks:
                if block.tokens:
                    self.record.input_tokens = (self.record.input_tokens or 0) + block.tokens.read
                    self.record.output_tokens = (self.record.output_tokens or 0) + block.tokens.written
            yield blocks

    async def _render(self, samples: Samples) -> AsyncGenerator[list[Event], None]:
        """Encode in slices, on a worker where that is work; the shorter stream goes first.

        Nothing is sent before there is a sound: an engine that has no word for a character may give silence for it.
        """
        if self._unheard is not None:
            self._unheard.append(samples)
            if not samples.any():
                return
            samples, self._unheard = np.concatenate(self._unheard), None
        at = 0
        while at < len(samples):
            part = samples[at : at + self._slice_frames()]
            at += len(part)
            events: list[Event] = []
            if self._outline:
                values = self._outline.push(part)
                if values:
                    events.append(Outline(round(self._outline_s, 3), self._outline.step_seconds, values))
                    self._outline_s += len(values) * self._outline.step_seconds
            sound = await self._sound(partial(self._renderer.push, part))
            self._frames += len(part)
            self.record.audio_seconds = round(self._frames / self._source_hz, 6)
            if sound.data:
                events.append(sound)
            if events:
                yield events

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
        now = monotonic()
        self.record.t_encode_ms += (now - began) * 1000
        if data:
            self.record.audio_bytes += len(data)
            self.record.chunks_sent += 1
            if self.record.ttfb_ms is None:
                self._first_audio(now - self._started)
        return Sound(data)

    def _first_audio(self, seconds: float) -> None:
        self.record.ttfb_ms = round(seconds * 1000, 3)
        self._metrics.observe(figures.FIRST_AUDIO, seconds, *self._labels)
        self._log.info("tts.first_audio_emitted", t_first_chunk_ms=self.record.ttfb_ms, format=self.record.format)

    def _words(self, blocks: Iterable[SpeechBlock], unit: Unit, begin_s: float) -> list[Event]:
        words: list[Event] = []
        for block in blocks:
            for word in block.words:
                start, end = unit.spoken.source_of(word.source_start, word.source_end)
                text = unit.spoken.text[word.source_start : word.source_end]
                words.append(
                    SpokenWord(text, round(begin_s + word.start_s, 3), round(begin_s + word.end_s, 3), start, end)
                )
        return words

    def _language(self, unit: Unit) -> str:
        """What was found in the text may be more than the voice speaks; then it reads on in its own language."""
        languages = self.plan.voice.languages
        for candidate in (unit.language, unit.language.partition("-")[0]):
            if candidate in languages:
                return candidate
        return languages[0]

    def _end(self, outcome: Outcome) -> None:
        record = self.record
        record.outcome = outcome
        record.t_norm_ms = self._preparation.spent_seconds * 1000
        record.t_total_ms = self.elapsed_ms()
        self._metrics.gauge(figures.STREAMS, -1, *self._labels)
        self._metrics.count(figures.ENDED, *self._labels, outcome)
        self._metrics.count(figures.AUDIO, *self._labels, by=record.audio_seconds)
        if outcome != "completed":
            self._metrics.count(figures.ABORTED, *self._labels, outcome)
        if record.rtf is not None:
            self._metrics.observe(figures.REAL_TIME_FACTOR, record.rtf, *self._labels)
        self._log.info(
            "tts.stream_completed",
            user_id=record.owner_id,
            outcome=outcome,
            speaker=record.voice,
            format=record.format,
            stream=record.stream,
            model_version=record.model_version,
            t_norm_ms=round(record.t_norm_ms, 3),
            t_infer_ms=round(record.t_infer_ms, 3),
            t_first_chunk_ms=record.ttfb_ms,
            t_encode_ms=round(record.t_encode_ms, 3),
            t_total_ms=record.t_total_ms,
            audio_bytes=record.audio_bytes,
            audio_seconds=record.audio_seconds,
            chunks_sent=record.chunks_sent,
            rtf=record.rtf,
            credits_consumed=record.credits_consumed,
        )
        self._on_end(self)


def _samples(blocks: Sequence[SpeechBlock]) -> Samples:
    if len(blocks) == 1:
        return blocks[0].samples
    return np.concatenate([block.samples for block in blocks])
