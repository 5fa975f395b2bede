"""Two gateways, one of which passes speech on to the other: what a user hears, pays, and is told when one goes."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.databases import fresh_sqlite
from tests.processes.conftest import Process, running_process, until
from tests.speech.talker import Talker
from tests.web.some_key import PEPPER, make_key

pytestmark = pytest.mark.slow

BLOCK_BYTES = 480 * 2
"""Of the engine's 20 ms for each letter, as 16-bit PCM."""
SECOND_BYTES = 48_000


@dataclass
class Planes:
    """gateway: passes on to `plane`. key: good on both."""

    gateway: Process
    plane: Process
    key: str

    def client(self, process: Process) -> httpx.Client:
        return httpx.Client(base_url=process.address, headers={"X-API-Key": self.key}, timeout=30)

    def stream(self, client: httpx.Client, letters: int) -> Any:
        body = {"text": "x" * letters, "format": "pcm", "stream": True}
        return client.stream("POST", "/v1/tts/generate", json=body)

    def streams(self) -> int:
        with self.client(self.plane) as client:
            count: int = client.get("/v1/tts/health").json()["streams_in_flight"]
        return count

    def balance(self) -> Decimal:
        """Once nothing is held any more."""
        with self.client(self.gateway) as client:
            until(lambda: Decimal(client.get("/credits/balance").json()["held_seconds"]) == 0)
            return Decimal(client.get("/credits/balance").json()["balance_seconds"])

    @asynccontextmanager
    async def talking(self, key: str = "") -> AsyncIterator[Talker]:
        headers = {"X-API-Key": key or self.key}
        async with connect(self.gateway.socket_address, additional_headers=headers, max_size=None) as connection:
            yield Talker(connection)


@contextmanager
def two_planes(folder: Path) -> Iterator[Planes]:
    shared: dict[str, Any] = {"database": {"url": fresh_sqlite(folder)}, "accounts": PEPPER}
    with ExitStack() as stack:

        def start(name: str, **speech: Any) -> Process:
            (folder / name).mkdir()
            return stack.enter_context(running_process(folder / name, **shared, speech={"workers": 2, **speech}))

        plane = start("plane")
        yield Planes(start("gateway", plane_url=plane.address), plane, make_key(database=shared["database"]))


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planes]:
    """For tests that leave them as they were."""
    with two_planes(tmp_path_factory.mktemp("planes")) as planes:
        yield planes


@pytest.fixture
def planes(tmp_path: Path) -> Iterator[Planes]:
    with two_planes(tmp_path) as planes:
        yield planes


def test_it_sounds_and_costs_as_if_it_were_asked_directly(lasting: Planes) -> None:
    body = {"text": "Hello there.", "format": "pcm", "stream": True}
    before = lasting.balance()
    with lasting.client(lasting.gateway) as through, lasting.client(lasting.plane) as direct:
        for client in (through, direct):
            assert client.get("/v1/tts/health").json()["engines"][0]["running"]
        ours, theirs = (client.post("/v1/tts/generate", json=body) for client in (through, direct))
        assert ours.content == theirs.content
        assert set(ours.headers) == set(theirs.headers)
        assert before - lasting.balance() == 2 * Decimal(len(ours.content)) / SECOND_BYTES
        record = through.get(f"/v1/tts/requests/{ours.headers['x-request-id']}").json()
        assert record["outcome"] == "completed"
        openai = {"model": "tts-1", "voice": "alloy", "input": "Hi.", "response_format": "pcm"}
        assert through.post("/v1/audio/speech", json=openai).content
    assert "/v1/tts/generate" in lasting.plane.log.read_text()


def test_who_may_come_in_is_decided_there(lasting: Planes) -> None:
    with lasting.gateway.client() as client:
        nobody = client.get("/v1/voices")
        unknown = client.get("/v1/voices", headers={"X-API-Key": "bl_live_nobody"})
    assert (nobody.status_code, nobody.json()["code"]) == (403, "proxied_request")
    assert (unknown.status_code, unknown.headers.get_list("www-authenticate")) == (401, ["Bearer"])


