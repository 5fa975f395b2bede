"""kill -9 of the loop, of the gateway and of both at every stage, a cancel at every stage, a new version between two
attempts, with real money, files and children: one result, one charge, no process and no file that nobody owns."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from backline.credits.queries import verify
from backline.settings import Settings
from tests.databases import Postgres
from tests.processes.conftest import ROOT, lives, until
from tests.processes.paid_kind import BEFORE, COST_SECONDS, HERE, SIZE
from tests.processes.paid_process import paid_of
from tests.web.some_key import PEPPER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # each starts up to nine servers, one after the other

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRES = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
WELCOME = 600


class Member:
    """A process: a gateway with or without a loop, or a loop alone. It can be killed and started again."""

    def __init__(self, place: Place, *, serve: bool, loop: bool = True) -> None:
        self._place = place
        settings = place.settings | {"jobs": {"lease_seconds": 1, "workers": 2, "loop": loop}}
        self._given = {"settings": settings, "serve": serve}
        self._addresses: dict[int, str] = {}
        self.start()

    def start(self, version: str = "1") -> None:
        with self._place.log.open("a") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "tests.processes.paid_process", json.dumps({**self._given, "version": version})],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._place.members.append(self.popen)

    @property
    def address(self) -> str:
        """Of the process that runs now; waits until it listens."""
        if self.popen.pid not in self._addresses:
            assert self.popen.stdout is not None
            self._addresses[self.popen.pid] = self.popen.stdout.readline().strip()
        assert self._addresses[self.popen.pid], self._place.log.read_text()
        return self._addresses[self.popen.pid]

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()


class Place:
    """A database, a folder of files, a user, and the processes that work there."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.settings: dict[str, Any] = {
            "server": {"port": 0, "data_dir": str(folder / "data")},
            "database": {"url": url},
            "accounts": PEPPER,
            "limits": {"key_requests_per_minute": 100_000, "address_requests_per_minute": 100_000},
        }
        self.members: list[subprocess.Popen[str]] = []
        self._numbers = count()
        self._threads = ThreadPoolExecutor(4)
        self.token = ""

    def close(self) -> None:
        for popen in self.members:
            popen.kill()
            popen.communicate()
        self._threads.shutdown()

    def ask(self, member: Member, method: str, path: str, **more: Any) -> dict[str, Any]:
        if not self.token:
            login = httpx.post(f"{member.address}/auth/mock-login", json={"test_user_id": "ada"}, timeout=30)
            self.token = login.json()["token"]
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        answer = httpx.request(method, member.address + path, headers=headers, timeout=30, **more)
        assert answer.is_success, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def order(self, stage: str, **more: str) -> Order:
        return Order(self, f"{stage}-{next(self._numbers)}", stage, more)

    def in_thread(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        return self._threads.submit(function, *args)


class Order:
    """One job that stands still at a stage."""

    def __init__(self, place: Place, name: str, stage: str, more: dict[str, str]) -> None:
        self._place = place
        self._name = name
        self._data = {"folder": str(place.folder), "stage": stage, "go": name, **more}

    def make(self, member: Member) -> dict[str, Any]:
        return self._place.ask(member, "POST", "/make", json=self._data, headers={"Idempotency-Key": self._name})

    def make_and_forget(self, member: Member) -> None:
        """In a thread: its answer may never come."""
        member.address  # noqa: B018 - not in two threads at once
        self._place.in_thread(self.make, member)

    def at_stage(self, name: str | None = None) -> int:
        """Wait until a process is there; which."""
        at = self._place.folder / f"at-{name or self._name}"
        until(at.exists, 40)
        return int(at.read_text())

    def go(self) -> None:
        (self._place.folder / f"go-{self._name}").touch()

    def ended(self, member: Member) -> dict[str, Any]:
        """What a client that repeats its order sees, in the end."""
        job = self.make(member)
        end = time.monotonic() + 40
        while job["finished"] is None:
            assert time.monotonic() < end, (job, self._place.log.read_text()[-5000:])
            time.sleep(0.05)
            job = self._place.ask(member, "GET", f"/api/jobs/{job['id']}")
        return job


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    place = Place(tmp_path, database_url)
    yield place
    place.close()


def assert_right(place: Place, member: Member, ended: list[dict[str, Any]]) -> None:
    """Of all that ever was ordered: what succeeded is paid once and there once, and nothing else is anywhere."""
    done = [job for job in ended if job["state"] == "succeeded"]
    assert {job["state"] for job in ended} <= {"succeeded", "cancelled"}
    balance = place.ask(member, "GET", "/credits/balance")
    assert Decimal(balance["balance_seconds"]) == WELCOME - COST_SECONDS * len(done)
    assert balance["held_seconds"] == "0"
    charges = [
        one for one in place.ask(member, "GET", "/credits/history?limit=100")["entries"] if one["kind"] == "charge"
    ]
    assert len(charges) == len(done)
    assert len(place.ask(member, "GET", "/api/jobs?limit=100")["jobs"]) == len(ended)
    files = place.ask(member, "GET", "/api/files?limit=100")["files"]
    assert {file["id"] for file in files} == {job["result"]["file_id"] for job in done}
    assert {file["source"] for file in files} == {job["id"] for job in done}
    for file in files[:2]:
        assert len(httpx.get(member.address + file["url"]).content) == SIZE
    for job in done:
        kinds = events(place, member, job)
        assert kinds.count("succeeded") == 1
        assert kinds[-1] == "succeeded"
    asyncio.run(_assert_nothing_is_left(place, len(files)))
    for pid in (place.folder / "pids").read_text().split():
        until(lambda pid=pid: not lives(int(pid)), 10)  # type: ignore[misc]


def events(place: Place, member: Member, job: dict[str, Any]) -> list[str]:
    headers = {"Authorization": f"Bearer {place.token}"}
    told = httpx.get(f"{member.address}/api/jobs/{job['id']}/events", headers=headers, timeout=30).text
    return [line.removeprefix("event: ") for line in told.splitlines() if line.startswith("event: ")]


async def _assert_nothing_is_left(place: Place, files: int) -> None:
    parts = paid_of(Settings(_env_file=None, **place.settings))
    async with parts.storage:
        await parts.assets.sweep(orphan_seconds=0.01)
    async with parts.assets._database.read() as tx:
        assert await verify(tx) == []
    await parts.assets._database.close()
    stored = [path for path in (place.folder / "data" / "files").rglob("*") if path.is_file()]
    assert len(stored) == files, stored


@SQLITE
def test_both_are_killed_at_every_stage(place: Place) -> None:
    both = Member(place, serve=True)
    ended = []
    for stage in (*BEFORE, *HERE):
        order = place.order(stage)
        order.make_and_forget(both)
        order.at_stage()
        both.kill()
        both.start()
        job = order.ended(both)
        once = stage in ("ordering", "finished")
        assert job["attempt"] == (1 if once else 2) or stage == "ordered", stage  # which runs while it is answered
        ended.append(job)
    assert_right(place, both, ended)


@SQLITE
def test_the_loop_is_killed_at_every_stage(place: Place) -> None:
    gateway, loop = Member(place, serve=True, loop=False), Member(place, serve=False)
    ended = []
    for stage in HERE:
        order = place.order(stage)
        order.make(gateway)
        assert order.at_stage() != gateway.popen.pid
        loop.kill()
        loop.start()
        job = order.ended(gateway)
        assert job["attempt"] == (1 if stage == "finished" else 2), stage
        ended.append(job)
    assert_right(place, gateway, ended)


@SQLITE
def test_the_gateway_is_killed_at_every_stage_and_the_work_goes_on(place: Place) -> None:
    gateway, _ = Member(place, serve=True, loop=False), Member(place, serve=False)
    ended = []
    for stage in (*BEFORE, *HERE):
        order = place.order(stage)
        order.make_and_forget(gateway)
        order.at_stage()
        gateway.kill()
        if stage == "finish":  # on SQLite nobody else writes meanwhile, and a server writes when it starts
            order.go()
        gateway.start()
        order.go()
        job = order.ended(gateway)
        assert job["attempt"] == 1, stage
        ended.append(job)
    assert_right(place, gateway, ended)


@POSTGRES
def test_one_of_two_gateways_is_killed(place: Place) -> None:
    """At the claim, in the finish, and while it sweeps what the other has left; the other, or the next one, ends it."""
    gateways = [Member(place, serve=True), Member(place, serve=True)]
    ended = []
    for stage in ("claimed", "running", "finish", "finished"):
        order = place.order(stage)
        order.make(gateways[0])
        ended.append(_one_is_killed(gateways, order.at_stage(), order))
        assert ended[-1]["attempt"] == (1 if stage == "finished" else 2), stage
    order = place.order("stored", sweep="yes")
    order.make(gateways[0])
    first = _of(gateways, order.at_stage())
    first.kill()
    second = _of(gateways, order.at_stage("sweep"))
    assert second is not first
    second.kill()
    for gateway in gateways:
        gateway.start()
    ended.append(order.ended(first))
    assert ended[-1]["attempt"] == 2
    assert_right(place, second, ended)


def _of(gateways: list[Member], pid: int) -> Member:
    """Whose it is: a child stands for whoever started it."""
    parents = {pid}
    while not (found := [member for member in gateways if member.popen.pid in parents]):
        parents = {int(Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[1]) for one in parents}
    return found[0]


def _one_is_killed(gateways: list[Member], pid: int, order: Order) -> dict[str, Any]:
    killed = _of(gateways, pid)
    killed.kill()
    (other,) = (member for member in gateways if member is not killed)
    job = order.ended(other)
    killed.start()
    return job


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_a_cancel_at_every_stage_costs_nothing_or_comes_too_late(place: Place) -> None:
    both, ended = Member(place, serve=True), []
    for stage in HERE:
        order = place.order(stage)
        job = order.make(both)
        order.at_stage()
        asked = place.in_thread(place.ask, both, "POST", f"/api/jobs/{job['id']}/cancel")
        if stage == "finish":
            time.sleep(0.3)  # it waits for the row, which is being ended
        else:
            asked.result()
        order.go()
        asked.result()
        ended.append(order.ended(both))
        assert ended[-1]["state"] == ("succeeded" if stage in ("finish", "finished") else "cancelled"), stage
    chance = Random()
    orders = [place.order("nowhere") for _ in range(12)]
    for order in orders:  # at any other moment, the last millisecond too
        job = order.make(both)
        time.sleep(chance.uniform(0, 0.4))
        place.ask(both, "POST", f"/api/jobs/{job['id']}/cancel")
    ended += [order.ended(both) for order in orders]
    assert_right(place, both, ended)


@SQLITE
def test_a_new_version_takes_over_between_two_attempts(place: Place) -> None:
    """A deploy: SIGTERM, and another version is started. Nothing counts as failed, and the checkpoint is understood."""
    server = Member(place, serve=True)
    order = place.order("running")
    order.make(server)
    order.at_stage()
    until(lambda: order.make(server)["progress"] == 0.5)
    server.popen.send_signal(signal.SIGTERM)
    assert server.popen.wait(30) == 0
    server.start(version="2")
    job = order.ended(server)
    assert (job["state"], job["attempt"]) == ("succeeded", 2)
    assert job["result"]["checkpoint"] == {"by_version": "1"}
    headers = {"Authorization": f"Bearer {place.token}"}
    told = httpx.get(f"{server.address}/api/jobs/{job['id']}/events", headers=headers, timeout=30).text
    data = [json.loads(line.removeprefix("data: ")) for line in told.splitlines() if line.startswith("data: ")]
    assert [one["data"]["version"] for one in data if one["kind"] == "started"] == ["1", "2"]
    assert "retrying" not in {one["kind"] for one in data}
    assert_right(place, server, [job])


@POSTGRES
def test_the_database_is_away_for_ten_seconds(place: Place, postgres: Postgres) -> None:
    """While a child works: it ends meanwhile, is not begun again, and what it made is kept once there is a database."""
    server = Member(place, serve=True)
    order = place.order("running")
    job = order.make(server)
    order.at_stage()
    with postgres.closed(place.settings["database"]["url"]):
        refused = httpx.get(
            f"{server.address}/api/jobs", headers={"Authorization": f"Bearer {place.token}"}, timeout=30
        )
        assert refused.status_code == 503
        order.go()
        time.sleep(10)
        assert httpx.get(f"{server.address}/health", timeout=30).status_code == 200
    ended = order.ended(server)
    assert (ended["id"], ended["state"], ended["attempt"]) == (job["id"], "succeeded", 1)
    assert_right(place, server, [ended])
