"""A server that is told to go: nobody is cut off, nobody new is let in, nothing stays behind."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.processes.conftest import Process, StartServer, lives, until
from tests.speech.talker import Talker

BLOCK_BYTES = 480 * 2
"""Of the engine's 20 ms for each letter, as 16-bit PCM."""


class Request(threading.Thread):
    """A request in a thread of its own. begun: set once the first bytes of the answer are there."""

    def __init__(self, process: Process, letters: int, *, stream: bool) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.status = 0
        self.data = b""
        self.error: Exception | None = None
        self._address = process.address
        self._body = {"text": "x" * letters, "format": "pcm", "stream": stream}
        self.start()

    def run(self) -> None:
        try:
            with httpx.stream("POST", f"{self._address}/v1/tts/generate", json=self._body, timeout=60) as answer:
                self.status = answer.status_code
                for chunk in answer.iter_raw():
                    self.data += chunk
                    self.begun.set()
        except httpx.HTTPError as error:
            self.error = error
        finally:
            self.begun.set()


@asynccontextmanager
async def talking(process: Process) -> Any:
    async with connect(process.socket_address, max_size=None) as connection:
        talker = Talker(connection)
        await talker.expect("session.ready")
        await talker.configure(format="pcm")
        yield talker


async def in_thread(function: Callable[[], Any]) -> Any:
    return await asyncio.to_thread(function)


def streams(process: Process) -> int:
    with process.client() as client:
        count: int = client.get("/v1/tts/health").json()["streams_in_flight"]
    return count


def is_draining(process: Process) -> bool:
    with process.client() as client:
        answer = client.get("/health/ready")
    return answer.status_code == 503 and answer.json() == {"status": "draining"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("whole_group", [False, True], ids=["server", "group"])
@pytest.mark.slow
async def test_what_runs_ends_whole_and_new_work_is_refused(
    start_server: StartServer, number: signal.Signals, whole_group: bool
) -> None:
    process = start_server(speech={"workers": 4})
    engines = process.engines()
    assert len(engines) == 4
    streamed = Request(process, 120, stream=True)
    async with talking(process) as talker, talking(process) as second, talking(process) as idle:
        await talker.say("y" * 110)
        await talker.send("input.done")
        await second.say("It goes on. ", "It is not ov")
        spoken, other = await talker.first_sound(), await second.first_sound()
        whole = Request(process, 50, stream=False)
        assert await in_thread(lambda: streamed.begun.wait(30))
        await in_thread(lambda: until(lambda: streams(process) == 4))

        process.signal(number, whole_group=whole_group)
        await in_thread(lambda: until(lambda: is_draining(process)))
        await _check_that_new_work_is_refused(process)
        assert (await idle.refused())["code"] == "draining"
        assert await idle.closed() == 1013
        await second.say("er until I say so.")
        await second.send("input.done")

        assert len(b"".join((await talker.hear(spoken)).frames)) == 110 * BLOCK_BYTES
        await talker.end()
        assert not (await second.hear(other)).done["cancelled"]
        await second.end()
    for request, letters in ((streamed, 120), (whole, 50)):
        await in_thread(request.join)
        assert (request.status, request.error) == (200, None)
        assert len(request.data) == letters * BLOCK_BYTES
    assert await in_thread(process.ended) == 0
    assert not [pid for pid in engines if lives(pid)]


async def _check_that_new_work_is_refused(process: Process) -> None:
    with process.client() as client:
        refused = client.post("/v1/tts/generate", json={"text": "Hello."})
        assert (refused.status_code, refused.json()["code"]) == (503, "draining")
        assert refused.json()["retryable"] is True
        assert int(refused.headers["retry-after"]) >= 1
        theirs = client.post("/v1/audio/speech", json={"model": "tts-1", "voice": "alloy", "input": "Hi."})
        assert (theirs.status_code, theirs.json()["error"]["code"]) == (503, "draining")
        assert client.get("/health").status_code == 200
        assert client.get("/").json()["status"] == "draining"
        assert client.get("/v1/tts/health").json()["status"] == "draining"
    async with connect(process.socket_address) as connection:
        late = Talker(connection)
        assert (await late.refused())["code"] == "draining"
        assert await late.closed() == 1013


@pytest.mark.slow
async def test_a_socket_gets_no_new_utterance_while_an_old_one_ends(start_server: StartServer) -> None:
    process = start_server()
    async with talking(process) as talker:
        await talker.say("z" * 60)
        await talker.send("input.flush")
        spoken = await talker.first_sound()
        process.signal(signal.SIGTERM)
        await in_thread(lambda: until(lambda: is_draining(process)))
        await talker.say("Something new.")
        await talker.send("input.flush")
        while isinstance(event := await talker.receive(), bytes):
            spoken.frames.append(event)
        if event["type"] == "error":
            assert (event["code"], event["retryable"]) == ("draining", True)
            await talker.hear(spoken)
        else:
            assert event["type"] == "audio.done"
            assert (await talker.refused())["code"] == "draining"
        assert len(b"".join(spoken.frames)) == 60 * BLOCK_BYTES
        assert (await talker.refused())["code"] == "draining"
        assert await talker.closed() == 1013
    assert await in_thread(process.ended) == 0


@pytest.mark.slow
async def test_the_limit_cuts_off_what_is_too_long(start_server: StartServer) -> None:
    process = start_server(server={"drain_seconds": 0.5})
    engines = process.engines()
    request = Request(process, 900, stream=True)
    async with talking(process) as talker:
        await talker.say("y" * 900)
        await talker.send("input.done")
        await talker.first_sound()
        assert await in_thread(lambda: request.begun.wait(30))
        process.signal(signal.SIGTERM)
        while True:
            try:
                await talker.receive()
            except ConnectionClosed:
                break
        assert await talker.closed() == 1012
    await in_thread(request.join)
    assert isinstance(request.error, httpx.RemoteProtocolError)
    assert len(request.data) < 900 * BLOCK_BYTES
    assert await in_thread(process.ended) == 0
    assert not [pid for pid in engines if lives(pid)]


@pytest.mark.slow
async def test_a_second_signal_stops_at_once(start_server: StartServer) -> None:
    process = start_server(server={"drain_seconds": 3600})
    engines = process.engines()
    request = Request(process, 900, stream=True)
    assert request.begun.wait(30)
    process.signal(signal.SIGTERM)
    until(lambda: is_draining(process))
    process.signal(signal.SIGTERM)
    assert process.ended() == -signal.SIGTERM
    request.join()
    assert request.error is not None
    assert len(request.data) < 900 * BLOCK_BYTES
    until(lambda: not any(map(lives, engines)))


@pytest.mark.slow
def test_with_nothing_to_do_it_is_gone_at_once(start_server: StartServer) -> None:
    process = start_server(server={"drain_seconds": 3600})
    engines = process.engines()
    with process.client() as client:  # a connection that is kept alive does not keep the server
        assert client.get("/health").status_code == 200
        process.signal(signal.SIGTERM)
        assert process.ended() == 0
    assert not [pid for pid in engines if lives(pid)]


@pytest.mark.slow
def test_a_server_that_is_killed_leaves_no_engine(start_server: StartServer) -> None:
    process = start_server()
    engines = process.engines()
    request = Request(process, 900, stream=True)
    assert request.begun.wait(30)
    process.signal(signal.SIGKILL)
    assert process.ended() == -signal.SIGKILL
    until(lambda: not any(map(lives, engines)))
    request.join()
    assert request.error is not None
