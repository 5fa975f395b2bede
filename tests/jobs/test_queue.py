"""Making jobs, claiming them, and their limits."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from backline.clock import utc_now
from backline.db.database import Database, Tx
from backline.errors import Conflict, Invalid, NotFound, PaymentRequired
from backline.jobs import repository
from backline.jobs.advance import CancelAsked, Claimed, Transition, advance
from backline.jobs.job import Data, Job, JobState
from backline.jobs.queue import Order
from backline.jobs.repository import Claims, Limits
from tests.jobs.conftest import NewWorld
from tests.jobs.world import World, kind_of, make_trace

ANY = Limits(100, 100, {})


async def claim(world: World, limits: Limits = ANY, kinds: tuple[str, ...] = ("echo",)) -> Job | None:
    async with world.database.write() as tx:
        await repository.lock_claims(tx)
        return await Claims(limits).next(tx, Claimed("loop_a", 10), kinds, utc_now())


async def test_a_job_is_made_with_its_hold_and_its_first_event_or_not_at_all(new_world: NewWorld) -> None:
    async def refuse(_tx: Tx, _job: Job) -> str | None:
        raise PaymentRequired("Too little credit.")

    world = new_world(kind_of(), kind_of(name="dear", hold=refuse))
    job = await world.submit()
    assert (job.state, job.attempt, job.hold) == (JobState.QUEUED, 0, f"job:{job.id}")
    assert await world.get(job) == job
    assert await world.trace(job) == ["hold"]
    assert await world.kinds_of_events(job) == ["queued"]
    with pytest.raises(PaymentRequired):
        await world.submit("dear")
    assert [one.id for one in await world.jobs.of_owner("anna")] == [job.id]


async def test_the_same_order_under_the_same_key_is_the_same_job(new_world: NewWorld) -> None:
    world = new_world()
    job = await world.submit(input={"a": 1, "b": 2}, key="k")
    assert (await world.submit(input={"b": 2, "a": 1}, key="k")).id == job.id
    assert await world.trace(job) == ["hold"]
    with pytest.raises(Conflict) as refused:
        await world.submit(input={"a": 2}, key="k")
    assert refused.value.code == "idempotency_conflict"
    assert (await world.submit(owner="berta", input={"a": 2}, key="k")).id != job.id
    assert len({(await world.submit()).id for _ in range(2)}) == 2


async def test_many_that_send_one_key_at_once_make_one_job(new_world: NewWorld) -> None:
    world = new_world()
    made = await asyncio.gather(*(world.submit(key="k") for _ in range(8)))
    assert len({job.id for job in made}) == 1
    assert await world.trace(made[0]) == ["hold"]


async def test_an_order_that_makes_no_sense_writes_nothing(new_world: NewWorld) -> None:
    def validate(data: Data) -> Data:
        raise Invalid("No.")

    world = new_world(kind_of(validate=validate))
    with pytest.raises(Invalid):
        await world.submit()
    with pytest.raises(NotFound):
        await world.submit("nothing")
    assert await world.jobs.of_owner("anna") == []


async def test_a_claim_is_what_advance_says_of_one(new_world: NewWorld) -> None:
    world = new_world()
    job = await world.submit()
    claimed = await claim(world)
    assert claimed is not None
    assert claimed.started is not None
    transition = advance(job, Claimed("loop_a", 10), claimed.started)
    assert transition is not None
    assert {name: getattr(claimed, name) for name in transition.values} == transition.values
    assert claimed.seq == job.seq + 1
    assert await claim(world) is None


async def test_first_by_priority_then_by_age_and_not_before_their_time(new_world: NewWorld) -> None:
    world = new_world()
    await world.submit(run_after=utc_now() + timedelta(hours=1))
    late, first = await world.submit(priority=5), await world.submit(priority=-1)
    second, third = await world.submit(), await world.submit()
    order = [await claim(world) for _ in range(5)]
    assert [job and job.id for job in order] == [first.id, second.id, third.id, late.id, None]


async def test_no_owner_and_no_queue_has_more_at_once_than_its_limit(new_world: NewWorld) -> None:
    world = new_world(kind_of(), kind_of(name="other", queue="gpu"))
    for owner in ("anna", "anna", "anna", "berta", "carla"):
        await world.submit(owner=owner)
        await world.submit("other", owner=owner)
    limits = Limits(2, 100, {"gpu": 3})
    claimed = [await claim(world, limits, ("echo", "other")) for _ in range(10)]
    counts = Counter((job.queue, job.owner) for job in claimed if job)
    assert counts["default", "anna"] == counts["gpu", "anna"] == 2
    assert counts["default", "berta"] == counts["default", "carla"] == 1
    assert sum(count for (queue, _), count in counts.items() if queue == "gpu") == 3


async def test_two_loops_that_claim_at_once_never_have_one_job_nor_exceed_a_limit(
    new_world: NewWorld, database_url: str
) -> None:
    world = new_world()
    other = World(Database.open(database_url), (kind_of(),))
    try:
        jobs = [await world.submit() for _ in range(12)]
        limits = Limits(7, 100, {})
        claimed = await asyncio.gather(*(claim(one, limits) for one in (world, other) for _ in range(8)))
        taken = [job.id for job in claimed if job]
        assert len(taken) == len(set(taken)) == 7
        assert set(taken) <= {job.id for job in jobs}
    finally:
        await other.database.close()


async def test_nobody_claims_a_kind_he_does_not_know(new_world: NewWorld) -> None:
    world = new_world()
    await world.submit()
    assert await claim(world, kinds=("other",)) is None


async def test_a_list_goes_from_the_newest_and_is_ones_own(new_world: NewWorld) -> None:
    world = new_world(kind_of(), kind_of(name="other"))
    jobs = [await world.submit() for _ in range(5)]
    await world.submit("other", owner="berta")
    newest = [job.id for job in reversed(jobs)]
    assert [job.id for job in await world.jobs.of_owner("anna", limit=3)] == newest[:3]
    assert [job.id for job in await world.jobs.of_owner("anna", before=newest[2])] == newest[3:]
    assert await world.jobs.of_owner("anna", states=["running"]) == []
    assert await world.jobs.of_owner("anna", kinds=["other"]) == []
    with pytest.raises(NotFound):
        await world.jobs.get("berta", newest[0])


async def test_an_order_in_somebody_elses_transaction_shares_its_fate(database: Database) -> None:
    await make_trace(database)
    world = World(database, (kind_of(),))
    with pytest.raises(ZeroDivisionError):
        await _create_and_fail(world)
    assert await world.jobs.of_owner("anna") == []


async def _create_and_fail(world: World) -> None:
    async with world.database.write() as tx:
        await world.jobs.create(tx, Order("echo", "anna", {}))
        raise ZeroDivisionError


async def test_what_was_decided_about_a_row_that_has_moved_on_is_not_applied(new_world: NewWorld) -> None:
    world = new_world()
    waiting = await world.submit()
    running = await claim(world)
    assert running is not None
    asked = replace(running, cancel_requested=True)
    for stale in (waiting, replace(running, attempt=2), replace(running, attempt=0), asked):
        transition = advance(stale, CancelAsked(), utc_now()) or Transition({"message": "x"}, "x")
        async with world.database.write() as tx:
            assert not await repository.change(tx, stale, transition, utc_now(), None)
    assert await world.get(waiting) == running


async def test_a_key_is_good_for_what_was_asked_though_it_means_something_else_by_now(new_world: NewWorld) -> None:
    world = new_world()
    first = await world.submit(input={"voice": "old"}, key="k", asked={"text": "One."})
    again = await world.submit(input={"voice": "new"}, key="k", asked={"text": "One."})
    assert (again.id, again.input) == (first.id, {"voice": "old"})
    with pytest.raises(Conflict):
        await world.submit(input={"voice": "old"}, key="k", asked={"text": "Two."})
