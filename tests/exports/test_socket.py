"""An export over its WebSocket: from where it stands to its end, to its owner alone, however many listen."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from backline.exports import socket as exports_socket
from backline.exports import views, work
from backline.exports.service import Exports
from backline.ids import new_id
from backline.jobs.following import Following
from tests.conftest import Running, running
from tests.exports.client import ExportsClient
from tests.films import Film

WINDOW = {"time": 0, "x": 0, "y": 0, "width": 192, "height": 108}
LISTENERS = 200
LAG_SECONDS = 0.05


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return Film(frames=30).write(tmp_path_factory.mktemp("films") / "film.mp4").read_bytes()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    many = {"key_requests_per_minute": 100_000, "address_requests_per_minute": 100_000}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "_RENDER", "tests.exports.renders:paced")
        with running(tmp_path_factory.mktemp("data"), (), limits=many) as server:
            yield server


@pytest.fixture
def ada(server: Running) -> Iterator[ExportsClient]:
    client = ExportsClient(server.address, new_id("ada"))
    with client.http:
        yield client


@pytest.fixture
def job_id(ada: ExportsClient, film: bytes) -> str:
    """Of an export that takes two seconds."""
    return ada.order({"input_key": ada.upload(film), "keyframes": [WINDOW], "target_fps": 30, "encoder": "x264"})


@asynccontextmanager
async def listening(client: ExportsClient, job_id: str) -> AsyncIterator[ClientConnection]:
    async with connect(client.socket_address(job_id), additional_headers=client.headers) as connection:
        yield connection


async def told(connection: ClientConnection) -> tuple[list[dict[str, Any]], int | None]:
    """All that comes, and the code with which it is closed."""
    messages = []
    try:
        while True:
            messages.append(json.loads(await connection.recv()))
    except ConnectionClosed as closed:
        return messages, closed.rcvd.code if closed.rcvd else None


async def heard(client: ExportsClient, job_id: str) -> tuple[list[dict[str, Any]], int | None]:
    async with listening(client, job_id) as connection:
        return await told(connection)


async def test_it_is_told_from_where_it_stands_to_its_end(ada: ExportsClient, job_id: str) -> None:
    """Pains 3, 16: progress is of frames that are done, and begins with the first of them."""
    messages, code = await heard(ada, job_id)
    assert code == 1000
    reached = [one["progress"] for one in messages]
    assert reached == sorted(reached)
    assert len({one["current"] for one in messages if one["status"] == "processing"}) >= 3
    assert {one["total"] for one in messages if one["current"] is not None} == {30}
    for one in messages[:-1]:
        assert (one["done"], one["outputUrl"], one["error"]) == (False, None, None)
        assert one["progress"] <= 99
        assert one["message"]
    end = messages[-1]
    assert (end["status"], end["phase"], end["done"], end["progress"]) == ("complete", "complete", True, 100)
    assert (end["type"], end["projectId"], end["error"]) == ("framing", 1, None)
    assert ada.fetched({"output_url": end["outputUrl"]})
    assert await heard(ada, job_id) == ([end | {"outputUrl": ada.item(job_id)["output_url"]}], 1000)


@pytest.mark.slow
async def test_who_was_cut_off_goes_on_where_it_stands(ada: ExportsClient, job_id: str) -> None:
    """Pain 17: a line that breaks is not a failure; whoever comes back is told at once, however often."""
    reached = 0.0
    for _ in range(4):
        async with listening(ada, job_id) as connection:
            for _ in range(2):
                message = json.loads(await connection.recv())
                assert message["status"] in ("pending", "processing")
                assert message["progress"] >= reached
                reached = message["progress"]
            connection.transport.abort()
    messages, code = await heard(ada, job_id)
    assert (messages[0]["progress"] >= reached, messages[-1]["status"], code) == (True, "complete", 1000)


async def test_a_cancel_is_told(ada: ExportsClient, job_id: str) -> None:
    """Pain 17: an error has its words."""
    async with listening(ada, job_id) as connection:
        await connection.recv()
        await asyncio.to_thread(ada.cancel, job_id)
        messages, code = await told(connection)
    assert (messages[-1]["status"], messages[-1]["error"], code) == ("cancelled", "Cancelled by user", 1000)
    assert (messages[-1]["done"], messages[-1]["outputUrl"]) == (True, None)


async def test_only_its_owner_hears_of_it(server: Running, ada: ExportsClient, job_id: str) -> None:
    """Pain 14: whose it is, is in the export, and not in the request that made it."""
    bob = ExportsClient(server.address, "bob")
    with bob.http:
        foreign, unknown = await heard(bob, job_id), await heard(ada, "job_unknown")
    assert foreign == unknown
    assert (foreign[1], foreign[0][0]["code"]) == (4404, "export_not_found")
    nobody = ExportsClient(server.address, "nobody")
    nobody.headers = {"Authorization": "Bearer wrong"}
    with nobody.http:
        assert (await heard(nobody, job_id))[1] == 4401


async def test_a_ping_is_answered_in_between(ada: ExportsClient, job_id: str) -> None:
    async with listening(ada, job_id) as connection:
        for message in ("ping", "what is this", "ping"):
            await connection.send(message)
        heard = [await connection.recv() for _ in range(4)]
        assert heard.count("pong") == 2
        assert all(json.loads(one)["status"] for one in heard if one != "pong")


@pytest.mark.slow
def test_one_that_never_reads_holds_nobody_up(
    server: Running, ada: ExportsClient, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the render, nor the others; and it is dropped when it has taken nothing for long."""
    monkeypatch.setattr(exports_socket, "_PATIENCE_SECONDS", 0.5)
    tell = views.socket_message

    async def at_length(*args: Any) -> dict[str, Any]:
        return {**await tell(*args), "message": "x" * 3_000_000}  # so that it does not fit into any buffer

    monkeypatch.setattr(exports_socket, "socket_message", at_length)
    following: Following = server.app.state.provided.get(Following)
    with _deaf(ada, job_id):
        _until(lambda: len(following) == 0 and ada.item(job_id)["status"] != "pending")
        monkeypatch.setattr(exports_socket, "socket_message", tell)
        messages, code = asyncio.run(heard(ada, job_id))
        assert (messages[-1]["status"], code) == ("complete", 1000)


