"""Streams that are far ahead of their listeners give way to those whose listeners have heard nothing yet.

All of them are carried by one loop. Without this a beginner, who needs it for half a dozen short steps, would wait at
each of them for a round of everybody else.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from backline.clock import Monotonic, monotonic
from backline.compute.turns import Turns

_AHEAD_SECONDS = 1.0
"""Sound that a listener has in hand, from which on a stream gives way."""

_MOST_SECONDS = 0.05
"""The longest that one slice gives way: where there are always beginners, the others still go several times faster than
they are listened to."""


class Courtesy:
    """One for all streams of a loop."""

    def __init__(self) -> None:
        self.beginners = 0
        self.turns = Turns(1)
        self._none_begins = asyncio.Event()

    def begins(self) -> None:
        self.beginners += 1
        self._none_begins.clear()

    def has_begun(self) -> None:
        self.beginners -= 1
        if not self.beginners:
            self._none_begins.set()

    async def until_all_have_begun(self) -> None:
        """Or for `_MOST_SECONDS`."""
        if self.beginners:
            with suppress(TimeoutError):
                async with asyncio.timeout(_MOST_SECONDS):
                    await self._none_begins.wait()


class Manners:
    """One stream's: `begins` when its first words go to an engine, `has_begun` when it is heard or over."""

    def __init__(self, courtesy: Courtesy, now: Monotonic = monotonic) -> None:
        self._courtesy = courtesy
        self._now = now
        self._begins = False
        self._heard_since: float | None = None

    def begins(self) -> None:
        if not self._begins and self._heard_since is None:
            self._begins = True
            self._courtesy.begins()

    def has_begun(self) -> None:
        if self._heard_since is None:
            self._heard_since = self._now()
        if self._begins:
            self._begins = False
            self._courtesy.has_begun()

    async def give_way(self, delivered_seconds: float) -> None:
        """When far ahead: wait while others begin, and then for a turn. One slice is let through in each round of the
        loop, the stream that was given the least first."""
        if self._heard_since is None or delivered_seconds - (self._now() - self._heard_since) < _AHEAD_SECONDS:
            return
        await self._courtesy.until_all_have_begun()
        async with self._courtesy.turns.turn(delivered_seconds):
            await asyncio.sleep(0)
