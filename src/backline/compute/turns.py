"""Who goes first when there is more work than workers.

Streams are ordered by the seconds of sound they have been given already, so a request that has heard nothing yet goes
before one that is minutes ahead of its listener (measured: a quarter of the time to first sound at 50 clients).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A bounded number of places, handed to the waiter with the smallest order; equals go first come, first served."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiters: list[tuple[float, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()

    @property
    def waiting(self) -> int:
        return len(self._waiters)

    async def take(self, order: float) -> None:
        if self._free > 0:  # a free place implies that nobody waits
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiters, (order, next(self._arrivals), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the place was handed over in the same moment
                self.give_back()
            raise

    def give_back(self) -> None:
        while self._waiters:
            _, _, turn = heapq.heappop(self._waiters)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    @asynccontextmanager
    async def turn(self, order: float) -> AsyncIterator[None]:
        await self.take(order)
        try:
            yield
        finally:
            self.give_back()
