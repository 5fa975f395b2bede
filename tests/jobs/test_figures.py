"""What /metrics says of jobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from backline.clock import utc_now
from backline.db.database import Database, sqlite_url
from backline.errors import Invalid, Unavailable
from backline.jobs.figures import ACTIVE, ATTEMPTS, DURATION, OLDEST_QUEUED, Census, Changes
from backline.jobs.hints import Hints
from backline.jobs.job import Data
from backline.jobs.kinds import InProcess, JobKind, JobKinds, Work
from backline.jobs.queue import Jobs, Order
from backline.observability.metrics import MetricsInMemory
from tests.conftest import RunServer
from tests.jobs.test_loop import Gate
from tests.jobs.world import World, kind_of, make_trace, soon


class Measured(World):
    """A world whose changes are counted."""

    def __init__(self, database: Database, *kinds: JobKind) -> None:
        super().__init__(database, kinds)
        self.metrics = MetricsInMemory()
        self.jobs = Jobs(database, JobKinds(kinds), Hints(), on_change=Changes(self.metrics))
        self.census = Census(self.jobs, self.metrics)

    def attempts(self) -> dict[tuple[str, ...], float]:
        return {labels: count for (name, labels), count in self.metrics.totals.items() if name == ATTEMPTS.name}

    async def active(self) -> dict[tuple[str, ...], float]:
        await self.census.look()
        return {labels: count for (name, labels), count in self.metrics.totals.items() if name == ACTIVE.name}


def fails_once(error: Exception) -> Callable[[Work], Awaitable[Data]]:
    async def work(work: Work) -> Data:
        if work.job.attempt == 1:
            raise error
        return {}

    return work


async def test_every_attempt_and_every_end_is_counted_once(database: Database) -> None:
    await make_trace(database)
    gate = Gate()
    world = Measured(
        database,
        kind_of(),
        kind_of(fails_once(Unavailable("away")), name="flaky"),
        kind_of(fails_once(Invalid("no")), name="wrong"),
        kind_of(gate, name="gated"),
    )
    async with world.loop():
        for kind in ("echo", "echo", "flaky", "wrong"):
            await world.ended(await world.submit(kind))
        stopped = await world.submit("gated")
        await world.running(stopped)
        await world.jobs.cancel("anna", stopped.id)
        await world.ended(stopped)
        left = await world.submit("gated")
        await soon(lambda: gate.begun == 2)
    never = await world.submit("echo")
    await world.jobs.cancel("anna", never.id)  # an end without an attempt
    assert world.attempts() == {
        ("echo", "succeeded"): 2,
        ("flaky", "retrying"): 1,
        ("flaky", "succeeded"): 1,
        ("wrong", "failed"): 1,
        ("gated", "cancelled"): 1,
        ("gated", "given_back"): 1,
    }
    ends = {labels: values for (name, labels), values in world.metrics.values.items() if name == DURATION.name}
    assert {labels: len(values) for labels, values in ends.items()} == {
        ("echo", "succeeded"): 2,
        ("echo", "cancelled"): 1,
        ("flaky", "succeeded"): 1,
        ("wrong", "failed"): 1,
        ("gated", "cancelled"): 1,
    }
    assert all(0 <= value < 60 for values in ends.values() for value in values)
    assert not (await world.get(left)).terminal


async def test_what_waits_and_runs_is_counted_when_somebody_asks(database: Database) -> None:
    await make_trace(database)
    gate = Gate()
    world = Measured(database, kind_of(gate), kind_of(name="other"))
    none = {("echo", "queued"): 0, ("echo", "running"): 0, ("other", "queued"): 0, ("other", "running"): 0}
    assert await world.active() == none
    made = [await world.submit() for _ in range(3)]
    await world.submit("other", run_after=utc_now() + timedelta(hours=1))
    async with world.loop(local=2):
        await soon(lambda: gate.begun == 2)
        assert await world.active() == {**none, ("echo", "queued"): 1, ("echo", "running"): 2, ("other", "queued"): 1}
        gate.open.set()
        for job in made:
            await world.ended(job)
    assert await world.active() == {**none, ("other", "queued"): 1}


async def test_the_first_in_the_queue_is_as_old_as_it_has_been_due(database: Database) -> None:
    await make_trace(database)
    world = Measured(database, kind_of(), kind_of(name="later"), kind_of(name="none"))
    now = utc_now()
    for minutes in (5, 60, 1):
        await world.submit(run_after=now - timedelta(minutes=minutes))
    await world.submit("later", run_after=now + timedelta(hours=1))
    world.jobs.clock = lambda: now
    for _ in range(2):  # a second look changes nothing
        await world.census.look()
        ages = {labels: age for (name, labels), age in world.metrics.totals.items() if name == OLDEST_QUEUED.name}
        assert ages == {("echo",): 3600, ("later",): 0, ("none",): 0}


async def test_a_server_tells_them_and_nothing_of_its_users(run_server: RunServer, tmp_path: Path) -> None:
    kind = JobKind("private", InProcess(Gate()))
    server = run_server((), job_kinds=(kind,), jobs={"loop": False})
    database = Database.open(sqlite_url(tmp_path / "data" / "backline.db"))
    jobs = Jobs(database, JobKinds([kind]), Hints())
    queued = 'backline_jobs_active{kind="private",state="queued"}'
    with server.client() as client:
        before = samples(client)
        assert before[queued] == 0
        for number in range(5):
            await jobs.submit(Order("private", f"usr_hidden{number}", {}, key=f"hidden{number}"))
        after = samples(client)
        assert after[queued] == 5
        assert after.keys() == before.keys()
        assert "hidden" not in client.get("/metrics").text
    await database.close()


def samples(client: httpx.Client) -> dict[str, Any]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    told = [sample for family in families for sample in family.samples if sample.name.startswith("backline_jobs")]
    return {one.name + _labels(one.labels): one.value for one in told}


def _labels(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"
