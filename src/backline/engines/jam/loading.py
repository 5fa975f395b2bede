"""The engine of a host: loaded once, when the first session wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from backline.clock import Monotonic
from backline.engines.jam.base import JamCapabilities, JamEngine
from backline.engines.jam.crew import Crew
from backline.errors import BacklineError, Unavailable
from backline.observability.logging import get_logger


class Loading:
    """engine, capabilities, seconds: None until it is loaded; seconds is how long that took."""

    def __init__(self, load: Callable[[], JamEngine], name: str, clock: Monotonic) -> None:
        self.engine: JamEngine | None = None
        self.capabilities: JamCapabilities | None = None
        self.seconds: float | None = None
        self._load = load
        self._name = name
        self._clock = clock
        self._thread = Crew(1, f"jam-engine-{name}")
        self._attempt: asyncio.Task[BacklineError | None] | None = None

    async def wait(self, patience_seconds: float, on_loaded: Callable[[JamEngine], None]) -> None:
        """Until it is loaded, or so long; an attempt that failed is told to all who waited for it, and the next call
        makes another. on_loaded: called once, before anybody is told."""
        if self.engine is not None:
            return
        if self._attempt is None or self._attempt.done():
            self._attempt = asyncio.create_task(self._try(on_loaded))
        done, _ = await asyncio.wait({self._attempt}, timeout=patience_seconds)
        for attempt in done:
            if (failure := attempt.result()) is not None:
                raise failure

    async def close(self) -> None:
        if self._attempt is not None:
            self._attempt.cancel()
        if self.engine is not None:
            await self._thread.run(0, self.engine.close)
            self.engine = None
        await self._thread.close()

    async def _try(self, on_loaded: Callable[[JamEngine], None]) -> BacklineError | None:
        begun = self._clock()
        try:
            engine, self.capabilities = await self._thread.run(0, self._make)
        except BacklineError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever a library does, the worker must answer
            get_logger().error("jam.engine_not_loaded", engine=self._name, exc_info=error)
            detail = f"The engine '{self._name}' did not start. Try again, or run: backline doctor"
            return Unavailable(detail, code="engine_not_started")
        self.seconds = self._clock() - begun
        self.engine = engine
        on_loaded(engine)
        return None

    def _make(self) -> tuple[JamEngine, JamCapabilities]:
        engine = self._load()
        return engine, engine.capabilities()
