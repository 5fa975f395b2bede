"""kill -9 at every stage, on real processes: one result, hooks called once, no process left behind."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from backline.compute.remote_twin import RemoteTwin
from backline.db.database import Database
from backline.jobs.job import Job, JobState
from tests.jobs.loop_process import STAGES_HERE, STAGES_REMOTE, Still, kinds_of
from tests.jobs.remote_server import RemoteServer
from tests.jobs.world import QUICK, World, make_trace, soon
from tests.processes.conftest import ROOT, lives

Start = Callable[..., "LoopProcess"]


class LoopProcess:
    def __init__(self, log: Path, **given: Any) -> None:
        self.log = log
        with log.open("a") as file:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "tests.jobs.loop_process", json.dumps(given)],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )

    async def until_at(self, stage: str) -> None:
        assert self.popen.stdout is not None
        async with asyncio.timeout(30):
            line = await asyncio.to_thread(self.popen.stdout.readline)
        assert line.strip() == stage, self.log.read_text()

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()
        assert self.popen.stdout is not None
        self.popen.stdout.close()


@pytest.fixture
def start(tmp_path: Path, database_url: str) -> Iterator[Start]:
    begun: list[LoopProcess] = []

    def start(**given: Any) -> LoopProcess:
        process = LoopProcess(tmp_path / "log", url=database_url, **given)
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()


@pytest.fixture
async def world(database: Database) -> World:
    await make_trace(database)
    return World(database, tuple(kinds_of(Still(None), 1).values()))


async def ended_once(world: World, job: Job, attempt: int) -> Job:
    ended = await world.ended(job, 40)
    assert ended.state is JobState.SUCCEEDED, ended
    assert ended.attempt == attempt
    assert await world.trace(job) == ["finish", "hold"]
    kinds = await world.kinds_of_events(job)
    assert kinds.count("succeeded") == 1
    assert kinds[-1] == "succeeded"
    return ended


def _stages(sqlite: tuple[str, ...], postgres: tuple[str, ...], quick: set[str]) -> list[Any]:
    """(database, stage): a few in the fast suite, the others are slow."""
    pairs = [("sqlite", stage) for stage in sqlite] + [("postgresql", stage) for stage in postgres]
    return [
        pytest.param(base, stage, marks=() if base == "sqlite" and stage in quick else pytest.mark.slow)
        for base, stage in pairs
    ]


@pytest.mark.parametrize(
    ("database_url", "stage"),
    _stages(STAGES_HERE, ("claimed", "finish", "finished"), {"claimed", "finish"}),
    indirect=["database_url"],
)
async def test_the_loop_is_killed(world: World, start: Start, stage: str) -> None:
    job = await world.submit("here")
    killed = start(stage=stage)
    await killed.until_at(stage)
    if stage == "finished":
        assert (await world.get(job)).state is JobState.SUCCEEDED
    killed.kill()
    start()
    ended = await ended_once(world, job, 1 if stage == "finished" else 2)
    assert ended.failures == ended.attempt - 1
    if stage in ("running", "storing", "finish"):
        assert ended.checkpoint == {"seen": 2}


@pytest.mark.parametrize(
    ("database_url", "stage"),
    _stages(("claimed", "running", "finish"), ("claimed", "running", "finish"), set()),
    indirect=["database_url"],
)
async def test_a_second_loop_is_there_already(world: World, start: Start, stage: str) -> None:
    job = await world.submit("here")
    killed = start(stage=stage)
    await killed.until_at(stage)
    start()
    if stage == "running":
        await asyncio.sleep(2 * QUICK.lease_seconds)
        assert (await world.get(job)).attempt == 1  # its lease is renewed
    killed.kill()
    await ended_once(world, job, 2)


@pytest.mark.parametrize("database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True)
async def test_the_loop_is_killed_while_a_child_works(world: World, start: Start, tmp_path: Path) -> None:
    job = await world.submit("child", input={"folder": str(tmp_path)})
    killed = start()
    await world.until(job, lambda found: found.progress == 0.5)
    first = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert all(map(lives, first))
    killed.kill()
    await soon(lambda: not any(map(lives, first)), 10)
    (tmp_path / "go").touch()
    start()
    await ended_once(world, job, 2)
    everybody = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(everybody) == 6
    await soon(lambda: not any(map(lives, everybody)), 10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("database_url", "stage"),
    _stages(STAGES_REMOTE, ("spawned", "waiting"), {"waiting"}),
    indirect=["database_url"],
)
async def test_the_loop_is_killed_while_work_runs_elsewhere(world: World, start: Start, stage: str) -> None:
    go = asyncio.Event()

    async def make(job_id: str, attempt: int, _data: Mapping[str, Any], _report: Any) -> Mapping[str, Any]:
        await go.wait()
        return {"attempt": attempt}

    twin = RemoteTwin({"make": make})
    remote = RemoteServer(twin)
    async with await remote.start():
        job = await world.submit("remote")
        killed = start(stage=stage, port=remote.port)
        await killed.until_at(stage)
        killed.kill()
        start(port=remote.port)
        await world.until(job, lambda found: found.attempt == 2 and found.call is not None, 40)
        go.set()
        ended = await ended_once(world, job, 2)
        # Only between a spawn and the writing of its handle can work be begun twice; one result counts.
        assert twin.spawned == [(job.id, 1)] * (stage != "spawning") + [(job.id, 2)] * (stage != "waiting")
        assert ended.failures == (0 if stage == "waiting" else 1)
    await twin.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.slow
async def test_a_loop_is_killed_while_it_sweeps(world: World, start: Start) -> None:
    job = await world.submit("here")
    first = start(stage="running")
    await first.until_at("running")
    first.kill()
    sweeper = start(stage="sweep")
    await sweeper.until_at("sweep")
    start()
    sweeper.kill()
    ended = await ended_once(world, job, 2)
    assert ended.failures == 1


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_sigterm_gives_back_what_is_in_hand(world: World, start: Start, tmp_path: Path) -> None:
    job = await world.submit("child", input={"folder": str(tmp_path)})
    told = start()
    await world.until(job, lambda found: found.progress == 0.5)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    told.popen.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(told.popen.wait, 20) == 0
    left = await world.get(job)
    assert (left.state, left.failures, left.lease_by) == (JobState.QUEUED, 0, None)
    assert (await world.events(job))[-1].data == {"cause": "shutdown", "attempt": 1}
    assert not any(map(lives, pids))
    (tmp_path / "go").touch()
    start()
    assert (await ended_once(world, job, 2)).failures == 0


@pytest.mark.parametrize("database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True)
async def test_two_loops_share_the_jobs_and_each_is_done_once(world: World, start: Start) -> None:
    jobs = [await world.submit("here", owner=f"owner{number % 8}") for number in range(60)]
    start()
    start()
    ended = [await ended_once(world, job, 1) for job in jobs]
    for job in ended:
        assert (await world.kinds_of_events(job)).count("started") == 1
