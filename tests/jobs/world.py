"""Jobs on a real database, with hooks that leave a trace in it, and loops to run them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from backline.clock import Clock, utc_now
from backline.db.database import Database, Tx
from backline.jobs import repository
from backline.jobs.hints import Hints
from backline.jobs.job import Data, Job, JobEvent, JobState
from backline.jobs.kinds import InProcess, JobKind, JobKinds, Work
from backline.jobs.loop import JobLoop, LoopOptions
from backline.jobs.queue import Jobs, Order

QUICK = LoopOptions(lease_seconds=1.5, local=8, poll_seconds=0.1, stop_seconds=5)
"""Short leases, so that a test of what comes after them is short."""


async def make_trace(database: Database) -> None:
    async with database.write() as tx:
        await tx.execute(text("CREATE TABLE IF NOT EXISTS trace (job_id TEXT, what TEXT)"))


async def leave(tx: Tx, job: Job, what: str) -> None:
    await tx.execute(text("INSERT INTO trace VALUES (:job, :what)"), {"job": job.id, "what": what})


async def hold(tx: Tx, job: Job) -> str:
    await leave(tx, job, "hold")
    return f"job:{job.id}"


async def finish(tx: Tx, job: Job, result: Data) -> Data:
    await leave(tx, job, "finish")
    return {**result, "finished": True}


async def release(tx: Tx, job: Job) -> None:
    await leave(tx, job, "release")


async def trace(database: Database, job_id: str) -> list[str]:
    async with database.read() as tx:
        rows = await tx.execute(text("SELECT what FROM trace WHERE job_id = :job"), {"job": job_id})
        return sorted(rows.scalars())


async def echo(work: Work) -> Data:
    return dict(work.job.input)


def kind_of(work: Any = None, name: str = "echo", **fields: Any) -> JobKind:
    """A kind whose hooks leave a trace."""
    if work is None or callable(work):
        work = InProcess(work or echo)
    fields = {"hold": hold, "finish": finish, "release": release, "retry_seconds": 0.05, **fields}
    return JobKind(name, work, **fields)


class World:
    """One process's part in it: its own connections, hints and loop."""

    def __init__(self, database: Database, kinds: tuple[JobKind, ...], clock: Clock = utc_now) -> None:
        self.database = database
        self.jobs = Jobs(database, JobKinds(kinds), Hints(), clock)

    async def submit(self, kind: str = "echo", owner: str = "anna", **fields: Any) -> Job:
        return await self.jobs.submit(Order(kind, owner, fields.pop("input", {"n": 1}), **fields))

    async def get(self, job: Job) -> Job:
        async with self.database.read() as tx:
            found = await repository.get(tx, job.id)
        assert found is not None
        return found

    async def events(self, job: Job) -> list[JobEvent]:
        async with self.database.read() as tx:
            return await repository.events_after(tx, job.id, 0, 10_000)

    async def kinds_of_events(self, job: Job) -> list[str]:
        return [event.kind for event in await self.events(job)]

    async def until(self, job: Job, condition: Callable[[Job], bool], seconds: float = 20) -> Job:
        end = time.monotonic() + seconds
        while not condition(found := await self.get(job)):
            assert time.monotonic() < end, f"waited in vain: {found}"
            await asyncio.sleep(0.01)
        return found

    async def ended(self, job: Job, seconds: float = 20) -> Job:
        return await self.until(job, lambda found: found.terminal, seconds)

    async def running(self, job: Job) -> Job:
        return await self.until(job, lambda found: found.state is JobState.RUNNING)

    async def trace(self, job: Job) -> list[str]:
        return await trace(self.database, job.id)

    @asynccontextmanager
    async def loop(self, clock: Callable[[], float] = time.monotonic, **options: Any) -> AsyncIterator[JobLoop]:
        async with JobLoop(self.jobs, replace(QUICK, **options), clock).running() as loop:
            yield loop


async def soon(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while True:
        met = condition()
        if (await met) if not isinstance(met, bool) else met:
            return
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.01)
