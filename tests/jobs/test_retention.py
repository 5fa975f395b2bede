"""Jobs that are over go in time, and no others."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from backline.clock import utc_now
from backline.credits.ledger import Ledger
from backline.credits.pricing import Price
from backline.db.database import Database, Tx
from backline.errors import NotFound
from backline.jobs import repository, retention
from backline.jobs.job import Job, JobEvent
from backline.jobs.models import job_events, jobs
from backline.jobs.retention import Retention
from tests.jobs.conftest import NewWorld
from tests.jobs.test_loop import Gate
from tests.jobs.world import World, kind_of

KEEP = timedelta(days=30)
LATER = utc_now() + timedelta(days=31)


def a_month_later(database: Database) -> Retention:
    return Retention(database, KEEP, clock=lambda: LATER)


async def ids(database: Database) -> list[str]:
    async with database.read() as tx:
        return sorted((await tx.execute(select(jobs.c.id))).scalars())


async def events(database: Database) -> int:
    async with database.read() as tx:
        return int((await tx.execute(select(func.count()).select_from(job_events))).scalar_one())


async def cancelled(world: World, **fields: str) -> Job:
    job = await world.submit(**fields)
    return await world.jobs.cancel(job.owner, job.id)


async def test_what_has_been_over_for_long_goes_with_its_events(new_world: NewWorld, database: Database) -> None:
    world = new_world()
    async with world.loop():
        over = await world.submit(key="k")
        await world.ended(over)
    assert await Retention(database, KEEP).sweep() == 0
    assert await a_month_later(database).sweep() == 1
    with pytest.raises(NotFound):
        await world.jobs.get("anna", over.id)
    assert await events(database) == 0
    assert (await world.submit(key="k")).id != over.id


async def test_what_is_not_over_stays_however_old_it_is(new_world: NewWorld, database: Database) -> None:
    gate = Gate()
    world = new_world(kind_of(gate))
    async with world.loop():
        running = await world.running(await world.submit())
        waiting = await world.submit(run_after=LATER)
        async with database.write() as tx:  # as if it had begun long ago
            await tx.execute(update(jobs).values(created=LATER - timedelta(days=365)))
        assert await a_month_later(database).sweep() == 0
        assert await ids(database) == sorted([running.id, waiting.id])
        gate.open.set()
        await world.ended(running)


async def test_one_whose_credit_is_still_held_stays_until_it_is_not(new_world: NewWorld, database: Database) -> None:
    ledger = Ledger()

    async def hold(tx: Tx, job: Job) -> str:
        await ledger.grant(tx, job.owner, 1000, idempotency_key=job.id, actor="test")
        await ledger.open(tx, job.owner, reference=job.id, price=Price("test", "second", 1), estimate=1)
        return job.id

    world = new_world(kind_of(hold=hold))  # whose release forgets the hold
    held, free = await cancelled(world), await cancelled(world, owner="berta")
    async with database.write() as tx:
        await ledger.release(tx, free.id)
    assert await a_month_later(database).sweep() == 1
    assert await ids(database) == [held.id]
    async with database.write() as tx:
        await ledger.release(tx, held.id)
    assert await a_month_later(database).sweep() == 1


async def test_many_go_in_batches_of_jobs_and_of_events(
    new_world: NewWorld, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_JOBS", 4)
    monkeypatch.setattr(retention, "_EVENTS", 10)
    sizes: list[int] = []
    remove = repository.remove

    async def counted(tx: Tx, job_ids: list[str]) -> int:
        sizes.append(len(job_ids))
        return await remove(tx, job_ids)

    monkeypatch.setattr(repository, "remove", counted)
    world = new_world()
    made = [await cancelled(world) for _ in range(7)]  # of two events each
    async with database.write() as tx:
        more = [JobEvent(made[2].id, seq, "note", {}, utc_now()) for seq in range(3, 41)]
        await repository.write_events(tx, more)
        await tx.execute(update(jobs).where(jobs.c.id == made[2].id).values(seq=40))
    assert await a_month_later(database).sweep() == 7
    assert sizes == [2, 1, 4]
    assert await ids(database) == []
    assert await events(database) == 0


async def test_any_number_may_sweep_at_once(new_world: NewWorld, database: Database) -> None:
    world = new_world()
    for _ in range(20):
        await cancelled(world)
    removed = await asyncio.gather(*(a_month_later(database).sweep() for _ in range(4)))
    assert sum(removed) == 20
    assert await ids(database) == []
