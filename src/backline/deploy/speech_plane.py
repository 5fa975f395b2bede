"""What the class of speech does where it runs: engines, and units of text spoken by them for gateways elsewhere.

It knows nothing of the platform that it runs on; what it needs of that is handed in.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from fastapi import FastAPI

from backline.compute.on_modal.stream_items import first_item, new_run, next_item
from backline.compute.runner import Runner
from backline.compute.speech_wire import order_from_data
from backline.compute.wire import Frame, capabilities_as_data, pack
from backline.engines.catalog import CATALOG, EngineEntry, Isolation
from backline.engines.speech.base import SpeechCapabilities
from backline.errors import BacklineError, NotFound, Unavailable
from backline.observability.logging import get_logger
from backline.observability.metrics import MetricsInMemory
from backline.release import VERSION
from backline.settings import Settings
from backline.worker.app import create_worker
from backline.worker.speech import WorkerSpeech

Tell = Callable[[str, Mapping[str, Any]], Awaitable[object]]
"""Takes an engine's name, and its capabilities with the release that tells them, to where gateways look first."""

_TELL_SECONDS = 10.0
_DRAIN_SECONDS = 5.0


def _nothing() -> None:
    pass


class SpeechPlane:
    """engines: names of the catalogue. First `import_engines`, then `load`, then anything, `close` last."""

    def __init__(self, engines: Sequence[str], settings: Settings, catalog: tuple[EngineEntry, ...] = CATALOG) -> None:
        row, chosen = settings.modal.speech, "workers" in settings.speech.model_fields_set
        self._catalog = tuple(entry for entry in catalog if entry.name in engines)
        self._settings = settings.speech.model_copy(
            update={
                "worker_url": None,
                "worker_key": settings.speech.worker_key or settings.jam.worker_key,
                # A container sees all cores of its machine, and has what its row says.
                "workers": settings.speech.workers if chosen else max(1, int(row.cpu)),
            }
        )
        self._lazy = settings.modal.planes == "one"  # the server beside it has the engines
        self._units = row.max_inputs
        self._on_drain: Callable[[], None] = _nothing
        self._draining: asyncio.Task[None] | None = None
        self._runner: Runner
        self._speech: WorkerSpeech

    def import_engines(self) -> None:
        """The libraries of engines that run in this process, so that a picture of its memory has them."""
        for entry in self._catalog:
            if entry.isolation is not Isolation.THREAD:
                continue
            try:
                importlib.import_module(entry.path.partition(":")[0])
            except Exception as error:  # noqa: BLE001 - whatever a library does; `load` finds it again and tells
                get_logger().warning("modal.engine_not_imported", engine=entry.name, error_type=type(error).__name__)

    async def load(self, on_drain: Callable[[], None] = _nothing, tell: Tell | None = None) -> None:
        """Bring the engines up. One that fails is reported to whoever asks for it, and does not keep the others down.

        on_drain: called once, in a thread, when a GPU is broken, so that nothing new comes here.
        """
        self._on_drain = on_drain
        speech = self._settings
        self._runner = Runner(speech.workers, speech.stall_seconds, self._catalog, on_fault=self._fault)
        self._speech = WorkerSpeech(
            self._runner, MetricsInMemory(), self._catalog, max_waiting=self._units, max_units=self._units
        )
        self._speech.on_fault = self._drain
        if self._lazy:
            return
        await self._runner.start()
        for status in self._runner.speech_engines():
            if tell is not None and status.capabilities is not None:
                await self._told(tell, status.entry.name, status.capabilities)

    async def describe(self, engine: str) -> dict[str, Any]:
        """{"capabilities": {...}}, or {"error": ...} as `BacklineError.as_data` has it."""
        known = {status.entry.name: status for status in await self._speech.engines()}
        if engine not in known:
            return {"error": NotFound(f"There is no speech engine '{engine}'.", code="engine_not_found").as_data()}
        status = known[engine]
        if status.capabilities is None:
            reason = status.reason or f"The engine '{engine}' cannot speak now."
            return {"error": Unavailable(reason, code="engine_not_started").as_data()}
        return {"capabilities": capabilities_as_data(status.capabilities)}

    async def stream(self, order: object, call_id: str) -> AsyncGenerator[bytes, None]:
        """Items of `stream_items`. Raises nothing: what goes wrong is the last frame. Closing it stops the engine."""
        run = new_run()
        yield first_item(run, call_id)
        try:
            asked = order_from_data(order)
            self._speech.check(asked)
        except BacklineError as error:
            yield next_item(run, pack(Frame.ERROR, 0, error.as_data()))
            return
        async with aclosing(self._speech.speak(asked)) as chunks:
            async for chunk in chunks:
                await self._until_drained()
                yield next_item(run, chunk)

    def web(self) -> FastAPI:
        """The same engines as a worker's API. Raises Invalid without the worker's key."""
        return create_worker(None, self._catalog, speech=self._settings, runner=self._runner)

    async def close(self) -> None:
        if self._draining is not None:
            await asyncio.gather(self._draining, return_exceptions=True)
        await self._speech.close()
        await self._runner.close()

    async def _told(self, tell: Tell, engine: str, capabilities: SpeechCapabilities) -> None:
        try:
            async with asyncio.timeout(_TELL_SECONDS):
                await tell(engine, {"release": VERSION, "capabilities": capabilities_as_data(capabilities)})
        except Exception as error:  # noqa: BLE001 - whoever does not find it there asks for it
            get_logger().warning("modal.engine_not_told", engine=engine, error_type=type(error).__name__)

    async def _until_drained(self) -> None:
        """Whoever hears of a fault asks again at once: by then nothing may come here any more."""
        if self._draining is not None:
            await asyncio.wait((self._draining,), timeout=_DRAIN_SECONDS)

    def _fault(self, engine: str) -> None:
        self._speech.fault(engine)

    def _drain(self) -> None:
        get_logger().error("modal.draining", reason="gpu_fault")
        self._draining = asyncio.create_task(asyncio.to_thread(self._on_drain))
