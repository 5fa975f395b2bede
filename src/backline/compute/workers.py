"""Threads that do what a loop hands them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class Workers:
    """As many threads as `count`, begun when they are needed; what is handed over first is begun first.

    The standard executor makes a second future, a condition and a semaphore for each call, which costs more than to
    hand it over, and a stream does that several times a second.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._work: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._ended = False

    def run(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """What it returns or raises, on the running loop. Once begun it is not interrupted."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self.post(partial(_do, loop, future, function))
        return future

    def post(self, work: Callable[[], object]) -> None:
        """The same without an answer; it must not raise. Raises RuntimeError after the end."""
        if self._ended:
            raise RuntimeError("These workers have ended.")
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._loop, name=f"{self._name}-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._work.put(work)

    def end(self) -> None:
        """Once all that was handed over is done."""
        self._ended = True
        for _ in self._threads:
            self._work.put(None)

    def _loop(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            del work  # what it holds must not live until the next one comes


def tell(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> bool:
    """Call it on the loop, from another thread. False: the loop is closed, and nobody listens any more."""
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        return False
    return True


def _do(loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], function: Callable[[], T]) -> None:
    if future.cancelled():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
        tell(loop, partial(_fail, future, error))
    else:
        tell(loop, partial(_fulfil, future, result))


def _fulfil(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
