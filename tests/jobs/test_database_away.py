"""A database that goes away and comes back: work goes on, and what was lost meanwhile is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from backline.db.database import Database, Tx
from backline.errors import Unavailable
from backline.jobs.job import JobState
from tests.jobs.test_loop import Gate
from tests.jobs.world import QUICK, World, kind_of, make_trace, soon


class Leaving(Database):
    """Cannot be reached while `away`; after a commit, if `deaf`, its answer is lost."""

    away = False
    deaf = False

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        self._reach()
        async with super().read() as tx:
            yield tx

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Tx]:
        self._reach()
        async with super().write() as tx:
            yield tx
        if self.deaf:
            self.deaf = False
            self._reach(away=True)

    def _reach(self, *, away: bool = False) -> None:
        if self.away or away:
            raise Unavailable("The database cannot be reached.", code="database_unavailable")


@pytest.fixture
async def leaving(database_url: str) -> AsyncIterator[Leaving]:
    database = Leaving.open(database_url)
    await make_trace(database)
    yield database
    await database.close()


@pytest.mark.slow
async def test_for_a_moment_nothing_is_lost(leaving: Leaving, database: Database) -> None:
    gate = Gate()
    world, seen = World(leaving, (kind_of(gate),)), World(database, (kind_of(gate),))
    async with world.loop():
        job = await world.submit()
        await soon(lambda: gate.begun == 1)
        leaving.away = True
        gate.open.set()
        await asyncio.sleep(QUICK.lease_seconds * 2)  # nobody else is there to take it
        leaving.away = False
        ended = await seen.ended(job)
        assert (ended.state, ended.attempt) == (JobState.SUCCEEDED, 1)
        after = await world.submit()
        await seen.ended(after)
    assert await seen.trace(job) == ["finish", "hold"]


@pytest.mark.slow
async def test_for_long_another_does_the_work_and_the_late_result_is_refused(
    leaving: Leaving, database: Database
) -> None:
    gate = Gate()
    cut_off, other = World(leaving, (kind_of(gate),)), World(database, (kind_of(),))
    async with cut_off.loop() as loop:
        job = await cut_off.submit()
        await soon(lambda: gate.begun == 1)
        leaving.away = True
        async with other.loop():
            ended = await other.ended(job)
        assert gate.cancelled == 0  # work goes on: it cannot know
        gate.open.set()
        await asyncio.sleep(0.3)
        leaving.away = False
        await soon(lambda: loop.active == 0)
        assert (await other.get(job)) == ended
    assert ended.attempt == 2
    assert await other.trace(job) == ["finish", "hold"]


@pytest.mark.slow
async def test_work_that_has_lost_its_job_is_stopped_once_that_is_known(leaving: Leaving, database: Database) -> None:
    gate = Gate()
    cut_off, other = World(leaving, (kind_of(gate),)), World(database, (kind_of(),))
    async with cut_off.loop():
        job = await cut_off.submit()
        await soon(lambda: gate.begun == 1)
        leaving.away = True
        async with other.loop():
            await other.ended(job)
        leaving.away = False
        await soon(lambda: gate.cancelled == 1)


async def test_a_commit_whose_answer_is_lost_counts_once(leaving: Leaving, database: Database) -> None:
    gate = Gate()
    world, seen = World(leaving, (kind_of(gate),)), World(database, (kind_of(gate),))
    async with world.loop(lease_seconds=600, poll_seconds=60):
        job = await world.submit()
        await soon(lambda: gate.begun == 1)
        leaving.deaf = True
        gate.open.set()
        ended = await seen.ended(job)
        await asyncio.sleep(0.5)
    assert (ended.state, ended.attempt) == (JobState.SUCCEEDED, 1)
    assert await seen.trace(job) == ["finish", "hold"]
