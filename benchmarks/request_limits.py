"""What a limit costs a request: in memory and in Redis, one after the other and fifty at once; the room for a stream.

The reference is the `limits` library with its own storages, which answers yes or no; telling what is left is another
question there.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import chain
from pathlib import Path

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from tests.web.redis_process import RedisProcess

from backline.observability.metrics import MetricsInMemory
from backline.web.rate_limit import RateLimiter
from backline.web.redis_link import open_link
from backline.web.stream_limits import StreamLimits
from benchmarks.tools.servers import machine

LIMIT = 1_000_000
CALLS = 5000
BARS = {"memory": 0.05, "Redis": 0.5}

Call = Callable[[], Awaitable[object]]


async def times_ms(call: Call, together: int = 1) -> list[float]:
    """One for each call, in order of length."""

    async def in_turn() -> list[float]:
        times = []
        for _ in range(CALLS // together):
            began = time.perf_counter()
            await call()
            times.append(1000 * (time.perf_counter() - began))
        return times

    await in_turn()
    return sorted(chain.from_iterable(await asyncio.gather(*(in_turn() for _ in range(together)))))


def line(name: str, times: list[float], bar: float | None = None) -> str:
    p50, p95, p99 = (times[int(share * len(times))] for share in (0.5, 0.95, 0.99))
    met = "" if bar is None else f"   bar {bar} p50: {'met' if p50 < bar else 'NOT MET'}"
    return f"{name:44} {p50:8.4f} {p95:8.4f} {p99:8.4f}{met}"


async def measure(redis: RedisProcess) -> None:
    link = open_link(redis.url, MetricsInMemory())
    alone, shared = RateLimiter(MetricsInMemory()), RateLimiter(MetricsInMemory(), link)
    theirs = {
        "memory": SlidingWindowCounterRateLimiter(MemoryStorage()),
        "Redis": SlidingWindowCounterRateLimiter(RedisStorage(f"async+{redis.url}", implementation="redispy")),
    }
    item = RateLimitItemPerMinute(LIMIT)
    print(f"{'milliseconds':44} {'p50':>8} {'p95':>8} {'p99':>8}")
    for name, limiter in (("memory", alone), ("Redis", shared)):
        reference = theirs[name]
        print(line(f"{name}: ours, with what is left", await times_ms(partial(ours, limiter)), BARS[name]))
        print(line(f"{name}: limits, yes or no", await times_ms(partial(reference.hit, item, "a"))))
        print(line(f"{name}: limits, and what is left", await times_ms(partial(both, reference, item))))
    print(line("Redis: ours, 50 at once", await times_ms(partial(ours, shared), 50)))
    print(line("room for a stream, memory", await times_ms(partial(stream, StreamLimits()))))
    streams = StreamLimits(link)
    print(line("room for a stream, Redis", await times_ms(partial(stream, streams))))
    await streams.close()
    await link.close()


async def ours(limiter: RateLimiter) -> object:
    window = await limiter.hit("caller", "a", LIMIT)
    return window.remaining, window.more_after_seconds


async def both(limiter: SlidingWindowCounterRateLimiter, item: RateLimitItemPerMinute) -> object:
    return await limiter.hit(item, "a"), await limiter.get_window_stats(item, "a")


async def stream(limits: StreamLimits) -> None:
    place = limits.place("a", LIMIT)
    await place.take()
    place.leave()


async def flood() -> None:
    limiter = RateLimiter(MetricsInMemory())
    tracemalloc.start()
    for number in range(500_000):
        await limiter.hit("address", f"2001:db8:{number >> 16:x}:{number & 65535:x}::/64", 1200)
    print(f"memory after 500,000 addresses: {tracemalloc.get_traced_memory()[0] / 1e6:.1f} MB")
    tracemalloc.stop()


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory() as folder, RedisProcess(Path(folder)) as redis:
        asyncio.run(measure(redis))
    asyncio.run(flood())


if __name__ == "__main__":
    main()
