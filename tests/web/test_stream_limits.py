"""Streams at once: in memory, over two servers on one Redis, and when one of them dies or Redis goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from redis import Redis

from backline.errors import Busy
from backline.observability.metrics import MetricsInMemory
from backline.web.redis_link import open_link
from backline.web.stream_limits import StreamLimits, StreamPlace
from tests.web.redis_process import RedisProcess


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisProcess]:
    with RedisProcess(tmp_path) as redis:
        yield redis


@asynccontextmanager
async def server(redis: RedisProcess, lease_seconds: float = 9.0) -> AsyncIterator[StreamLimits]:
    link = open_link(redis.url, MetricsInMemory())
    limits = StreamLimits(link, lease_seconds)
    yield limits
    await limits.close()
    await link.close()


async def begun(limits: StreamLimits, count: int, limit: int | None = None) -> list[StreamPlace]:
    places = [limits.place("a", count if limit is None else limit) for _ in range(count)]
    for place in places:
        await place.take()
    return places


async def full(limits: StreamLimits, limit: int) -> bool:
    place = limits.place("a", limit)
    try:
        await place.take()
    except Busy:
        return True
    place.leave()
    return False


@pytest.fixture(params=["in memory", "in Redis"])
async def limits(request: pytest.FixtureRequest, redis: RedisProcess) -> AsyncIterator[StreamLimits]:
    async with AsyncExitStack() as stack:
        yield StreamLimits() if request.param == "in memory" else await stack.enter_async_context(server(redis))


async def test_one_more_is_refused_until_one_has_ended(limits: StreamLimits) -> None:
    places = await begun(limits, 3)
    assert await full(limits, 3)
    assert not await full(limits, 4)
    await limits.place("b", 1).take()
    for place in places:
        place.leave()
        assert not await full(limits, 3)


async def test_a_refused_stream_and_one_that_ends_twice_free_nobody_elses_place(limits: StreamLimits) -> None:
    (place,) = await begun(limits, 1)
    refused = limits.place("a", 1)
    with pytest.raises(Busy, match="At most 1 streams") as refusal:
        await refused.take()
    assert refusal.value.code == "too_many_streams"
    refused.leave()
    refused.leave()
    assert await full(limits, 1)
    place.leave()
    (again,) = await begun(limits, 1)
    place.leave()
    assert await full(limits, 1)
    again.leave()


async def test_many_at_once_are_counted_exactly(limits: StreamLimits) -> None:
    outcomes = await asyncio.gather(*(limits.place("a", 7).take() for _ in range(40)), return_exceptions=True)
    assert [outcome for outcome in outcomes if outcome is not None and not isinstance(outcome, Busy)] == []
    assert outcomes.count(None) == 7


async def test_whoever_is_not_limited_has_any_number(limits: StreamLimits) -> None:
    for _ in range(100):
        place = limits.place("local", None)
        await place.take()
        place.leave()


async def test_a_stream_whose_client_leaves_while_it_asks_is_not_counted(redis: RedisProcess) -> None:
    async with server(redis) as limits:
        assert not await full(limits, 1)
        for steps in range(30):
            asking = asyncio.create_task(limits.place("a", 1).take())
            for _ in range(steps):
                await asyncio.sleep(0)
            if not asking.cancel():
                break  # it was quicker
            await asyncio.gather(asking, return_exceptions=True)
            await asyncio.sleep(0.01)
            assert not await full(limits, 1)
        assert steps > 2


async def test_two_servers_count_together(redis: RedisProcess) -> None:
    async with server(redis) as one, server(redis) as other:
        here, there = await begun(one, 2, 4), await begun(other, 2, 4)
        assert await full(one, 4)
        assert await full(other, 4)
        there[0].leave()
        await asyncio.sleep(0.1)
        assert not await full(one, 4)
        for place in (*here, there[1]):
            place.leave()


async def test_a_stream_that_runs_keeps_its_place_and_one_of_a_dead_server_frees_it(redis: RedisProcess) -> None:
    async with server(redis, 0.6) as alive, server(redis, 0.6) as dead:
        await begun(alive, 1, 2)
        await begun(dead, 1, 2)
        assert await full(alive, 2)
        assert dead._renewing is not None
        dead._renewing.cancel()  # as if the process were gone
        await asyncio.sleep(1.5)
        assert not await full(alive, 2)
        assert await full(alive, 1)


async def test_a_server_that_ends_gives_its_places_back(redis: RedisProcess) -> None:
    async with server(redis) as stays:
        async with server(redis) as ends:
            await begun(ends, 2)
            assert await full(stays, 2)
        assert not await full(stays, 2)


async def test_without_redis_each_server_counts_its_own_and_puts_them_back_later(redis: RedisProcess) -> None:
    async with server(redis, 0.9) as one, server(redis, 0.9) as other:
        await begun(one, 1, 2)
        redis.stop()
        assert not await full(one, 2)
        await begun(one, 1, 2)
        assert await full(one, 2)
        assert not await full(other, 2)
        redis.start()
        async with asyncio.timeout(20):
            while not await full(other, 2):
                await asyncio.sleep(0.05)


async def test_nothing_stays_behind_in_redis(redis: RedisProcess) -> None:
    async with server(redis) as limits:
        (place,) = await begun(limits, 1)
        with Redis.from_url(redis.url) as client:
            assert 0 < client.pttl("backline:streams:a") <= 9000
            place.leave()
            await asyncio.sleep(0.1)
            assert client.keys("backline:streams:*") == []
