"""Several instances of one engine, shared by all requests in turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Protocol

from backline.compute.spool import BlockSpool
from backline.compute.turns import Turns
from backline.engines.faults import GPU_FAULT, gpu_fault, is_gpu_fault
from backline.engines.speech.base import SpeechBlock, SpeechCapabilities, SpeechParams, SpeechState
from backline.errors import BacklineError, Failed, Invalid
from backline.observability.logging import get_logger


def _nothing() -> None:
    pass


class Instance(Protocol):
    """One engine, in a place where it can be called; one call at a time, but `cancel` at any moment."""

    async def start(self) -> SpeechCapabilities:
        """Bring it up unless it is up already. Raises a BacklineError when it cannot be."""
        ...

    @property
    def load(self) -> int:
        """Calls under way in the same place; the least loaded instance is taken first."""
        ...

    async def speak(self, text: str, state: SpeechState, params: SpeechParams, order: float, spool: BlockSpool) -> None:
        """Fill the spool; return when the engine has finished or has stopped after `cancel`."""
        ...

    def cancel(self) -> None:
        """End the running `speak` soon; harmless when there is none."""
        ...

    async def close(self) -> None: ...


class InstancePool:
    """A `SpeechHost` over some instances. patience_seconds: how long an engine may be silent. on_fault: called when an
    engine's GPU is broken, before its listener is told."""

    def __init__(
        self, instances: Sequence[Instance], patience_seconds: float, on_fault: Callable[[], None] = _nothing
    ) -> None:
        self._on_fault = on_fault
        self._instances = instances
        self._idle = list(instances)
        self._turns = Turns(len(instances))
        self._patience_seconds = patience_seconds
        self._running: set[asyncio.Task[None]] = set()
        self._capabilities: SpeechCapabilities | None = None

    async def start(self) -> SpeechCapabilities:
        try:
            self._capabilities, *_ = await asyncio.gather(*(instance.start() for instance in self._instances))
        except BaseException:
            await self.close()
            raise
        return self._capabilities

    async def open(self, voice: str) -> SpeechState:
        """A state is plain data and a voice is known by its name: no instance is needed for it."""
        if all(known.id != voice for known in self._started().voices):
            raise Invalid(f"There is no voice '{voice}'.", code="unknown_voice")
        return SpeechState(voice=voice)

    async def stream(
        self,
        text: str,
        state: SpeechState,
        params: SpeechParams,
        order: float,
        on_turn: Callable[[], None] = _nothing,
    ) -> AsyncGenerator[Sequence[SpeechBlock], None]:
        spool = BlockSpool(self._started().rate_hz)
        await self._turns.take(order)
        on_turn()
        instance = min(self._idle, key=lambda idle: idle.load)
        self._idle.remove(instance)
        try:
            await instance.start()  # at once, unless it has crashed
        except BaseException:
            self._give_back(instance)
            raise
        speaking = asyncio.create_task(self._speak(instance, text, state, params, order, spool))
        self._running.add(speaking)
        speaking.add_done_callback(self._running.discard)
        try:
            while blocks := await spool.take(self._patience_seconds):
                yield blocks
        finally:
            if not speaking.done():
                spool.abandon()
                instance.cancel()

    async def close(self) -> None:
        for instance in self._instances:
            instance.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=5.0)
        await asyncio.gather(*(instance.close() for instance in self._instances))

    async def _speak(
        self,
        instance: Instance,
        text: str,
        state: SpeechState,
        params: SpeechParams,
        order: float,
        spool: BlockSpool,
    ) -> None:
        """Outlives its listener, so that an instance is given back only when it has really stopped."""
        try:
            if not spool.abandoned:  # the listener may have left before this task had its first turn
                await instance.speak(text, state, params, order, spool)
            spool.end()
        except BacklineError as error:
            if error.code == GPU_FAULT:
                self._on_fault()
            spool.end(error)
        except Exception as error:  # noqa: BLE001 - whatever an engine does, its listener must be told
            get_logger().error("compute.engine_failed", exc_info=error)
            if is_gpu_fault(error):
                self._on_fault()
                spool.end(gpu_fault())
            else:
                spool.end(Failed("The engine failed. Try again.", code="engine_failed", retryable=True))
        finally:
            self._give_back(instance)

    def _give_back(self, instance: Instance) -> None:
        self._idle.append(instance)
        self._turns.give_back()

    def _started(self) -> SpeechCapabilities:
        if self._capabilities is None:
            raise Failed("The engine was asked before it was started.")
        return self._capabilities
