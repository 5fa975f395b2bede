"""Work elsewhere: spawned once, waited for by whoever is there, never taken for dead because nobody can say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.compute.remote_twin import RemoteTwin, Report
from backline.errors import Invalid, Unavailable
from backline.jobs.advance import Claimed, Spawning
from backline.jobs.job import Job, JobState
from backline.jobs.kinds import JobKind, Remotely
from backline.jobs.remote_work import pause_end
from backline.jobs.repository import Claims, lock_claims
from tests.jobs.conftest import NewWorld
from tests.jobs.test_leases import hand_over
from tests.jobs.test_queue import ANY
from tests.jobs.world import World, kind_of, soon


class Elsewhere:
    """A twin with one function, which runs until it is let through. left: what a call has left, by its attempt;
    looked: at which attempts somebody has looked."""

    def __init__(self) -> None:
        self.left: dict[int, Mapping[str, Any]] = {}
        self.looked: list[int] = []
        self.open = asyncio.Event()
        self.errors: list[Exception] = []
        self.now = 0.0
        self.twin = RemoteTwin({"make": self._make}, clock=lambda: self.now)

    async def _make(self, job_id: str, attempt: int, data: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
        report(0.25, "a quarter", {"frames": 5}, checkpoint={"at": attempt})
        await self.open.wait()
        if self.errors:
            raise self.errors.pop()
        return {"path": f"{job_id}/{attempt}", **data}

    async def _order(self, job: Job) -> Mapping[str, Any]:
        return {**job.input, "link": f"link {job.attempt}"}

    async def _look(self, job: Job) -> Mapping[str, Any] | None:
        assert job.remote is not None
        self.looked.append(job.remote["attempt"])
        return self.left.get(job.remote["attempt"])

    def kind(self, **fields: Any) -> JobKind:
        work = Remotely("twin", self.twin, "make", self._order, self._look, last_poll_seconds=0.05, **fields)
        return kind_of(work)


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    it = Elsewhere()
    yield it
    await it.twin.close()


async def test_it_is_spawned_waited_for_and_finished_here(new_world: NewWorld, elsewhere: Elsewhere) -> None:
    world = new_world(elsewhere.kind())
    async with world.loop():
        job = await world.submit()
        seen = await world.until(job, lambda found: found.progress == 0.25)
        assert seen.remote == {"provider": "twin", "function": "make", "attempt": 1, "call": "call-1"}
        assert seen.message == "a quarter"
        seen = await world.until(job, lambda found: found.checkpoint is not None)
        assert seen.checkpoint == {"at": 1}
        elsewhere.open.set()
        ended = await world.ended(job)
    assert ended.result == {"path": f"{job.id}/1", "n": 1, "link": "link 1", "finished": True}
    (told,) = [event.data for event in await world.events(job) if event.kind == "progress"]
    assert told == {"progress": 0.25, "message": "a quarter", "frames": 5}
    assert elsewhere.twin.spawned == [(job.id, 1)]
    kinds = await world.kinds_of_events(job)
    assert [kind for kind in kinds if kind != "progress"] == ["queued", "started", "spawning", "spawned", "succeeded"]


async def spawned(world: World, elsewhere: Elsewhere) -> Job:
    job = await world.submit()
    return await world.until(job, lambda found: found.call is not None)


@pytest.mark.parametrize("leaving", ["given back", "lease died"])
async def test_whoever_takes_over_goes_on_waiting(new_world: NewWorld, elsewhere: Elsewhere, leaving: str) -> None:
    one, two = new_world(elsewhere.kind()), new_world(elsewhere.kind())
    async with one.loop(lease_seconds=600, remote=1):
        job = await spawned(one, elsewhere)
        if leaving == "lease died":
            await hand_over(one.jobs, job.id)
            async with two.loop():
                await two.until(job, lambda found: found.attempt == 2)
                elsewhere.open.set()
                ended = await two.ended(job)
    if leaving == "given back":
        async with two.loop():
            await two.until(job, lambda found: found.attempt == 2)
            elsewhere.open.set()
            ended = await two.ended(job)
    assert (ended.state, ended.failures) == (JobState.SUCCEEDED, 0)
    assert len(elsewhere.twin.spawned) == 1
    assert await two.trace(job) == ["finish", "hold"]


@pytest.mark.parametrize("trouble", ["away", "forgotten"])
async def test_unknown_is_not_dead(new_world: NewWorld, elsewhere: Elsewhere, trouble: str) -> None:
    world = new_world(elsewhere.kind())
    twin = elsewhere.twin
    async with world.loop():
        job = await spawned(world, elsewhere)
        twin.away, twin.forgotten = trouble == "away", {"call-1"} if trouble == "forgotten" else set()
        elsewhere.open.set()
        await asyncio.sleep(0.5)
        assert (await world.get(job)).state is JobState.RUNNING
        twin.away, twin.forgotten = False, set()
        ended = await world.ended(job)
    assert (ended.state, ended.attempt) == (JobState.SUCCEEDED, 1)
    assert len(twin.spawned) == 1


@pytest.mark.parametrize("left", [False, True])
async def test_but_not_for_ever(new_world: NewWorld, elsewhere: Elsewhere, left: bool) -> None:
    """What the call has left is looked at before it is given up."""
    world = new_world(elsewhere.kind(patience_seconds=0.3))
    elsewhere.left = {1: {"path": "kept"}} if left else {}
    async with world.loop():
        job = await spawned(world, elsewhere)
        elsewhere.twin.forgotten = {"call-1"}
        ended = await world.ended(job)
    assert elsewhere.looked == [1]
    assert len(elsewhere.twin.spawned) == 1
    if left:
        assert ended.result == {"path": "kept", "finished": True}
        return
    assert (ended.state, ended.error_code) == (JobState.FAILED, "remote_unknown")
    assert elsewhere.twin.cancelled == ["call-1"]
    assert await world.trace(job) == ["hold", "release"]


@pytest.mark.parametrize("left", [False, True])
async def test_a_spawn_that_nobody_heard_of_again_is_looked_for_and_else_made_again(
    new_world: NewWorld, elsewhere: Elsewhere, left: bool
) -> None:
    elsewhere.left = {1: {"path": "kept"}} if left else {}
    world = new_world(elsewhere.kind())
    job = await world.submit()
    async with world.database.write() as tx:
        await lock_claims(tx)
        await Claims(ANY).next(tx, Claimed("loop_dead", 1.5), ["echo"], world.jobs.clock())
    await world.jobs.observe(job.id, Spawning(1, "twin", "make"))
    elsewhere.open.set()
    async with world.loop():
        ended = await world.ended(job)
    assert (ended.state, ended.attempt, ended.failures) == (JobState.SUCCEEDED, 2, 1)
    assert elsewhere.looked == [1]
    assert elsewhere.twin.spawned == ([] if left else [(job.id, 2)])


@pytest.mark.parametrize(
    ("error", "state", "spawns"),
    [
        (Unavailable("No GPU.", code="no_gpu"), JobState.SUCCEEDED, 2),
        (Invalid("No such model.", code="no_model"), JobState.FAILED, 1),
        (ValueError("a user's secret"), JobState.FAILED, 1),
    ],
)
async def test_what_the_work_says_of_its_failure_decides(
    new_world: NewWorld, elsewhere: Elsewhere, error: Exception, state: JobState, spawns: int
) -> None:
    world = new_world(elsewhere.kind())
    elsewhere.errors.append(error)
    elsewhere.open.set()
    async with world.loop():
        ended = await world.ended(await world.submit())
    assert ended.state is state
    assert len(elsewhere.twin.spawned) == spawns
    assert "secret" not in (ended.error_detail or "")


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_provider_that_is_away_is_waited_for(
    new_world: NewWorld, elsewhere: Elsewhere, cancelled: bool
) -> None:
    """However long a pause of its kind is: nothing counts as failed, and a cancel is heard."""
    world = new_world(elsewhere.kind())
    elsewhere.twin.away = True
    elsewhere.open.set()
    async with world.loop():
        job = await world.submit()
        await world.until(job, lambda found: found.remote is not None)
        await asyncio.sleep(0.1)
        if cancelled:
            await world.jobs.cancel(job.owner, job.id)
        else:
            elsewhere.twin.away = False
        ended = await world.ended(job)
    assert ended.state is (JobState.CANCELLED if cancelled else JobState.SUCCEEDED)
    assert (ended.attempt, ended.failures) == (1, 0)
    assert elsewhere.twin.spawned == ([] if cancelled else [(job.id, 1)])


@pytest.mark.parametrize("left", [False, True])
async def test_a_result_that_nobody_fetched_in_time_is_looked_for_and_else_made_again(
    new_world: NewWorld, elsewhere: Elsewhere, left: bool
) -> None:
    elsewhere.left = {1: {"path": "kept"}} if left else {}
    world = new_world(elsewhere.kind())
    async with world.loop():
        job = await spawned(world, elsewhere)
    elsewhere.open.set()
    await asyncio.sleep(0.05)
    elsewhere.now = 8 * 86_400
    async with world.loop():
        ended = await world.ended(job)
    assert elsewhere.looked == [1]
    assert ended.result is not None
    assert ended.result["path"] == ("kept" if left else f"{job.id}/3")
    assert [attempt for _, attempt in elsewhere.twin.spawned] == ([1] if left else [1, 3])


@pytest.mark.parametrize("loops", [True, False], ids=["running", "while no loop runs"])
async def test_a_cancel_reaches_the_work_elsewhere(new_world: NewWorld, elsewhere: Elsewhere, loops: bool) -> None:
    world = new_world(elsewhere.kind())
    async with world.loop():
        job = await spawned(world, elsewhere)
        if loops:
            await world.jobs.cancel("anna", job.id)
            assert (await world.ended(job)).state is JobState.CANCELLED
    if not loops:
        asked = await world.jobs.cancel("anna", job.id)
        assert (asked.state, asked.cancel_requested) == (JobState.QUEUED, True)
        assert elsewhere.twin.cancelled == []
        async with world.loop():
            assert (await world.ended(job)).state is JobState.CANCELLED
    assert elsewhere.twin.cancelled[0] == "call-1"
    assert len(elsewhere.twin.spawned) == 1
    assert await world.trace(job) == ["hold", "release"]


async def test_a_cancel_waits_until_the_work_agrees(new_world: NewWorld, elsewhere: Elsewhere) -> None:
    world = new_world(elsewhere.kind())
    async with world.loop():
        job = await spawned(world, elsewhere)
        elsewhere.twin.away = True
        await world.jobs.cancel("anna", job.id)
        await asyncio.sleep(0.4)
        assert (await world.get(job)).state is JobState.RUNNING
        elsewhere.twin.away = False
        assert (await world.ended(job)).state is JobState.CANCELLED
    assert set(elsewhere.twin.cancelled) == {"call-1"}


async def test_but_no_longer_than_its_time(new_world: NewWorld, elsewhere: Elsewhere) -> None:
    world = new_world(elsewhere.kind(cancel_seconds=0.3))
    async with world.loop():
        job = await spawned(world, elsewhere)
        elsewhere.twin.away = True
        await world.jobs.cancel("anna", job.id)
        assert (await world.ended(job)).state is JobState.CANCELLED


async def test_a_cancel_is_quick_where_the_work_is_now_done_here(new_world: NewWorld, elsewhere: Elsewhere) -> None:
    world, here = new_world(elsewhere.kind()), new_world(kind_of(_for_ever))
    async with world.loop():
        job = await spawned(world, elsewhere)
    await here.jobs.cancel("anna", job.id)
    async with here.loop():
        assert (await here.ended(job)).state is JobState.CANCELLED


class SlowToSpawn(RemoteTwin):
    """Tells the handle of its first call only when it is let."""

    def __init__(self) -> None:
        super().__init__({"make": _for_ever})
        self.go = asyncio.Event()

    async def spawn(self, function: str, job_id: str, attempt: int, data: Mapping[str, Any]) -> str:
        call = await super().spawn(function, job_id, attempt, data)
        await self.go.wait()
        return call


async def _for_ever(*_: Any) -> Mapping[str, Any]:
    await asyncio.sleep(3600)
    return {}


async def test_a_call_of_which_the_job_is_lost_meanwhile_is_ended(new_world: NewWorld) -> None:
    twin = SlowToSpawn()
    world = new_world(kind_of(Remotely("twin", twin, "make", first_poll_seconds=0.02)))
    async with world.loop(lease_seconds=600):
        job = await world.submit()
        await soon(lambda: len(twin.spawned) == 1)
        await hand_over(world.jobs, job.id)
        twin.go.set()
        await soon(lambda: twin.cancelled == ["call-1"])
    await twin.close()


@given(now=st.floats(0, 10**7), seconds=st.floats(0, 60))
def test_a_pause_is_never_shorter_and_hardly_longer_than_asked(now: float, seconds: float) -> None:
    assert -1e-6 <= pause_end(now, seconds) - (now + seconds) <= (0 if seconds < 1 else 0.1 + 1e-6)


def test_pauses_of_many_end_in_few_moments() -> None:
    ends = {pause_end(1000.0, 4 + number / 500) for number in range(1000)}  # two seconds' worth
    assert len(ends) <= 21
