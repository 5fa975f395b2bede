"""An engine in a thread of this process."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from functools import partial

from backline.compute.spool import BlockSpool
from backline.compute.workers import Workers, tell
from backline.engines.catalog import EngineEntry
from backline.engines.speech.base import SpeechBlock, SpeechCapabilities, SpeechEngine, SpeechParams, SpeechState
from backline.errors import BacklineError, Unavailable
from backline.observability.logging import get_logger


class InProcess:
    """One instance; made, called and closed in one thread that is its own."""

    def __init__(self, entry: EngineEntry) -> None:
        self._entry = entry
        self._engine: SpeechEngine | None = None
        self._capabilities: SpeechCapabilities | None = None
        self._cancel = threading.Event()
        self._thread = Workers(1, f"engine-{entry.name}")

    async def start(self) -> SpeechCapabilities:
        if self._capabilities is None:
            self._capabilities = await self._thread.run(self._load)
        return self._capabilities

    @property
    def load(self) -> int:
        return 0  # every instance has a thread to itself

    async def speak(
        self, text: str, state: SpeechState, params: SpeechParams, _order: float, spool: BlockSpool
    ) -> None:
        self._cancel = threading.Event()
        delivery = _Delivery(spool, asyncio.get_running_loop(), self._cancel)
        self._thread.post(partial(self._speak, text, state, params, delivery))
        await delivery.finished

    def cancel(self) -> None:
        self._cancel.set()

    async def close(self) -> None:
        if self._engine is not None:
            await self._thread.run(self._engine.close)
            self._engine = None
        self._thread.end()

    def _load(self) -> SpeechCapabilities:
        try:
            self._engine = self._entry.load()
            return self._engine.capabilities()
        except BacklineError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a library does, the other engines must come up
            get_logger().error("compute.engine_not_loaded", engine=self._entry.name, exc_info=error)
            raise Unavailable(
                f"The engine '{self._entry.name}' did not start. Run: backline doctor", code="engine_not_started"
            ) from None

    def _speak(self, text: str, state: SpeechState, params: SpeechParams, delivery: _Delivery) -> None:
        assert self._engine is not None
        try:
            if not state.data:
                state.data.update(self._engine.open(state.voice).data)
            for block in self._engine.synthesize(text, state, params, delivery.cancel):
                delivery.put(block)
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            delivery.end(error)
        else:
            delivery.end(None)


class _Delivery:
    """Carries blocks, and the end, from the engine's thread to the loop, waking the loop once for all that wait."""

    def __init__(self, spool: BlockSpool, loop: asyncio.AbstractEventLoop, cancel: threading.Event) -> None:
        self.cancel = cancel
        self.finished: asyncio.Future[None] = loop.create_future()
        self._spool = spool
        self._loop = loop
        self._blocks: deque[SpeechBlock] = deque()
        self._woken = False
        self._ended = False
        self._error: BaseException | None = None

    def put(self, block: SpeechBlock) -> None:
        self._blocks.append(block)
        self._wake()
        if self._spool.full:
            asyncio.run_coroutine_threadsafe(self._spool.wait_for_room(), self._loop).result()

    def end(self, error: BaseException | None) -> None:
        self._error, self._ended = error, True
        self._wake()

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            if not tell(self._loop, self._hand_over):
                self.cancel.set()

    def _hand_over(self) -> None:
        self._woken = False  # first: what comes from now on wakes the loop again
        ended = self._ended
        blocks = []
        while self._blocks:
            blocks.append(self._blocks.popleft())
        if blocks:
            self._spool.put(blocks)
        if ended and not self.finished.done():
            if self._error is None:
                self.finished.set_result(None)
            else:
                self.finished.set_exception(self._error)
