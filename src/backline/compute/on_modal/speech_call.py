"""One unit of speech as a call: its chunks as they come, and its end when nobody listens any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from modal.exception import ExecutionError, FunctionTimeoutError, InternalFailure, NotFoundError, RemoteError

from backline.clock import monotonic
from backline.compute.on_modal.connection import ModalApp
from backline.compute.on_modal.failures import MODAL_ERRORS, failure
from backline.compute.on_modal.stream_items import chunks_of, split
from backline.compute.speech_wire import SILENCE_SECONDS, lost
from backline.errors import BacklineError, Unavailable
from backline.observability.logging import get_logger

_FIRST_SECONDS = 150.0
"""How long a container may take to begin; longer than any listener has patience."""

_LOOK_SECONDS = 1.0
"""How often it is looked whether Modal answers at all, while a call has not begun."""

_SEE_OFF_SECONDS = 900.0
"""How long a call that nobody listens to is waited for, until it begins and can be cancelled."""

_CLOSE_SECONDS = 5.0
_AHEAD = 4
"""Items that are kept here for a slow reader; the others wait at Modal."""

_OF_THE_CALL = (RemoteError, ExecutionError, InternalFailure, FunctionTimeoutError)
"""Modal is there, and the call has failed."""


class SpeechCalls:
    """app: shared. check_reached: raises when Modal does not answer; asked while a call has not begun. first_seconds:
    how long a container may take to begin."""

    def __init__(self, app: ModalApp, check_reached: Callable[[], None], first_seconds: float = _FIRST_SECONDS) -> None:
        self._app = app
        self._check_reached = check_reached
        self._first_seconds = first_seconds
        self._leaving: set[asyncio.Task[None]] = set()

    async def chunks(self, order: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Closing the generator cancels the call; nobody waits for that.

        Raises Unavailable `remote_starting`, `worker_lost`, and what `failures` says.
        """
        call = _Call(self._app, order)
        try:
            run = await call.begun(self._first_seconds, self._check_reached)
            async with aclosing(chunks_of(run, call.items())) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            leaving = asyncio.create_task(call.leave())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=_CLOSE_SECONDS)
        for leaving in self._leaving:
            leaving.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)


class _Call:
    """The SDK's generator lives in a task of its own: only by reading on can a call that has not begun be found, to be
    cancelled."""

    def __init__(self, app: ModalApp, order: Mapping[str, Any]) -> None:
        self._over = False
        self._app = app
        self._engine = order["engine"]
        self._call_id: asyncio.Future[tuple[bytes, str]] = asyncio.get_running_loop().create_future()
        self._items: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=_AHEAD)
        self._failure: BacklineError | None = None
        self._reading = asyncio.create_task(self._read(dict(order)))

    async def begun(self, seconds: float, check_reached: Callable[[], None]) -> bytes:
        """The mark of its run."""
        until = monotonic() + seconds
        while (rest := until - monotonic()) > 0:
            await asyncio.wait(
                (self._call_id, self._reading), timeout=min(rest, _LOOK_SECONDS), return_when=asyncio.FIRST_COMPLETED
            )
            if self._call_id.done() or self._reading.done():
                break
            check_reached()
        if self._call_id.done():
            return self._call_id.result()[0]
        if self._reading.done():
            raise self._failure or lost()
        raise Unavailable(
            "The machines that speak are still being started. Try again in a moment.",
            code="remote_starting",
            retry_after_seconds=10,
        )

    async def items(self) -> AsyncGenerator[bytes, None]:
        while True:
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    item = await self._items.get()
            except TimeoutError:
                raise lost() from None
            if item is None:
                if self._failure is not None:
                    raise self._failure
                return
            yield item

    async def leave(self) -> None:
        """Nobody reads it any more: it is cancelled, as soon as it can be, unless it is over."""
        try:
            await asyncio.wait(
                (self._call_id, self._reading), timeout=_SEE_OFF_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if self._call_id.done() and not self._over:
                call = self._app.call(self._call_id.result()[1])
                await self._app.ask(call.cancel.aio)
        except BacklineError as error:
            get_logger().warning("modal.call_not_cancelled", code=error.code)
        finally:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self, order: dict[str, Any]) -> None:
        try:
            items = self._app.speech().stream.remote_gen.aio(order)
            async with aclosing(items):
                run, call_id = split(await anext(items))
                self._call_id.set_result((run, call_id.decode()))
                async for item in items:
                    await self._items.put(item)
        except BacklineError as error:
            self._failure = error
        except StopAsyncIteration:
            self._failure = lost()
        except Exception as error:  # noqa: BLE001 - what went wrong over there arrives as whatever it was
            self._failure = self._meaning(error)
        self._over = True
        await self._items.put(None)

    def _meaning(self, error: Exception) -> BacklineError:
        if isinstance(error, NotFoundError):
            self._app.forget()
        get_logger().warning("modal.speech_failed", engine=self._engine, error_type=type(error).__name__)
        if isinstance(error, _OF_THE_CALL) or not isinstance(error, MODAL_ERRORS):
            return lost()
        return lost() if self._call_id.done() else failure(error, self._app.name)
