"""Durable jobs: how soon one starts, how many a second, and what waiting costs. On SQLite and on a real Postgres.

The reference in the same run is the bare database under the same driver: transactions of one small insert, one after
the other, each committed. A job takes at least three (made, claimed, finished).
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop
from sqlalchemy import text
from tests.databases import Postgres, fresh_sqlite

from backline.clock import utc_now
from backline.compute.remote_twin import RemoteTwin
from backline.db.database import Database
from backline.jobs.hints import Hints
from backline.jobs.job import Data
from backline.jobs.kinds import InProcess, JobKind, JobKinds, Remotely, Work
from backline.jobs.loop import JobLoop, LoopOptions
from backline.jobs.queue import Jobs, Order
from backline.observability.logging import configure_logging
from benchmarks.tools.servers import machine

STARTS, JOBS, IDLE, IDLE_SECONDS = 60, 400, 1000, 15.0
BARS = {"sqlite": 15, "postgresql": 20}


class Bench:
    def __init__(self, database: Database) -> None:
        self.begun: dict[str, float] = {}
        self.left = 0
        self.done = asyncio.Event()
        twin = RemoteTwin({"sleep": _sleep})
        kinds = (
            JobKind("empty", InProcess(self._work)),
            JobKind("waiting", Remotely("twin", twin, "sleep"), queue="remote"),
        )
        self.twin = twin
        self.jobs = Jobs(database, JobKinds(kinds), Hints())

    async def _work(self, work: Work) -> Data:
        self.begun[work.job.id] = time.perf_counter()
        self.left -= 1
        if not self.left:
            self.done.set()
        return {}

    @asynccontextmanager
    async def loop(self) -> AsyncIterator[None]:
        options = LoopOptions(local=16, owner_limit=10_000, queue_limit=10_000)
        async with JobLoop(self.jobs, options).running():
            yield

    async def starts(self) -> list[float]:
        """Milliseconds from the order to the first line of its work, one at a time."""
        times = []
        async with self.loop():
            for _ in range(STARTS):
                self.left, self.done = 1, asyncio.Event()
                ordered = time.perf_counter()
                job = await self.jobs.submit(Order("empty", "anna", {}))
                await self.done.wait()
                times.append((self.begun[job.id] - ordered) * 1000)
                await asyncio.sleep(0.02)
        return sorted(times)

    async def rate(self) -> float:
        """Jobs a second from the first order to the last end, ordered while others run."""
        began = time.perf_counter()
        async with self.loop():
            for _ in range(JOBS // 8):
                await asyncio.gather(*(self.jobs.submit(Order("empty", f"user{n}", {})) for n in range(8)))
            await self._end()
        return JOBS / (time.perf_counter() - began)

    async def idle(self, kind: str, **order: Any) -> float:
        """Share of one core while 1,000 jobs wait: for their time to come, or for work elsewhere."""
        for first in range(0, IDLE, 50):
            async with self.jobs.database.write() as tx:
                for _ in range(first, first + 50):
                    await self.jobs.create(tx, Order(kind, "berta", {}, **order))
        async with self.loop():
            await asyncio.sleep(25)  # until all are taken on, and the pauses between polls have grown to their length
            assert kind == "empty" or len(self.twin.spawned) == IDLE
            before, began = _cpu_seconds(), time.perf_counter()
            await asyncio.sleep(IDLE_SECONDS)
            share = (_cpu_seconds() - before) / (time.perf_counter() - began)
        await self.twin.close()
        return share

    async def _end(self) -> None:
        """Until every job is finished, work and row."""
        query = text("SELECT count(*) FROM jobs WHERE kind = 'empty' AND state IN ('queued', 'running')")
        left = 1
        while left:
            await asyncio.sleep(0.02)
            async with self.jobs.database.read() as tx:
                left = (await tx.execute(query)).scalar_one()


async def _sleep(_job: str, _attempt: int, _data: Any, _report: Any) -> dict[str, Any]:
    await asyncio.sleep(3600)
    return {}


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def reference(database: Database) -> float:
    """Transactions a second."""
    async with database.write() as tx:
        await tx.execute(text("CREATE TABLE bare (n INTEGER)"))
    began = time.perf_counter()
    for n in range(300):
        async with database.write() as tx:
            await tx.execute(text("INSERT INTO bare VALUES (:n)"), {"n": n})
    return 300 / (time.perf_counter() - began)


async def measure(url: str) -> None:
    database = Database.open(url)
    kind, bar = database.dialect, BARS[database.dialect]
    bare = await reference(database)
    times = await Bench(database).starts()
    rate = await Bench(database).rate()
    print(
        f"{kind:11} start p50 {statistics.median(times):6.1f} ms (bar {bar})   p95 {times[int(0.95 * STARTS)]:6.1f} ms"
    )
    print(f"{kind:11} {rate:6.0f} jobs/s (bar 150)   bare transactions {bare:6.0f}/s   ratio {rate / bare:.2f}")
    later = await Bench(database).idle("empty", run_after=utc_now() + timedelta(hours=1))
    remote = await Bench(database).idle("waiting")
    print(f"{kind:11} 1,000 idle: {later:6.2%} of a core for their time, {remote:6.2%} for work elsewhere (bar 2 %)")
    await database.close()


@contextmanager
def databases() -> Iterator[list[str]]:
    server = Postgres()
    try:
        with TemporaryDirectory() as folder, server.fresh() as url:
            yield [fresh_sqlite(Path(folder)), url]
    finally:
        server.close()


def main() -> None:
    configure_logging("WARNING")
    print(f"{machine()}; durable jobs")
    with databases() as urls:
        for url in urls:
            uvloop.run(measure(url))  # as `serve` does


if __name__ == "__main__":
    main()
