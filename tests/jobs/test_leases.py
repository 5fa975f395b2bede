"""When a lease counts as dead: by watching, not by believing clocks."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from backline.clock import utc_now
from backline.db.database import Tx
from backline.jobs import repository
from backline.jobs.advance import Claimed, LeaseDied
from backline.jobs.job import Data, Job, JobState
from backline.jobs.kinds import Work
from backline.jobs.leases import LeaseWatch
from backline.jobs.loop import JobLoop
from backline.jobs.progress import LeaseLost
from backline.jobs.queue import Jobs
from backline.jobs.repository import Claims, Lease, lock_claims
from tests.jobs.conftest import NewWorld
from tests.jobs.test_loop import Gate
from tests.jobs.test_queue import ANY
from tests.jobs.world import QUICK, World, kind_of, soon

START = datetime(2026, 1, 1, tzinfo=UTC)
SECONDS = 12.0


@dataclass
class Clocks:
    """wall is set now and then; steady never is."""

    wall: datetime = START
    steady: float = 0.0

    def pass_(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.steady += seconds


def lease(clocks: Clocks, attempt: int = 1) -> Lease:
    return Lease("job_1", attempt, SECONDS, clocks.wall + timedelta(seconds=SECONDS))


def watch(clocks: Clocks) -> LeaseWatch:
    return LeaseWatch(1.0, lambda: clocks.steady)


def dies_after(clocks: Clocks, watched: LeaseWatch, what: Lease, at_most: int = 40) -> int:
    """Seconds of looking once a second until it counts as dead."""
    for second in range(at_most):
        if watched.dead([what], clocks.wall):
            return second
        clocks.pass_(1)
    return at_most


def test_a_lease_that_stands_still_dies_with_its_end() -> None:
    clocks = Clocks()
    assert dies_after(clocks, watch(clocks), lease(clocks)) == 12


def test_one_that_ended_long_ago_is_still_watched_for_half_its_length() -> None:
    clocks = Clocks()
    old = lease(clocks)
    clocks.pass_(3600)
    assert dies_after(clocks, watch(clocks), old) == 6


@pytest.mark.parametrize("jump_seconds", [-86_400, -3600, 3600, 86_400])
def test_a_lease_that_is_renewed_outlives_every_jump_of_our_clock(jump_seconds: float) -> None:
    clocks = Clocks()
    watched, held = watch(clocks), lease(clocks)
    for second in range(60):
        if second % 4 == 0:
            held = lease(clocks)
        if second == 30:
            clocks.wall += timedelta(seconds=jump_seconds)
        assert watched.dead([held], clocks.wall) == []
        clocks.pass_(1)


@pytest.mark.parametrize("jump_seconds", [-86_400, 86_400])
def test_a_dead_one_is_found_after_a_jump(jump_seconds: float) -> None:
    clocks = Clocks()
    watched, held = watch(clocks), lease(clocks)
    watched.dead([held], clocks.wall)
    clocks.wall += timedelta(seconds=jump_seconds)
    assert dies_after(clocks, watched, held) <= SECONDS


def test_whoever_slept_has_watched_nothing() -> None:
    clocks = Clocks()
    watched, held = watch(clocks), lease(clocks)
    assert watched.dead([held], clocks.wall) == []
    clocks.pass_(3600)
    assert watched.dead([held], clocks.wall) == []
    assert dies_after(clocks, watched, held) == 6


def test_another_attempt_is_another_lease() -> None:
    clocks = Clocks()
    watched, held = watch(clocks), lease(clocks)
    clocks.pass_(SECONDS)
    watched.dead([held], clocks.wall)
    for _ in range(5):
        clocks.pass_(1)
        assert watched.dead([held], clocks.wall) == []
    assert watched.dead([replace(held, attempt=2)], clocks.wall) == []
    clocks.pass_(1)
    assert watched.dead([replace(held, attempt=2)], clocks.wall) == []


async def abandoned(world: World) -> None:
    """A claim by a process that dies at once."""
    async with world.database.write() as tx:
        await lock_claims(tx)
        job = await Claims(ANY).next(tx, Claimed("loop_dead", QUICK.lease_seconds), ["echo"], utc_now())
    assert job is not None


async def test_what_a_dead_process_left_is_done_by_another_and_counts_as_a_failure(new_world: NewWorld) -> None:
    world = new_world()
    job = await world.submit()
    await abandoned(world)
    async with world.loop():
        ended = await world.ended(job)
    assert (ended.state, ended.attempt, ended.failures) == (JobState.SUCCEEDED, 2, 1)
    assert await world.kinds_of_events(job) == ["queued", "lease_died", "started", "succeeded"]


async def test_work_that_kills_whoever_does_it_ends(new_world: NewWorld) -> None:
    world = new_world(kind_of(max_attempts=1))
    job = await world.submit()
    await abandoned(world)
    async with world.loop():
        ended = await world.ended(job)
    assert (ended.state, ended.error_code) == (JobState.FAILED, "job_lost")
    assert await world.trace(job) == ["hold", "release"]


@pytest.mark.slow
async def test_work_longer_than_its_lease_runs_once_beside_a_second_loop(new_world: NewWorld) -> None:
    """With leases that nobody renews, it would run twice and be accepted twice."""
    begun = 0

    async def work(_work: Work) -> Data:
        nonlocal begun
        begun += 1
        await asyncio.sleep(3.2)
        return {}

    one, two = new_world(kind_of(work)), new_world(kind_of(work))
    async with one.loop(lease_seconds=0.9), two.loop(lease_seconds=0.9):
        ended = await one.ended(job := await one.submit())
    assert (ended.state, ended.attempt, begun) == (JobState.SUCCEEDED, 1, 1)
    assert await one.trace(job) == ["finish", "hold"]


@pytest.mark.slow
@pytest.mark.parametrize("jump", [timedelta(hours=2), timedelta(hours=-2)])
async def test_a_clock_that_is_set_while_work_runs_changes_nothing(new_world: NewWorld, jump: timedelta) -> None:
    offset = timedelta()
    gate = Gate()
    one = new_world(kind_of(gate), clock=lambda: utc_now() + offset)
    two = new_world(kind_of(gate), clock=lambda: utc_now() + offset)
    async with one.loop(), two.loop():
        job = await one.submit()
        await one.running(job)
        offset = jump
        await asyncio.sleep(2 * QUICK.lease_seconds)
        assert gate.begun == 1
        gate.open.set()
        ended = await one.ended(job)
    assert (ended.attempt, ended.failures) == (1, 0)


@pytest.mark.slow
async def test_two_machines_whose_clocks_disagree_do_not_rob_each_other(new_world: NewWorld) -> None:
    gate = Gate()
    one = new_world(kind_of(gate))
    two = new_world(kind_of(gate), clock=lambda: utc_now() + timedelta(hours=1))
    async with one.loop():
        job = await one.submit()
        await one.running(job)
        async with two.loop():
            await asyncio.sleep(2 * QUICK.lease_seconds)
            assert gate.begun == 1
            gate.open.set()
            assert (await one.ended(job)).attempt == 1


async def test_an_attempt_that_lost_its_lease_is_refused_and_stops(new_world: NewWorld) -> None:
    """As if its process had been frozen, and the job done by another meanwhile."""
    gate = Gate()
    frozen, other = new_world(kind_of(gate)), new_world()
    async with frozen.loop(lease_seconds=600, local=1):  # its next renewal is minutes away, and it has no room
        job = await frozen.submit()
        await frozen.running(job)
        await hand_over(other.jobs, job.id)
        async with other.loop():
            assert (await other.ended(job)).attempt == 2
        gate.open.set()
        await asyncio.sleep(0.2)
        assert (await frozen.get(job)).result == {"n": 1, "finished": True}
    assert await frozen.trace(job) == ["finish", "hold"]


async def test_a_renewal_finds_that_the_job_is_anothers(new_world: NewWorld) -> None:
    gate = Gate()
    world = new_world(kind_of(gate))
    async with world.loop() as loop:
        job = await world.submit()
        await world.running(job)
        async with world.database.write() as tx:
            await tx.execute(text("UPDATE jobs SET attempt = 2, lease_by = 'loop_other'"))
        end = time.monotonic() + 5
        while loop.active:
            assert time.monotonic() < end
            await asyncio.sleep(0.01)
    assert gate.cancelled == 1


async def test_a_checkpoint_tells_work_that_it_is_not_wanted_any_more(new_world: NewWorld) -> None:
    go, failures = asyncio.Event(), []

    async def work(work: Work) -> Data:
        await go.wait()
        try:
            await work.checkpoint({"sentence": 1})
        except Exception as error:
            failures.append(error)
            raise
        return {}

    frozen, other = new_world(kind_of(work)), new_world()
    async with frozen.loop(lease_seconds=600, local=1) as loop:
        job = await frozen.submit()
        await frozen.running(job)
        await hand_over(other.jobs, job.id)
        async with other.loop():
            ended = await other.ended(job)
        go.set()
        await soon(lambda: loop.active == 0)
    assert [type(error) for error in failures] == [LeaseLost]
    assert await other.get(job) == ended
    assert ended.checkpoint is None


async def test_one_that_cannot_be_released_does_not_keep_the_others_waiting(new_world: NewWorld) -> None:
    async def release(_tx: Tx, job: Job) -> None:
        if job.owner == "anna":
            raise RuntimeError("no")

    world = new_world(kind_of(max_attempts=1, release=release))
    for owner in ("anna", "berta"):
        job = await world.submit(owner=owner)
        await abandoned(world)
    async with world.loop():
        assert (await world.ended(job)).state is JobState.FAILED


class Forgetful(JobLoop):
    """As if the answer to its first claim's commit had been lost."""

    forgot = False

    def _start(self, job: Job) -> None:
        if self.forgot:
            super()._start(job)
        self.forgot = True


async def test_a_claim_that_a_loop_does_not_know_it_made_is_let_go(new_world: NewWorld) -> None:
    world = new_world()
    job = await world.submit()
    async with Forgetful(world.jobs, QUICK).running():
        assert (await world.ended(job)).attempt == 2


async def hand_over(jobs: Jobs, job_id: str) -> None:
    async with jobs.database.read() as tx:
        job = await repository.get(tx, job_id)
    assert job is not None
    assert (await jobs.observe(job_id, LeaseDied(job.attempt, job.lease_until))).transition is not None
