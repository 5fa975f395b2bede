"""Cancelling, at every moment there is."""

from __future__ import annotations

import asyncio
import random

import pytest

from backline.compute.remote_twin import RemoteTwin
from backline.errors import NotFound
from backline.jobs.advance import CancelAsked
from backline.jobs.job import Data, Job, JobState
from backline.jobs.kinds import Remotely, Work
from backline.jobs.queue import Jobs
from tests.jobs.conftest import NewWorld
from tests.jobs.test_loop import Gate
from tests.jobs.world import QUICK, kind_of, soon


async def test_while_it_waits(new_world: NewWorld) -> None:
    world = new_world()
    job = await world.submit()
    assert (await world.jobs.cancel("anna", job.id)).state is JobState.CANCELLED
    assert (await world.jobs.cancel("anna", job.id)).state is JobState.CANCELLED
    async with world.loop():
        await asyncio.sleep(0.3)
    assert await world.trace(job) == ["hold", "release"]
    assert await world.kinds_of_events(job) == ["queued", "cancelled"]


async def test_while_it_runs_it_reaches_the_work_at_once(new_world: NewWorld) -> None:
    gate = Gate()
    world = new_world(kind_of(gate))
    async with world.loop(lease_seconds=600, poll_seconds=60):  # nothing but the hint can tell it
        job = await world.submit()
        await soon(lambda: gate.begun == 1)
        asked = await world.jobs.cancel("anna", job.id)
        assert (asked.state, asked.cancel_requested) == (JobState.RUNNING, True)
        ended = await world.ended(job, seconds=5)
    assert ended.state is JobState.CANCELLED
    assert gate.cancelled == 1
    assert await world.trace(job) == ["hold", "release"]


async def test_from_another_process_it_is_heard_with_the_renewal_at_the_latest(new_world: NewWorld) -> None:
    gate = Gate()
    world, elsewhere = new_world(kind_of(gate)), new_world(kind_of(gate))
    async with world.loop(poll_seconds=60):
        job = await world.submit()
        await soon(lambda: gate.begun == 1)
        await elsewhere.jobs.cancel("anna", job.id)
        ended = await world.ended(job, seconds=QUICK.lease_seconds / 3 + 5)
    assert ended.state is JobState.CANCELLED
    assert gate.cancelled == 1


async def at_once(_job: str, _attempt: int, _data: object, _report: object) -> Data:
    return {}


@pytest.mark.parametrize("remote", [False, True])
async def test_while_its_output_is_stored(new_world: NewWorld, remote: bool) -> None:
    storing, interrupted = asyncio.Event(), []

    async def store(_job: Job, output: Data) -> Data:
        storing.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            interrupted.append(1)
            raise
        return output

    elsewhere = Remotely("twin", RemoteTwin({"make": at_once}), "make", first_poll_seconds=0.02)
    world = new_world(kind_of(elsewhere if remote else None, store=store))
    async with world.loop():
        job = await world.submit()
        await storing.wait()
        await world.jobs.cancel("anna", job.id)
        assert (await world.ended(job)).state is JobState.CANCELLED
    assert interrupted == [1]
    assert await world.trace(job) == ["hold", "release"]


async def test_in_the_last_moment_before_it_is_finished(new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is done and stored; the request is committed just before the success would be."""
    world = new_world()
    observe = Jobs.observe

    async def observe_late(self: Jobs, job_id: str, observation: object) -> object:
        if type(observation).__name__ == "Succeeded":
            await observe(self, job_id, CancelAsked())
        return await observe(self, job_id, observation)  # type: ignore[arg-type]

    monkeypatch.setattr(Jobs, "observe", observe_late)
    async with world.loop():
        job = await world.submit()
        ended = await world.ended(job)
    assert (ended.state, ended.result) == (JobState.CANCELLED, None)
    assert await world.trace(job) == ["hold", "release"]


async def test_in_the_first_moment_after_it(new_world: NewWorld) -> None:
    world = new_world()
    async with world.loop():
        job = await world.submit()
        await world.ended(job)
        late = await world.jobs.cancel("anna", job.id)
    assert (late.state, late.cancel_requested) == (JobState.SUCCEEDED, False)
    assert await world.trace(job) == ["finish", "hold"]


async def test_at_any_moment_at_all(new_world: NewWorld) -> None:
    """Never both, never neither: one end, one hook."""

    async def work(work: Work) -> Data:
        await asyncio.sleep(random.uniform(0, 0.02))
        return {}

    world = new_world(kind_of(work))
    async with world.loop(owner_limit=100):
        jobs = [await world.submit() for _ in range(30)]

        async def cancel(job: Job) -> Job:
            await asyncio.sleep(random.uniform(0, 0.25))
            return await world.jobs.cancel("anna", job.id)

        await asyncio.gather(*map(cancel, jobs))
        ended = [await world.ended(job) for job in jobs]
    for job in ended:
        last = "finish" if job.state is JobState.SUCCEEDED else "release"
        assert await world.trace(job) == sorted(["hold", last])
    assert {job.state for job in ended} <= {JobState.SUCCEEDED, JobState.CANCELLED}


async def test_somebody_elses(new_world: NewWorld) -> None:
    world = new_world()
    job = await world.submit()
    with pytest.raises(NotFound):
        await world.jobs.cancel("berta", job.id)
    assert (await world.get(job)).state is JobState.QUEUED
