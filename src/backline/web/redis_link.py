"""The Redis that several servers share, and what happens without it.

A command has 100 ms, or what the settings say. When one fails, the server counts alone from then on, asks every second
whether Redis is back, and goes on with it when it is. No request waits for that: one that comes meanwhile is answered
from memory at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from limits.aio.storage import RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.errors import ConfigurationError
from limits.storage import storage_from_string

from backline.clock import monotonic
from backline.observability.logging import get_logger
from backline.observability.metrics import Metric, Metrics

CONNECTIONS = 8
"""Commands at once; more wait their turn. A burst would else open a connection each, and time out over that."""

RETRY_SECONDS = 1.0
"""How often a Redis that went away is looked for."""

REDIS_LOST = Metric("backline_limits_redis_lost_total", "Times that Redis went away, and limits were counted alone.")
ALONE = Metric("backline_limits_alone", "1 while limits are counted by this process alone because Redis is away.")

_PROBE = "redis.call('SET', KEYS[1], '1', 'PX', 1000)"


class RedisLink:
    """storage: of the `limits` library, whose addresses (TLS, sentinel) and client this uses. patience_seconds: how
    long one command may take."""

    def __init__(self, storage: RedisStorage, metrics: Metrics, patience_seconds: float) -> None:
        self._client: Any = cast(RedispyBridge, storage.bridge).get_connection()
        self._scripts: dict[str, Any] = {}
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._metrics = metrics
        self._patience_seconds = patience_seconds
        self._returning: asyncio.Task[None] | None = None

    @property
    def away(self) -> bool:
        return self._returning is not None

    async def run(self, script: str, key: str, *arguments: str | int) -> Any | None:
        """What a Lua script answers that touches this key alone; None while Redis is away."""
        async with self._turns:
            if self._returning is not None:
                return None
            try:
                return await self._run(script, key, arguments)
            except Exception as error:  # noqa: BLE001 - whatever the client raises, no request fails over it
                self._lost(error)
                return None

    async def close(self) -> None:
        if self._returning is not None:
            self._returning.cancel()
            with suppress(asyncio.CancelledError):
                await self._returning
        await self._client.aclose()

    async def _run(self, script: str, key: str, arguments: Sequence[str | int]) -> Any:
        registered = self._scripts.get(script)
        if registered is None:
            registered = self._scripts[script] = self._client.register_script(script)
        async with _patience(self._patience_seconds):
            return await registered(keys=[key], args=arguments)

    def _lost(self, error: Exception) -> None:
        if self._returning is None:
            get_logger().warning("limits.redis_lost", reason=type(error).__name__)
            self._metrics.count(REDIS_LOST)
            self._metrics.gauge(ALONE, 1)
            self._returning = asyncio.create_task(self._return())

    async def _return(self) -> None:
        """Ends when Redis takes a write again; connections from before are not used any more."""
        lost = monotonic()
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            try:
                async with _patience(self._patience_seconds):
                    await self._client.connection_pool.disconnect()
                await self._run(_PROBE, "backline:probe", ())
            except Exception:  # noqa: BLE001, S112 - it was logged when it began
                continue
            self._metrics.gauge(ALONE, -1)
            self._returning = None
            get_logger().info("limits.redis_back", away_seconds=round(monotonic() - lost, 1))
            return


def open_link(url: str, metrics: Metrics, patience_seconds: float = 0.1) -> RedisLink:
    """url: `redis://`, `rediss://`, `redis+unix://` or `redis+sentinel://`. Connects when it is first used.
    Raises ValueError when it is no such address, or the package `redis` is missing."""
    try:
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError:
        raise ValueError("BACKLINE_LIMITS__REDIS_URL needs the package redis: pip install 'backline[redis]'.") from None
    options: dict[str, Any] = {
        "implementation": "redispy",
        "retry": Retry(NoBackoff(), 0),  # the library's own would hold a request for seconds
        "socket_timeout": None,  # the time is kept here, around the whole command
        "socket_connect_timeout": None,
    }
    try:
        storage = cast(RedisStorage, storage_from_string(f"async+{url}", **options))
    except (ConfigurationError, ValueError):
        raise ValueError(
            "BACKLINE_LIMITS__REDIS_URL is no address of a Redis with its port, such as redis://host:6379/0."
        ) from None
    return RedisLink(storage, metrics, patience_seconds)


@asynccontextmanager
async def _patience(seconds: float) -> AsyncIterator[None]:
    """Raises TimeoutError. The time runs in two halves, so that an answer which came while this process was busy, and
    both timers ran out, is still read before it is given up."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as timeout:
        half = loop.call_later(seconds / 2, lambda: timeout.reschedule(loop.time() + seconds / 2))
        try:
            yield
        finally:
            half.cancel()
