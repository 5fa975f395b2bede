"""Requests of a minute: in memory, in a Redis, and while that Redis is gone."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from backline.errors import Busy
from backline.gateway.limits import require_redis
from backline.observability.logging import configure_logging
from backline.observability.metrics import MetricsInMemory
from backline.settings import Settings
from backline.web.middleware import ANSWER_HEADERS
from backline.web.rate_limit import RateLimiter
from backline.web.redis_link import RedisLink, open_link
from backline.web.sliding_window import MICROSECONDS
from tests.web.redis_process import Mute, RedisProcess

SENTINEL = "redis+sentinel://localhost:26379/mymaster"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure_logging("INFO", stream)
    yield stream
    configure_logging("INFO", io.StringIO())


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisProcess]:
    with RedisProcess(tmp_path) as redis:
        yield redis


@pytest.fixture
async def link(redis: RedisProcess) -> AsyncIterator[RedisLink]:
    link = open_link(redis.url, MetricsInMemory())
    yield link
    await link.close()


def a_request() -> dict[str, Any]:
    return {"type": "http", ANSWER_HEADERS: {}}


def told(scope: dict[str, Any]) -> dict[str, int]:
    return {name.decode().removeprefix("ratelimit-"): int(value) for name, value in scope[ANSWER_HEADERS].items()}


def events(log: io.StringIO) -> list[str]:
    return [json.loads(line)["event"] for line in log.getvalue().splitlines()]


async def passed(limiter: RateLimiter, times: int, limit: int = 100) -> int:
    return sum([(await limiter.hit("caller", "a", limit)).passed for _ in range(times)])


def let_pass(redis: RedisProcess, seconds: float) -> None:
    """For Redis, time is what the counter says its window began: earlier is later."""
    with Redis.from_url(redis.url) as client:
        for key in client.scan_iter("backline:rate:*"):
            client.hincrby(key, "start", -round(seconds * MICROSECONDS))


async def back(link: RedisLink) -> None:
    async with asyncio.timeout(20):
        while link.away:
            await asyncio.sleep(0.01)


async def test_the_answer_tells_the_window_and_a_refusal_when_to_come_back() -> None:
    metrics = MetricsInMemory()
    limiter = RateLimiter(metrics)
    for remaining in (1, 0):
        scope = a_request()
        await limiter.admit(scope, "caller", "a", 2)
        assert (told(scope)["limit"], told(scope)["remaining"]) == (2, remaining)
        assert 59 <= told(scope)["reset"] <= 61
    scope = a_request()
    with pytest.raises(Busy, match="More than 2 requests a minute") as refused:
        await limiter.admit(scope, "caller", "a", 2)
    assert refused.value.code == "rate_limited"
    assert refused.value.retry_after_seconds == told(scope)["reset"]
    assert told(scope)["remaining"] == 0
    assert metrics.totals["backline_limits_refused_total", ("caller",)] == 1


async def test_of_two_windows_the_tighter_is_told() -> None:
    limiter = RateLimiter(MetricsInMemory())
    for limits in ((10, 5), (5, 10)):
        scope = a_request()
        for limit in limits:
            await limiter.admit(scope, f"window of {limit}", f"{limits}", limit)
        assert (told(scope)["limit"], told(scope)["remaining"]) == (5, 4)


async def test_a_socket_counts_and_has_no_headers() -> None:
    limiter = RateLimiter(MetricsInMemory())
    await limiter.admit({"type": "websocket"}, "caller", "a", 1)
    with pytest.raises(Busy):
        await limiter.admit({"type": "websocket"}, "caller", "a", 1)


async def test_windows_of_one_key_by_different_names_are_not_shared(link: RedisLink) -> None:
    for shared in (None, link):
        limiter = RateLimiter(MetricsInMemory(), shared)
        assert (await limiter.hit("caller", "a", 1)).passed
        assert (await limiter.hit("address", "a", 1)).passed
        assert not (await limiter.hit("address", "a", 1)).passed


async def test_what_comes_at_once_is_counted_exactly_by_two_servers_on_one_redis(redis: RedisProcess) -> None:
    links = [open_link(redis.url, MetricsInMemory()) for _ in range(2)]
    limiters = [RateLimiter(MetricsInMemory(), link) for link in links]
    windows = await asyncio.gather(*(limiters[number % 2].hit("caller", "a", 100) for number in range(200)))
    assert sum(window.passed for window in windows) == 100
    assert sorted(window.remaining for window in windows if window.passed) == [*range(100)]
    for link in links:
        await link.close()


async def test_ten_windows_of_overload_in_redis(redis: RedisProcess, link: RedisLink) -> None:
    limiter = RateLimiter(MetricsInMemory(), link)
    count = 0
    for _ in range(100):
        count += await passed(limiter, 20)
        let_pass(redis, 6)
    assert 900 <= count <= 10 * 100 + 100


async def test_redis_and_memory_come_to_the_same_answers(redis: RedisProcess, link: RedisLink) -> None:
    here, there = RateLimiter(MetricsInMemory()), RateLimiter(MetricsInMemory(), link)
    for _ in range(7):
        assert (await here.hit("caller", "a", 5)).remaining == (await there.hit("caller", "a", 5)).remaining
    let_pass(redis, 90)
    window = await there.hit("caller", "a", 5)
    assert (window.previous, window.current, window.remaining) == (5, 1, 2)


async def test_what_redis_keeps_goes_away_by_itself(redis: RedisProcess, link: RedisLink) -> None:
    await RateLimiter(MetricsInMemory(), link).hit("address", "192.0.2.1", 5)
    with Redis.from_url(redis.url) as client:
        assert 0 < client.ttl("backline:rate:address:192.0.2.1") <= 120


async def test_without_redis_a_server_counts_alone_and_goes_on_with_it_when_it_is_back(
    redis: RedisProcess, log: io.StringIO
) -> None:
    metrics = MetricsInMemory()
    link = open_link(redis.url, metrics)
    limiter = RateLimiter(metrics, link)
    assert await passed(limiter, 60) == 60
    redis.stop()
    assert await passed(limiter, 200) == 100
    assert link.away
    assert metrics.totals["backline_limits_alone", ()] == 1
    redis.start()
    await back(link)
    assert await passed(limiter, 200) == 100  # it forgot the 60
    assert metrics.totals["backline_limits_alone", ()] == 0
    assert metrics.totals["backline_limits_redis_lost_total", ()] == 1
    assert events(log) == ["limits.redis_lost", "limits.redis_back"]
    await link.close()


async def test_a_redis_that_is_away_from_the_beginning(redis: RedisProcess) -> None:
    redis.stop()
    link = open_link(redis.url, MetricsInMemory())
    assert await passed(RateLimiter(MetricsInMemory(), link), 200) == 100
    await link.close()


async def test_a_redis_that_never_answers_is_asked_once(log: io.StringIO) -> None:
    mute = Mute()
    link = open_link(mute.url, MetricsInMemory())
    limiter = RateLimiter(MetricsInMemory(), link)
    windows = await asyncio.gather(*(limiter.hit("caller", "a", 10) for _ in range(50)))
    assert sum(window.passed for window in windows) == 10
    assert link.away
    assert await passed(limiter, 1000, 10) == 0
    await asyncio.sleep(1.5)  # it was asked again meanwhile
    assert link.away
    assert events(log) == ["limits.redis_lost"]
    await link.close()
    mute.close()


@pytest.mark.slow
async def test_a_redis_that_takes_no_writes_is_away(redis: RedisProcess) -> None:
    link = open_link(redis.url, MetricsInMemory())
    limiter = RateLimiter(MetricsInMemory(), link)
    with Redis.from_url(redis.url) as client:
        client.replicaof("127.0.0.1", "1")
        assert await passed(limiter, 200) == 100
        await asyncio.sleep(1.2)
        assert link.away
        client.replicaof("NO", "ONE")
    await back(link)
    await link.close()


async def test_a_server_that_was_busy_does_not_take_redis_for_lost(redis: RedisProcess, link: RedisLink) -> None:
    limiter = RateLimiter(MetricsInMemory(), link)
    await limiter.hit("caller", "a", 5)
    asking = asyncio.create_task(limiter.hit("caller", "a", 5))
    for _ in range(5):
        await asyncio.sleep(0)
        time.sleep(0.15)  # noqa: ASYNC251 - this is what it is about
    assert (await asking).current == 2
    assert not link.away


@pytest.mark.parametrize(
    "url", ["http://localhost", "redis://localhost", "localhost:6379", "redis", "", "redis://host:port/0"]
)
def test_an_address_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="no address of a Redis with its port") as refused:
        open_link(url, MetricsInMemory())
    assert not url or url not in str(refused.value).replace("redis://host:6379/0", "").replace("Redis", "")


@pytest.mark.parametrize("url", ["rediss://:secret@localhost:6380/1", "redis+unix:///run/redis.sock", SENTINEL])
def test_the_addresses_of_the_manual_are_known(url: str) -> None:
    open_link(url, MetricsInMemory())


def test_a_missing_package_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio.retry", None)
    with pytest.raises(ValueError, match=r"pip install 'backline\[redis\]'"):
        require_redis(Settings(_env_file=None, limits={"redis_url": "redis://localhost"}))
