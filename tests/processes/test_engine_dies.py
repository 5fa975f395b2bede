"""An engine's process is killed: its request fails in a way that nobody takes for success, and the next one works."""

from __future__ import annotations

import os
import signal

import httpx
import pytest

from tests.processes.conftest import Process, StartServer, until
from tests.processes.test_going_away import BLOCK_BYTES, Request, talking

pytestmark = pytest.mark.slow


def kill_engines(process: Process) -> None:
    for pid in process.engines():
        os.kill(pid, signal.SIGKILL)


def speaks(process: Process) -> bool:
    with process.client() as client:
        answer = client.post("/v1/tts/generate", json={"text": "xxxxx", "format": "pcm"})
    return answer.status_code == 200 and len(answer.content) == 5 * BLOCK_BYTES


def test_in_the_middle_of_a_stream(start_server: StartServer) -> None:
    process = start_server(speech={"workers": 1})
    request = Request(process, 500, stream=True)
    assert request.begun.wait(30)
    kill_engines(process)
    request.join()
    assert request.status == 200
    assert isinstance(request.error, httpx.RemoteProtocolError)
    assert 0 < len(request.data) < 500 * BLOCK_BYTES
    assert all(speaks(process) for _ in range(3))


def test_in_the_middle_of_a_whole_answer(start_server: StartServer) -> None:
    process = start_server(speech={"workers": 1})
    streamed = Request(process, 500, stream=False)
    with process.client() as client:
        while client.get("/v1/tts/health").json()["streams_in_flight"] == 0:
            pass
    kill_engines(process)
    streamed.join()
    assert (streamed.status, streamed.error) == (503, None)
    assert b"engine_crashed" in streamed.data
    assert b'"retryable":true' in streamed.data.replace(b" ", b"")
    assert speaks(process)


async def test_in_the_middle_of_a_session(start_server: StartServer) -> None:
    process = start_server(speech={"workers": 1})
    async with talking(process) as talker:
        await talker.say("y" * 500)
        await talker.send("input.flush")
        await talker.first_sound()
        kill_engines(process)
        while isinstance(event := await talker.receive(), bytes):
            pass
        assert (event["type"], event["code"], event["retryable"]) == ("error", "engine_crashed", True)
        await talker.say("yyyyy")
        await talker.send("input.done")
        assert len(b"".join((await talker.hear()).frames)) == 5 * BLOCK_BYTES
        await talker.end()


def test_while_it_had_nothing_to_do(start_server: StartServer) -> None:
    """Nobody was listening, so nobody has to hear of it."""
    process = start_server(speech={"workers": 1})
    (engine,) = process.engines()
    kill_engines(process)
    until(lambda: engine not in process.engines())
    assert speaks(process)
    assert len(process.engines()) == 1