@contextmanager
def _deaf(client: ExportsClient, job_id: str) -> Iterator[None]:
    base = client.http.base_url
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect((base.host, base.port))
        head = f"GET /ws/export/{job_id} HTTP/1.1\r\nHost: {base.host}:{base.port}\r\nUpgrade: websocket\r\n"
        head += "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        line.sendall((head + f"Authorization: {client.headers['Authorization']}\r\n\r\n").encode())
        assert line.recv(12) == b"HTTP/1.1 101"
        yield


def _until(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


class LoopMeter:
    """What the server's loop does at once, longest first: CPU seconds of its thread between two of its rounds, which
    are the same on a busy machine; and the seconds by which a timer was late."""

    def __init__(self) -> None:
        self.cpu_seconds: list[float] = []
        self.late_seconds: list[float] = []
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Called in the loop; once."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            cpu, now = time.thread_time(), time.monotonic()
            await asyncio.sleep(0.005)
            self.cpu_seconds.append(time.thread_time() - cpu)
            self.late_seconds.append(time.monotonic() - now - 0.005)


@pytest.fixture
def meter(ada: ExportsClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopMeter]:
    meter, active = LoopMeter(), Exports.active

    async def metered(self: Exports, *args: Any) -> Any:
        meter.begin()
        return await active(self, *args)

    monkeypatch.setattr(Exports, "active", metered)
    ada.get("/api/exports/active")
    gc.collect()
    gc.freeze()  # a full collection of all that tests hold takes longer than what is measured here
    yield meter
    gc.unfreeze()


@pytest.mark.slow
async def test_two_hundred_listeners_all_hear_the_end_and_the_loop_is_never_blocked(
    ada: ExportsClient, meter: LoopMeter, job_id: str
) -> None:
    """Pain 15: neither probing, rendering and storing, nor telling of it, stops the server."""
    come = asyncio.Semaphore(8)

    async def listens() -> tuple[list[dict[str, Any]], int | None]:
        async with AsyncExitStack() as stack:
            async with come:  # people do not all come in the same millisecond
                connection = await stack.enter_async_context(listening(ada, job_id))
                first = json.loads(await connection.recv())
            messages, code = await told(connection)
            return [first, *messages], code

    ends = await asyncio.gather(*(listens() for _ in range(LISTENERS)))
    assert {code for _, code in ends} == {1000}
    assert {messages[-1]["status"] for messages, _ in ends} == {"complete"}
    assert None not in {messages[-1]["outputUrl"] for messages, _ in ends}
    for messages, _ in ends:
        reached = [one["progress"] for one in messages]
        assert reached == sorted(reached)
        assert len(reached) > 1, "it came too late to be told of the end"
    assert max(meter.cpu_seconds) < LAG_SECONDS
    assert max(meter.late_seconds) < 2  # 4 to 120 s, where others did their work in the loop
