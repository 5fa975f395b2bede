"""Jobs over HTTP: lists, one job, cancel, events by SSE and by WebSocket."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Body
from sqlalchemy import event
from starlette.responses import Response
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from backline.jobs import router as jobs_router
from backline.jobs.following import Following
from backline.jobs.job import Data
from backline.jobs.kinds import InProcess, JobKind, Work
from backline.jobs.queue import Jobs, Order
from backline.jobs.router import IdempotencyKey, described
from backline.realtime.sessions import Sessions
from tests.conftest import Running, RunServer
from tests.processes.conftest import until


class Slow:
    """A handler that takes the steps it is let take."""

    def __init__(self) -> None:
        self.steps = threading.Semaphore(0)

    async def __call__(self, work: Work) -> Data:
        for step in range(int(work.job.input["steps"])):
            while not self.steps.acquire(blocking=False):
                await asyncio.sleep(0.01)
            work.note("step", number=step, blob="x" * int(work.job.input.get("blob", 0)))
        return {"url": "somewhere"}


class Served:
    """A server with a product: its route makes jobs of the kind `slow`, for whoever is named."""

    def __init__(self, server: Running, slow: Slow) -> None:
        self.server = server
        self.slow = slow
        self.loops: list[asyncio.AbstractEventLoop] = []
        self.jobs: Jobs = server.app.state.provided.get(Jobs)
        self.following: Following = server.app.state.provided.get(Following)
        server.app.add_api_route("/make/{owner}", self._make, methods=["POST"])

    async def _make(self, owner: str, data: Annotated[Any, Body()], key: IdempotencyKey = None) -> Response:
        self.loops.append(asyncio.get_running_loop())
        job = await self.jobs.submit(Order("slow", owner, data, billed=False, key=key))
        return described(job, self.jobs, 202)

    def make(self, owner: str = "local", key: str | None = None, **data: Any) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return httpx.post(f"{self.server.address}/make/{owner}", json=data, headers=headers)

    def order(self, owner: str = "local", steps: int = 0, **data: Any) -> str:
        return str(self.make(owner, steps=steps, **data).json()["id"])

    def ended(self, client: httpx.Client, job_id: str) -> dict[str, Any]:
        until(lambda: client.get(f"/api/jobs/{job_id}").json()["finished"] is not None)
        job: dict[str, Any] = client.get(f"/api/jobs/{job_id}").json()
        return job


@pytest.fixture
def served(run_server: RunServer) -> Served:
    slow = Slow()
    server = run_server(job_kinds=(JobKind("slow", InProcess(slow)),), jobs={"workers": 8, "lease_seconds": 2})
    return Served(server, slow)


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.server.client() as client:
        yield client


def test_a_job_as_its_owner_sees_it(served: Served, client: httpx.Client) -> None:
    job_id = served.order(steps=1)
    until(lambda: client.get(f"/api/jobs/{job_id}").json()["state"] == "running")
    answer = client.get(f"/api/jobs/{job_id}")
    assert answer.headers["retry-after"] == "1"
    assert 1000 <= answer.json()["poll_after_ms"] <= 5000
    assert "input" not in answer.json()
    served.slow.steps.release()
    job = served.ended(client, job_id)
    assert (job["state"], job["progress"], job["result"], job["error"]) == ("succeeded", 1, {"url": "somewhere"}, None)
    assert job["poll_after_ms"] is None
    assert "retry-after" not in client.get(f"/api/jobs/{job_id}").headers


def test_a_route_that_makes_one_says_where_it_is_and_takes_a_key(served: Served, client: httpx.Client) -> None:
    made = served.make(key="k", steps=0)
    assert made.status_code == 202
    assert client.get(made.headers["location"]).json()["id"] == made.json()["id"]
    assert served.make(key="k", steps=0).json()["id"] == made.json()["id"]
    other = served.make(key="k", steps=1)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert served.make(key="x" * 256, steps=0).status_code == 422


def test_lists_have_filters_and_pages(served: Served, client: httpx.Client) -> None:
    ids = [served.order() for _ in range(5)]
    served.order(owner="berta")
    for job_id in ids:
        served.ended(client, job_id)
    first = client.get("/api/jobs", params={"limit": 3}).json()
    assert [job["id"] for job in first["jobs"]] == ids[:1:-1]
    second = client.get("/api/jobs", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [job["id"] for job in second["jobs"]] == ids[1::-1]
    assert second["next_cursor"] is None
    assert client.get("/api/jobs", params={"state": ["queued", "failed"]}).json()["jobs"] == []
    assert len(client.get("/api/jobs", params={"state": "succeeded", "kind": "slow"}).json()["jobs"]) == 5
    assert client.get("/api/jobs", params={"kind": "other"}).json()["jobs"] == []
    for bad in ({"limit": 0}, {"limit": 101}, {"state": "done"}):
        assert client.get("/api/jobs", params=bad).status_code == 422


def test_what_is_somebody_elses_is_not_there(served: Served, client: httpx.Client) -> None:
    for job_id in (served.order(owner="berta"), "job_unknown"):
        for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel")):
            answer = client.request(method, f"/api/jobs/{job_id}{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")


def test_cancel_is_a_request_and_may_be_repeated(served: Served, client: httpx.Client) -> None:
    job_id = served.order(steps=1)
    until(lambda: client.get(f"/api/jobs/{job_id}").json()["state"] == "running")
    asked = client.post(f"/api/jobs/{job_id}/cancel")
    assert asked.status_code in (200, 202)
    assert served.ended(client, job_id)["state"] == "cancelled"
    again = client.post(f"/api/jobs/{job_id}/cancel")
    assert (again.status_code, again.json()["state"]) == (200, "cancelled")


def read_events(client: httpx.Client, job_id: str, last: str | None = None, at_most: int = 1000) -> list[Any]:
    """(id, kind, data) of each, until the stream ends."""
    headers = {"Last-Event-ID": last} if last else {}
    events: list[Any] = []
    with client.stream("GET", f"/api/jobs/{job_id}/events", headers=headers) as answer:
        if answer.status_code != 200:
            return [answer.status_code]
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "id" in fields:
                events.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
                fields = {}
                if len(events) == at_most:
                    break
    return events


def test_events_come_as_they_happen_and_end_with_the_job(served: Served, client: httpx.Client) -> None:
    job_id = served.order(steps=3)
    before = read_events(client, job_id, at_most=2)
    assert [kind for _, kind, _ in before] == ["queued", "started"]
    for _ in range(3):
        served.slow.steps.release()
    rest = read_events(client, job_id, last="2")
    assert [number for number, _, _ in rest] == [3, 4, 5, 6]
    assert [kind for _, kind, _ in rest] == ["step", "step", "step", "succeeded"]
    assert [data["data"]["number"] for _, kind, data in rest if kind == "step"] == [0, 1, 2]
    assert read_events(client, job_id) == before + rest
    assert read_events(client, job_id, last="6") == [204]
    assert read_events(client, job_id, last="six") == [422]
    until(lambda: len(served.following) == 0)


def test_a_number_of_another_log_waits_for_what_comes_next(served: Served, client: httpx.Client) -> None:
    job_id = served.order(steps=1)
    before = read_events(client, job_id, at_most=2)
    assert len(before) == 2
    told: list[Any] = []
    listening = threading.Thread(target=lambda: told.extend(read_events(client, job_id, last="500")))
    listening.start()
    until(lambda: len(served.following) == 1)
    served.slow.steps.release()
    listening.join(10)
    assert [(number, kind) for number, kind, _ in told] == [(3, "step"), (4, "succeeded")]


async def test_a_socket_too(served: Served) -> None:
    job_id = served.order(steps=1)

    async def listen() -> list[Any]:
        return [one if one == 1000 else one["kind"] async for one in follow(served, job_id, "?after=500")]

    listening = asyncio.create_task(listen())
    await asyncio.to_thread(until, lambda: len(served.following) == 1)
    served.slow.steps.release()
    assert (await asyncio.wait_for(listening, 10))[-2:] == ["succeeded", 1000]


@pytest.mark.slow
def test_two_hundred_listeners_are_one_reader_and_get_the_same(served: Served, client: httpx.Client) -> None:
    job_id = served.order(steps=5)
    reads = 0

    def count(*args: Any) -> None:
        nonlocal reads
        reads += "job_events" in args[2] and args[2].lstrip().upper().startswith("SELECT")

    event.listen(served.jobs.database._reader.sync_engine, "before_cursor_execute", count)

    async def listen(http: httpx.AsyncClient) -> int:
        seen = 0
        async with http.stream("GET", f"/api/jobs/{job_id}/events") as answer:
            async for line in answer.aiter_lines():
                seen += line.startswith("id:")
        return seen

    async def all_listen() -> list[int]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=served.server.address, timeout=60, limits=limits) as http:
            listening = [asyncio.create_task(listen(http)) for _ in range(200)]
            async with asyncio.timeout(50):
                while sum(reader.listeners for reader in served.following._readers.values()) < 200:
                    await asyncio.sleep(0.05)
                for _ in range(5):
                    served.slow.steps.release()
                    await asyncio.sleep(0.05)
                return await asyncio.gather(*listening)

    assert asyncio.run(all_listen()) == [8] * 200
    assert reads < 60


async def follow(served: Served, job_id: str, query: str = "") -> AsyncIterator[Any]:
    address = served.server.address.replace("http://", "ws://")
    async with connect(f"{address}/ws/jobs/{job_id}{query}") as connection:
        try:
            while True:
                yield json.loads(await connection.recv())
        except ConnectionClosed as closed:
            yield closed.rcvd.code if closed.rcvd else None


async def test_a_socket_tells_the_same(served: Served, client: httpx.Client) -> None:
    job_id = served.order(steps=1)
    served.slow.steps.release()
    told = [one async for one in follow(served, job_id)]
    assert [one["kind"] for one in told[:-1]] == ["queued", "started", "step", "succeeded"]
    assert [one["seq"] for one in told[:-1]] == [1, 2, 3, 4]
    assert told[-1] == 1000
    assert [one if one == 1000 else one["kind"] async for one in follow(served, job_id, "?after=3")] == [
        "succeeded",
        1000,
    ]
    assert [one async for one in follow(served, job_id, "?after=4")] == [1000]


async def test_a_socket_for_somebody_elses_job_is_closed(served: Served) -> None:
    told = [one async for one in follow(served, served.order(owner="berta"))]
    assert (told[0]["type"], told[0]["code"], told[-1]) == ("error", "job_not_found", 4404)


async def test_a_listener_that_leaves_is_forgotten(served: Served) -> None:
    job_id = served.order(steps=1)
    address = served.server.address.replace("http://", "ws://")
    async with connect(f"{address}/ws/jobs/{job_id}") as connection:
        await connection.recv()
        assert len(served.following) == 1
    await asyncio.to_thread(until, lambda: len(served.following) == 0)
    served.slow.steps.release()


def test_a_listener_that_never_reads_is_dropped_and_harms_nobody(
    served: Served, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_router, "_PATIENCE_SECONDS", 0.5)
    steps = 40
    job_id = served.order(steps=steps + 1, blob=400_000)
    host, port = served.server.address.removeprefix("http://").split(":")
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((host, int(port)))
        deaf.sendall(f"GET /api/jobs/{job_id}/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        until(lambda: len(served.following) == 1)
        for _ in range(steps):
            served.slow.steps.release()
        until(lambda: len(served.following) == 0)  # though the job still runs
        assert client.get(f"/api/jobs/{job_id}").json()["state"] == "running"
        served.slow.steps.release()
        assert len(read_events(client, job_id)) == steps + 4


def test_a_server_that_goes_away_lets_its_listeners_go(served: Served, client: httpx.Client) -> None:
    job_id = served.order(steps=1)
    events: list[Any] = []
    listening = threading.Thread(target=lambda: events.extend(read_events(client, job_id)))
    listening.start()
    until(lambda: len(served.following) == 1)
    sessions = served.server.app.state.provided.get(Sessions)
    loop = served.loops[0]
    asyncio.run_coroutine_threadsafe(sessions.drain(), loop).result(10)
    listening.join(10)
    assert not listening.is_alive()
    assert [kind for _, kind, _ in events] == ["queued", "started"][: len(events)]
