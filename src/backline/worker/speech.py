"""What this worker speaks for gateways elsewhere: what is let in, and how it goes away without cutting anybody off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

from backline.compute.base import SpeechEngineStatus, SpeechHost
from backline.compute.runner import Runner
from backline.compute.speech_wire import SpeechOrder, serve
from backline.engines.catalog import CATALOG, EngineEntry, EngineKind
from backline.engines.speech.base import SpeechBlock, SpeechParams, SpeechState
from backline.errors import BacklineError, Busy, NotFound, Unavailable
from backline.observability.logging import get_logger
from backline.observability.metrics import Metric, Metrics
from backline.settings import SpeechSettings

UNITS = Metric("backline_worker_units_total", "Units of speech, by how they ended.", ("engine", "outcome"))
FRAMES = Metric("backline_worker_speech_frames_total", "Samples of speech, at the engine's rate.", ("engine",))

_LOADING_SECONDS = 20.0
"""How long somebody who asks for the engines waits for those that are being loaded."""

_LOADING = "The engine is being loaded."
_RETRY_SECONDS = 1.0


def _nothing() -> None:
    pass


class WorkerSpeech:
    """runner: its engines are brought up when somebody first asks for one: a worker of jams never pays for them.

    max_waiting: units of new streams that may wait for an instance; one more is refused. Those of a stream that was
    heard already are not, up to `max_units` at once, all together.
    """

    def __init__(
        self,
        runner: Runner,
        metrics: Metrics,
        catalog: tuple[EngineEntry, ...] = CATALOG,
        *,
        max_waiting: int = 64,
        max_units: int = 512,
    ) -> None:
        self.draining = False
        self.on_fault: Callable[[], None] = _nothing
        """Called once, when a GPU is broken: nothing new is taken then, and whoever runs the worker ends it."""
        self._runner = runner
        self._metrics = metrics
        self._names = {entry.name: entry for entry in catalog if entry.kind is EngineKind.SPEECH}
        self._max_waiting = max_waiting
        self._max_units = max_units
        self._starting: asyncio.Task[None] | None = None
        self._waiting: set[object] = set()
        self._units = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def count(self) -> int:
        """Units under way."""
        return self._units

    async def engines(self) -> Sequence[SpeechEngineStatus]:
        """All of the catalogue. One that is still being loaded after a while is told as it stands, and one that failed
        is tried again."""
        await asyncio.wait((self._start(again=True),), timeout=_LOADING_SECONDS)
        known = {status.entry.name: status for status in self._runner.speech_engines()}
        return [known.get(name, SpeechEngineStatus(entry, None, _LOADING)) for name, entry in self._names.items()]

    def check(self, order: SpeechOrder) -> None:
        """Whether it is let in now. Raises NotFound, Unavailable `draining` and Busy `worker_full`."""
        if order.engine not in self._names:
            raise NotFound(f"There is no speech engine '{order.engine}'.", code="engine_not_found")
        if self.draining:
            raise Unavailable(
                "The worker is going away. Try again.", code="draining", retry_after_seconds=_RETRY_SECONDS
            )
        new = order.order <= 0
        if self._units >= self._max_units or (new and len(self._waiting) >= self._max_waiting):
            raise Busy("The worker has no room now.", code="worker_full", retry_after_seconds=_RETRY_SECONDS)

    async def speak(self, order: SpeechOrder) -> AsyncGenerator[bytes, None]:
        """The answer to an order that was let in: chunks of `speech_wire`."""
        self._units += 1
        self._idle.clear()
        place = object()
        self._waiting.add(place)
        try:
            async with aclosing(serve(_Place(self, order.engine, place), order)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            self._waiting.discard(place)
            self._units -= 1
            if not self._units:
                self._idle.set()

    def begins(self, place: object) -> None:
        """It waits no more."""
        self._waiting.discard(place)

    async def host(self, engine: str) -> SpeechHost:
        """Waits for it while it is being loaded. Raises Unavailable."""
        if all(status.entry.name != engine for status in self._runner.speech_engines()):
            await asyncio.wait((self._start(),))
        return self._runner.speech(engine)

    def ended(self, engine: str, outcome: str, frames: int) -> None:
        self._metrics.count(UNITS, engine, outcome)
        self._metrics.count(FRAMES, engine, by=frames)

    def fault(self, engine: str) -> None:
        """The GPU of an engine is broken: what runs may end, nothing new begins."""
        if not self.draining:
            get_logger().error("worker.gpu_fault", engine=engine)
            self.draining = True
            self.on_fault()

    async def drain(self) -> None:
        """Take nothing new; returns once all that runs has ended."""
        self.draining = True
        await self._idle.wait()

    async def close(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait((self._starting,))

    def _start(self, *, again: bool = False) -> asyncio.Task[None]:
        if self._starting is None or (again and self._starting.done()):
            self._starting = asyncio.create_task(self._runner.start())
        return self._starting


@asynccontextmanager
async def open_worker_speech(
    settings: SpeechSettings, metrics: Metrics, catalog: tuple[EngineEntry, ...], runner: Runner | None = None
) -> AsyncIterator[WorkerSpeech]:
    """runner: None makes one, which is closed at the end; another's owner hears of its faults himself."""
    own = runner is None
    if runner is None:
        runner = Runner(settings.workers, settings.stall_seconds, catalog, on_fault=lambda engine: speech.fault(engine))
    speech = WorkerSpeech(runner, metrics, catalog, max_units=settings.max_streams)
    try:
        yield speech
    finally:
        await speech.close()
        if own:
            await runner.close()


class _Place:
    """What one unit is served by: its engine, once that is there."""

    def __init__(self, speech: WorkerSpeech, engine: str, place: object) -> None:
        self._speech = speech
        self._engine = engine
        self._place = place

    async def stream(
        self, text: str, state: SpeechState, params: SpeechParams, order: float, on_turn: Callable[[], None]
    ) -> AsyncGenerator[Sequence[SpeechBlock], None]:
        def begins() -> None:
            self._speech.begins(self._place)
            on_turn()

        outcome, frames = "cancelled", 0
        try:
            host = await self._speech.host(self._engine)
            async with aclosing(host.stream(text, state, params, order, begins)) as made:
                async for blocks in made:
                    frames += sum(len(block.samples) for block in blocks)
                    yield blocks
            outcome = "done"
        except BacklineError:
            outcome = "failed"
            raise
        finally:
            self._speech.ended(self._engine, outcome, frames)