def test_a_client_that_leaves_ends_it_there_and_pays_for_what_it_got(lasting: Planes) -> None:
    before = lasting.balance()
    with lasting.client(lasting.gateway) as client:
        with lasting.stream(client, 900) as answer:
            pieces = answer.iter_raw()
            got = sum(len(next(pieces)) for _ in range(10))
        until(lambda: lasting.streams() == 0)
        charged = before - lasting.balance()
    assert Decimal(got) / SECOND_BYTES <= charged <= Decimal(got) / SECOND_BYTES + 1


def test_a_client_that_reads_slowly_is_not_ahead_of_its_bill(lasting: Planes) -> None:
    """The engine is as fast as it can be; what waits on the way counts as delivered, and is little."""
    before = lasting.balance()
    text = "This is said rather quickly. " * 150
    body = f'{{"text": "{text}", "voice": "tone-low", "format": "pcm", "stream": true}}'.encode()
    host, port = lasting.gateway.address.removeprefix("http://").split(":")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        client.connect((host, int(port)))
        head = f"POST /v1/tts/generate HTTP/1.1\r\nHost: {host}\r\nX-API-Key: {lasting.key}\r\n"
        client.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        got = len(client.recv(4096))
        assert got
        time.sleep(2)
    until(lambda: lasting.streams() == 0)
    charged = before - lasting.balance()
    assert 0 < charged * SECOND_BYTES < 1_000_000


async def test_a_conversation_and_how_it_ends(lasting: Planes) -> None:
    async with lasting.talking() as talker:
        await talker.expect("session.ready")
        await talker.configure(format="pcm")
        await talker.say("z" * 20)
        await talker.send("input.done")
        assert len(b"".join((await talker.hear()).frames)) == 20 * BLOCK_BYTES
        await talker.end()
    async with lasting.talking("bl_live_nobody") as unknown:
        await unknown.refused()
        assert await unknown.closed() == 4401
    async with lasting.talking() as leaver:
        await leaver.expect("session.ready")
        await leaver.say("z" * 900)
        await leaver.send("input.flush")
        await leaver.first_sound()
    await asyncio.to_thread(until, lambda: lasting.streams() == 0)


async def test_a_gateway_that_goes_lets_everybody_finish(planes: Planes) -> None:
    with planes.client(planes.gateway) as client, planes.stream(client, 60) as answer:
        pieces = answer.iter_raw()
        heard = len(next(pieces))
        async with planes.talking() as talker:
            await talker.expect("session.ready")
            await talker.configure(format="pcm")
            await talker.say("z" * 60)
            await talker.send("input.flush")
            spoken = await talker.first_sound()
            planes.gateway.signal(signal.SIGTERM)
            await talker.hear(spoken)
            assert len(b"".join(spoken.frames)) == 60 * BLOCK_BYTES
            assert (await talker.refused())["code"] == "draining"
            assert await talker.closed() == 1013
        heard += sum(map(len, pieces))
    assert heard == 60 * BLOCK_BYTES
    assert await asyncio.to_thread(planes.gateway.ended) == 0


async def test_a_plane_that_goes_lets_everybody_finish(planes: Planes) -> None:
    with planes.client(planes.gateway) as client, planes.stream(client, 60) as answer:
        pieces = answer.iter_raw()
        heard = len(next(pieces))
        async with planes.talking() as talker:
            await talker.expect("session.ready")
            planes.plane.signal(signal.SIGTERM)
            assert (await talker.refused())["code"] == "draining"
            assert await talker.closed() == 1013
        refused = client.post("/v1/tts/generate", json={"text": "x"})
        assert (refused.status_code, refused.json()["code"]) == (503, "draining")
        heard += sum(map(len, pieces))
    assert heard == 60 * BLOCK_BYTES


async def test_a_plane_that_is_killed_makes_no_false_end(planes: Planes) -> None:
    with planes.client(planes.gateway) as client, planes.stream(client, 900) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        async with planes.talking() as talker:
            await talker.expect("session.ready")
            planes.plane.signal(signal.SIGKILL, whole_group=True)
            assert (await talker.refused())["code"] == "plane_unreachable"
            assert await talker.closed() == 1013
        with pytest.raises(httpx.RemoteProtocolError):
            for _ in pieces:
                pass
        refused = client.post("/v1/tts/generate", json={"text": "x"})
    assert (refused.status_code, refused.json()["code"], refused.json()["retryable"]) == (
        503,
        "plane_unreachable",
        True,
    )
    async with planes.talking() as late:
        assert (await late.refused())["code"] == "plane_unreachable"
