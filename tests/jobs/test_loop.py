"""Jobs from the order to the end, in one process."""

from __future__ import annotations

import asyncio

import pytest

from backline.db.database import Tx
from backline.errors import Invalid, Unavailable
from backline.jobs.job import Data, Job, JobState
from backline.jobs.kinds import InProcess, Work
from backline.jobs.loop import JobLoop
from backline.observability.logging import configure_logging
from tests.jobs.conftest import NewWorld
from tests.jobs.world import QUICK, kind_of, leave, soon


class Gate:
    """A handler that waits until it is let through, and counts what came of it."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.begun = 0
        self.cancelled = 0

    async def __call__(self, work: Work) -> Data:
        self.begun += 1
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return {"attempt": work.job.attempt}


async def test_a_job_runs_and_its_hooks_are_called_once(new_world: NewWorld) -> None:
    world = new_world()
    async with world.loop():
        job = await world.submit(input={"n": 7})
        ended = await world.ended(job)
    assert ended.state is JobState.SUCCEEDED
    assert ended.result == {"n": 7, "finished": True}
    assert (ended.progress, ended.attempt, ended.failures, ended.lease_by) == (1.0, 1, 0, None)
    assert ended.finished is not None
    assert await world.trace(job) == ["finish", "hold"]
    events = await world.events(job)
    assert [event.kind for event in events] == ["queued", "started", "succeeded"]
    assert [event.seq for event in events] == [1, 2, 3]
    assert events[1].data == {"attempt": 1, "version": "1"}
    assert ended.seq == 3


async def test_what_waits_is_found_when_the_loop_starts(new_world: NewWorld) -> None:
    world = new_world()
    jobs = [await world.submit() for _ in range(3)]
    async with world.loop(owner_limit=1, local=1):
        for job in jobs:
            assert (await world.ended(job)).state is JobState.SUCCEEDED


async def test_a_lost_hint_costs_only_time(new_world: NewWorld) -> None:
    world, silent = new_world(), new_world()
    async with world.loop():
        assert (await world.ended(await silent.submit())).state is JobState.SUCCEEDED


async def test_no_more_at_once_than_there_is_room_for(new_world: NewWorld) -> None:
    gate = Gate()
    world = new_world(kind_of(gate))
    jobs = [await world.submit(owner=f"user{n}") for n in range(5)]
    async with world.loop(local=2) as loop:
        await soon(lambda: gate.begun == 2)
        await asyncio.sleep(0.3)
        assert (gate.begun, loop.active) == (2, 2)
        gate.open.set()
        for job in jobs:
            await world.ended(job)


@pytest.mark.parametrize("passes", [True, False])
async def test_what_may_pass_is_tried_again_as_often_as_is_allowed(new_world: NewWorld, passes: bool) -> None:
    async def work(work: Work) -> Data:
        if passes and work.job.attempt == 3:
            return {}
        raise Unavailable("Away.", code="away")

    world = new_world(kind_of(work))
    async with world.loop():
        ended = await world.ended(job := await world.submit())
    assert ended.attempt == 3
    assert (await world.kinds_of_events(job)).count("retrying") == 2
    if passes:
        assert (ended.state, ended.failures, ended.error_code) == (JobState.SUCCEEDED, 2, None)
        assert await world.trace(job) == ["finish", "hold"]
    else:
        assert (ended.state, ended.failures, ended.error_code) == (JobState.FAILED, 3, "away")
        assert await world.trace(job) == ["hold", "release"]


async def test_what_never_will_is_not_tried_again(new_world: NewWorld) -> None:
    async def work(_work: Work) -> Data:
        raise Invalid("No such voice.", code="unknown_voice")

    world = new_world(kind_of(work))
    async with world.loop():
        ended = await world.ended(job := await world.submit())
    assert (ended.state, ended.attempt, ended.error_code) == (JobState.FAILED, 1, "unknown_voice")
    assert await world.trace(job) == ["hold", "release"]


async def test_our_own_mistake_is_tried_again_and_its_message_told_to_nobody(new_world: NewWorld) -> None:
    async def work(_work: Work) -> Data:
        raise ValueError("a user's secret")

    world = new_world(kind_of(work, max_attempts=2))
    async with world.loop():
        ended = await world.ended(await world.submit())
    assert (ended.state, ended.attempt, ended.error_code) == (JobState.FAILED, 2, "work_failed")
    assert "secret" not in (ended.error_detail or "")


async def test_a_checkpoint_is_where_the_next_attempt_goes_on(new_world: NewWorld) -> None:
    seen: list[Data | None] = []

    async def work(work: Work) -> Data:
        seen.append(work.job.checkpoint)
        await work.checkpoint({"sentence": 3})
        if work.job.attempt == 1:
            raise Unavailable("Away.")
        return {}

    world = new_world(kind_of(work))
    async with world.loop():
        await world.ended(await world.submit())
    assert seen == [None, {"sentence": 3}]


@pytest.mark.slow
async def test_progress_is_told_but_not_at_every_step(new_world: NewWorld) -> None:
    async def work(work: Work) -> Data:
        for step in range(2000):
            work.report(step / 2000, f"step {step}")
            await asyncio.sleep(0.0005)
        work.note("chapter", title="one")
        return {}

    world = new_world(kind_of(work))
    async with world.loop():
        job = await world.submit()
        seen = await world.until(job, lambda found: 0 < found.progress < 1)
        assert (seen.message or "").startswith("step")
        await world.ended(job)
    kinds = await world.kinds_of_events(job)
    assert 2 <= kinds.count("progress") <= 20
    assert "chapter" in kinds
    assert kinds[-1] == "succeeded"
    assert [event.seq for event in await world.events(job)] == list(range(1, len(kinds) + 1))


async def test_a_silent_handler_is_ended(new_world: NewWorld) -> None:
    gate = Gate()
    world = new_world(kind_of(InProcess(gate, stall_seconds=0.2), max_attempts=2))
    async with world.loop():
        ended = await world.ended(await world.submit())
    assert (ended.state, ended.error_code, ended.attempt) == (JobState.FAILED, "work_hung", 2)
    assert gate.cancelled == 2


async def test_storing_is_a_phase_of_its_own(new_world: NewWorld) -> None:
    storing, stored = asyncio.Event(), asyncio.Event()

    async def store(job: Job, output: Data) -> Data:
        storing.set()
        await stored.wait()
        return {**output, "path": f"{job.owner}/{job.id}/{job.attempt}"}

    world = new_world(kind_of(store=store))
    async with world.loop():
        job = await world.submit()
        await storing.wait()
        found = await world.get(job)
        assert (found.state, found.phase) == (JobState.RUNNING, "finalizing")
        stored.set()
        ended = await world.ended(job)
    assert ended.phase is None
    assert ended.result == {"n": 1, "path": f"anna/{job.id}/1", "finished": True}


async def test_a_finish_that_fails_undoes_itself_and_the_work_is_done_again(new_world: NewWorld) -> None:
    async def finish(tx: Tx, job: Job, result: Data) -> Data:
        await leave(tx, job, "finish")
        if job.attempt == 1:
            raise RuntimeError("no")
        return result

    world = new_world(kind_of(finish=finish))
    async with world.loop():
        ended = await world.ended(job := await world.submit())
    assert (ended.state, ended.attempt) == (JobState.SUCCEEDED, 2)
    assert await world.trace(job) == ["finish", "hold"]


async def test_a_kind_that_nobody_knows_waits_and_is_told_of(
    new_world: NewWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("INFO")
    world, newer = new_world(), new_world(kind_of(), kind_of(name="new", version="2"))
    job = await newer.submit("new")
    async with world.loop():
        await soon(lambda: "jobs.unknown_kind" in capsys.readouterr().err)
        assert (await world.get(job)).state is JobState.QUEUED
        assert (await world.jobs.cancel("anna", job.id)).state is JobState.QUEUED
    async with newer.loop():
        assert (await newer.ended(job)).state is JobState.CANCELLED
    assert await newer.trace(job) == ["hold", "release"]


async def test_another_version_goes_on_with_what_an_older_one_began(new_world: NewWorld) -> None:
    gate = Gate()
    old, new = new_world(kind_of(gate, version="1")), new_world(kind_of(version="2"))
    job = await old.submit()
    async with old.loop():
        await old.running(job)
    async with new.loop():
        ended = await new.ended(job)
    assert (ended.state, ended.version, ended.failures) == (JobState.SUCCEEDED, "1", 0)
    versions = [event.data["version"] for event in await new.events(job) if event.kind == "started"]
    assert versions == ["1", "2"]


class SlowToClaim(JobLoop):
    async def _claim(self) -> bool:
        await asyncio.sleep(0.3)
        return await super()._claim()


async def test_a_loop_that_is_told_to_stop_while_it_claims_gives_back_what_it_has_just_taken(
    new_world: NewWorld,
) -> None:
    world = new_world(kind_of(Gate()))
    job = await world.submit()
    async with asyncio.timeout(10), SlowToClaim(world.jobs, QUICK).running():
        await asyncio.sleep(0.1)
        await world.submit()
    assert (await world.get(job)).state is JobState.QUEUED
    assert (await world.get(job)).failures == 0
