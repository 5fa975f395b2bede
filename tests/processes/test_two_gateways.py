"""Two gateways on one Redis and one Postgres: limits hold over both together."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from backline.web.sliding_window import MICROSECONDS
from backline.web.stream_limits import LEASE_SECONDS
from tests.databases import Postgres
from tests.processes.conftest import Process, running_process, until
from tests.web.redis_process import RedisProcess
from tests.web.some_key import PEPPER, make_key

pytestmark = pytest.mark.slow

LIMIT = 100


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisProcess]:
    with RedisProcess(tmp_path) as redis:
        yield redis


@pytest.fixture
def database(postgres: Postgres) -> Iterator[dict[str, Any]]:
    with postgres.fresh() as url:
        yield {"url": url}


@pytest.fixture
def gateways(tmp_path: Path, redis: RedisProcess, database: dict[str, Any]) -> Iterator[list[Process]]:
    with ExitStack() as stack:
        started = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            settings: dict[str, dict[str, Any]] = {
                "accounts": PEPPER,
                "database": database,
                "limits": {"redis_url": redis.url, "redis_patience_seconds": 2},  # other tests want the processors too
            }
            started.append(stack.enter_context(running_process(tmp_path / name, **settings)))
        yield started


async def passed(gateways: list[Process], key: str, requests: int) -> int:
    """How many of so many requests pass, spread over the gateways and sent together."""
    turns = asyncio.Semaphore(20)
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=gateway.address, headers={"X-API-Key": key}))
            for gateway in gateways
        ]

        async def ask(number: int) -> int:
            async with turns:
                return (await clients[number % len(clients)].get("/v1/models", timeout=30)).status_code

        statuses = await asyncio.gather(*map(ask, range(requests)))
    assert set(statuses) <= {200, 429}
    return statuses.count(200)


def times_lost(gateways: list[Process]) -> int:
    return sum(gateway.log.read_text().count("limits.redis_lost") for gateway in gateways)


def times_back(gateways: list[Process]) -> int:
    return sum(gateway.log.read_text().count("limits.redis_back") for gateway in gateways)


def let_pass(redis: RedisProcess, seconds: float) -> None:
    """For Redis, time is what a counter says its window began: earlier is later."""
    with Redis.from_url(redis.url) as client:
        for key in client.scan_iter("backline:rate:*"):
            client.hincrby(key, "start", -round(seconds * MICROSECONDS))


def test_of_a_thousand_requests_exactly_the_limit_passes(gateways: list[Process], database: dict[str, Any]) -> None:
    key = make_key(database=database, requests_per_minute=LIMIT)
    assert asyncio.run(passed(gateways, key, 1000)) == LIMIT
    assert times_lost(gateways) == 0


def test_ten_windows_of_overload(gateways: list[Process], redis: RedisProcess, database: dict[str, Any]) -> None:
    key = make_key(database=database, requests_per_minute=LIMIT)
    count = 0
    for _ in range(50):
        count += asyncio.run(passed(gateways, key, 40))
        let_pass(redis, 12)
    assert 8 * LIMIT <= count <= 10 * LIMIT + LIMIT
    assert times_lost(gateways) == 0


def test_while_redis_is_away_or_hangs_each_counts_alone(
    gateways: list[Process], redis: RedisProcess, database: dict[str, Any]
) -> None:
    first, second, third = (make_key(database=database, requests_per_minute=10) for _ in range(3))
    redis.stop()
    assert asyncio.run(passed(gateways, first, 60)) == 20
    assert times_lost(gateways) == 2
    redis.start()
    until(lambda: times_back(gateways) == 2)
    assert asyncio.run(passed(gateways, second, 60)) == 10
    redis.hang()
    assert asyncio.run(passed(gateways, third, 60)) == 20
    assert times_lost(gateways) == 4
    redis.go_on()
    until(lambda: times_back(gateways) == 4)
    assert asyncio.run(passed(gateways, second, 60)) == 0


def test_the_streams_of_a_killed_gateway_are_free_again_soon(gateways: list[Process], database: dict[str, Any]) -> None:
    key = make_key(database=database, max_streams=2)
    body = {"text": "x" * 1000, "format": "pcm", "stream": True}  # 20 s
    one, two = gateways
    with ExitStack() as stack:
        clients = [
            stack.enter_context(httpx.Client(base_url=gateway.address, headers={"X-API-Key": key}, timeout=30))
            for gateway in gateways
        ]
        for _ in range(2):
            running = stack.enter_context(clients[0].stream("POST", "/v1/tts/generate", json=body))
            assert running.status_code == 200

        def refused() -> bool:
            answer = clients[1].post("/v1/tts/generate", json={"text": "x", "format": "pcm"})
            assert answer.status_code in (200, 429)
            return answer.status_code == 429

        time.sleep(LEASE_SECONDS + 1)
        assert refused()
        one.signal(signal.SIGKILL, whole_group=True)
        one.ended()
        assert refused()
        until(lambda: not refused(), LEASE_SECONDS + 2)
    assert two.popen.poll() is None
