"""How many streams a caller may have at once, over all servers that share a Redis.

A running stream is a lease: a member of the caller's sorted set whose score is the moment it ends. Its server renews it
while it runs; a server that dies renews nothing, and its streams are free again `LEASE_SECONDS` later at the latest.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

from backline.errors import Busy
from backline.ids import new_id

if TYPE_CHECKING:
    from backline.web.redis_link import RedisLink

LEASE_SECONDS = 9.0

_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then
    return 0
end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
"""ARGV: limit, milliseconds of a lease, lease. Answers whether there was room."""

_RENEW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for place = 2, #ARGV do
    redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[place])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
"""
"""ARGV: milliseconds of a lease, leases. Also puts back what Redis has lost."""

_LEAVE = "return redis.call('ZREM', KEYS[1], unpack(ARGV))"


class StreamPlace:
    """Room for one stream of a caller: take it before the stream begins, leave it however it ends."""

    def __init__(self, limits: StreamLimits, caller: str, limit: int | None) -> None:
        self._limits = limits
        self.caller = caller
        self.limit = limit
        self.lease = "" if limit is None else new_id("lease")

    async def take(self) -> None:
        """Raises Busy (`too_many_streams`)."""
        if self.limit is not None:
            await self._limits.take(self)

    def leave(self) -> None:
        if self.limit is not None:
            self._limits.leave(self)


class StreamLimits:
    """Counted in memory, or in Redis; by this process alone while Redis is away."""

    def __init__(self, link: RedisLink | None = None, lease_seconds: float = LEASE_SECONDS) -> None:
        self._link = link
        self._lease_seconds = lease_seconds
        self._lease_ms = round(lease_seconds * 1000)
        self._held: defaultdict[str, set[str]] = defaultdict(set)
        self._leaving: defaultdict[str, set[asyncio.Task[None]]] = defaultdict(set)
        self._renewing: asyncio.Task[None] | None = None

    def place(self, caller: str, limit: int | None) -> StreamPlace:
        """limit: None for a caller who may have any number."""
        return StreamPlace(self, caller, limit)

    async def take(self, place: StreamPlace) -> None:
        assert place.limit is not None
        full = None if self._link is None else await self._full_in_redis(self._link, place)
        held = self._held.get(place.caller, ())
        if len(held) >= place.limit if full is None else full:
            raise Busy(
                f"At most {place.limit} streams at once. Try again when one has ended.",
                code="too_many_streams",
                retry_after_seconds=1,
            )
        self._held[place.caller].add(place.lease)

    def leave(self, place: StreamPlace) -> None:
        held = self._held.get(place.caller)
        if held is None or place.lease not in held:
            return
        held.remove(place.lease)
        if not held:
            del self._held[place.caller]
        if self._link is not None:
            self._give_back(self._link, place)

    async def close(self) -> None:
        """Give back what is still held. The link must still be open."""
        if self._renewing is not None:
            self._renewing.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewing
        if self._link is not None:
            for caller, leases in self._held.items():
                await self._link.run(_LEAVE, _key(caller), *leases)
        await asyncio.gather(*(task for tasks in self._leaving.values() for task in tasks))

    async def _full_in_redis(self, link: RedisLink, place: StreamPlace) -> bool | None:
        """Whether there is no room, else one is taken; None while nobody can tell."""
        assert place.limit is not None
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew(link))
        while leaving := self._leaving.get(place.caller):  # who comes back after a stream finds its place free
            await asyncio.wait(leaving)
        try:
            answer = await link.run(_TAKE, _key(place.caller), place.limit, self._lease_ms, place.lease)
        except asyncio.CancelledError:  # nobody knows whether it is counted
            self._give_back(link, place)
            raise
        return None if answer is None else answer == 0

    def _give_back(self, link: RedisLink, place: StreamPlace) -> None:
        async def leave() -> None:
            await link.run(_LEAVE, _key(place.caller), place.lease)

        task = asyncio.create_task(leave())
        self._leaving[place.caller].add(task)
        task.add_done_callback(lambda task: self._left(place.caller, task))

    def _left(self, caller: str, task: asyncio.Task[None]) -> None:
        self._leaving[caller].discard(task)
        if not self._leaving[caller]:
            del self._leaving[caller]

    async def _renew(self, link: RedisLink) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            for caller in list(self._held):
                if leases := self._held.get(caller):
                    await link.run(_RENEW, _key(caller), self._lease_ms, *leases)


def _key(caller: str) -> str:
    return f"backline:streams:{caller}"
