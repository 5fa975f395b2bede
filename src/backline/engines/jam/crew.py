"""Threads that work for the sessions of one host: what is needed soonest is done first."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

from backline.errors import Unavailable

T = TypeVar("T")
_Work: TypeAlias = tuple[float, int, Callable[[], object], asyncio.Future[Any]]
_PATIENCE_SECONDS = 10.0


class Crew:
    """As many threads as `count`, begun when they are needed. They do not keep the process alive."""

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._work: list[_Work] = []
        self._arrivals = itertools.count()
        self._news = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._ended = False

    def run(self, order: float, function: Callable[[], T]) -> asyncio.Future[T]:
        """What it returns or raises, on the running loop. order: when it is needed; equals go first come, first served.

        Once begun it is not interrupted; what was cancelled before is not begun. After the end it raises Unavailable.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._news:
            if self._ended:
                raise _ended()
            work: _Work = (order, next(self._arrivals), partial(_do, loop, future, function), future)
            heapq.heappush(self._work, work)
            self._news.notify()
        if len(self._threads) < self._count:
            self._begin_thread()
        return future

    async def close(self) -> None:
        """What is under way is finished, unless it takes very long; what waits is not begun."""
        with self._news:
            self._ended = True
            self._news.notify_all()
            waiting, self._work = self._work, []
        for *_, future in waiting:
            _fail(future, _ended())
        for thread in self._threads:
            await asyncio.to_thread(thread.join, _PATIENCE_SECONDS)

    def _begin_thread(self) -> None:
        thread = threading.Thread(target=self._loop, name=f"{self._name}-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _loop(self) -> None:
        while (work := self._take()) is not None:
            work()
            del work  # what it holds must not live until the next one comes

    def _take(self) -> Callable[[], object] | None:
        with self._news:
            while not self._work and not self._ended:
                self._news.wait()
            return None if self._ended else heapq.heappop(self._work)[2]


@dataclass(frozen=True, slots=True)
class Crews:
    """bars: plays and encodes. loops: hears loops, which may take seconds; no bar waits behind that."""

    bars: Crew
    loops: Crew

    @classmethod
    def of(cls, threads: int) -> Crews:
        return cls(Crew(threads, "jam-bars"), Crew(threads, "jam-loops"))

    async def close(self) -> None:
        await self.bars.close()
        await self.loops.close()


def _ended() -> Unavailable:
    return Unavailable("This worker is going away.", code="draining")


def _do(loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], function: Callable[[], T]) -> None:
    if future.cancelled():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
        _tell(loop, partial(_fail, future, error))
    else:
        _tell(loop, partial(_fulfil, future, result))


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        return  # the loop is closed, and nobody listens any more


def _fulfil(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
