"""What ends a session or a part of it: cancel, a client that leaves, sleeps or does not read, a server that goes away.

What an engine did is in its diary, since it tells what a client cannot see: whether the engine really stopped.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable

import pytest
from websockets.asyncio.client import connect

from backline.engines.catalog import Isolation
from backline.realtime.sessions import Sessions
from tests.conftest import Running, RunServer
from tests.fakes.engines import CrashingEngine, FakeEngine, HangingEngine, LateEngine, SlowEngine, diary, entry
from tests.speech.talker import Event, Talker, talking

BOTH = pytest.mark.parametrize("isolation", list(Isolation))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def until_noted(event: str) -> None:
    await until(lambda: event in diary())


async def cancelled(talker: Talker) -> Event:
    """The acknowledgement; sound that was on its way comes before it."""
    while isinstance(event := await talker.receive(), bytes):
        pass
    assert event["type"] == "audio.done", event
    assert event["cancelled"] is True
    return event


@BOTH
async def test_cancel_before_the_first_sound(run_server: RunServer, isolation: Isolation) -> None:
    server = run_server((entry(LateEngine, isolation, default=True), entry(FakeEngine)))
    async with talking(server) as talker:
        await talker.say("Hello.")
        await talker.send("input.flush")
        await until_noted("thinking")
        await talker.send("cancel")
        done = await talker.expect("audio.done", cancelled=True, audio_seconds=0.0)
        await until_noted("cancelled")
        assert "block" not in diary()
        assert _record(server, done["request_id"])["outcome"] == "cancelled"
        await _speaks_again(talker)


@BOTH
async def test_cancel_in_the_middle(run_server: RunServer, isolation: Isolation) -> None:
    server = run_server((entry(SlowEngine, isolation, default=True), entry(FakeEngine)))
    async with talking(server) as talker:
        await talker.say("Hello.")
        await talker.send("input.flush")
        await talker.first_sound()
        await talker.send("cancel")
        done = await cancelled(talker)
        assert isinstance(done["audio_seconds"], float)
        assert 0 < done["audio_seconds"] < 20
        await until_noted("cancelled")
        assert "finished" not in diary()
        assert _record(server, done["request_id"])["outcome"] == "cancelled"
        await _speaks_again(talker)


async def test_cancel_with_nothing_running_is_answered_each_time(server: Running) -> None:
    async with talking(server, voice="tone-low") as talker:
        for _ in range(3):
            await talker.send("cancel")
            await talker.expect("audio.done", cancelled=True, request_id=None)


async def test_cancel_in_the_same_breath_as_the_text(server: Running) -> None:
    """The messages wait together at the server, so that the utterance is cancelled before its first step."""
    async with talking(server, voice="tone-low") as talker:
        for _ in range(20):
            await asyncio.gather(talker.say("Hello there. "), talker.send("cancel"))
            await talker.expect("audio.done", cancelled=True)
        await talker.say("Hello there.")
        await talker.send("input.done")
        await talker.hear()
        await talker.end()
    await until(lambda: server.service.streams_in_flight == 0)


async def test_cancel_twice_is_answered_twice(run_server: RunServer) -> None:
    server = run_server((entry(SlowEngine, default=True),))
    async with talking(server) as talker:
        await talker.say("Hello.")
        await talker.send("input.flush")
        await talker.first_sound()
        await asyncio.gather(talker.send("cancel"), talker.send("cancel"))
        assert (await cancelled(talker))["request_id"]
        await talker.expect("audio.done", cancelled=True, request_id=None)


async def test_cancel_ends_everything_that_waits_and_text_that_was_not_finished(run_server: RunServer) -> None:
    server = run_server((entry(SlowEngine, default=True), entry(FakeEngine)))
    async with talking(server) as talker:
        await talker.say("One.")
        await talker.send("input.flush")
        await talker.say("Two.")
        await talker.send("input.flush")
        await talker.say("Three is not fin")
        await talker.first_sound()
        await talker.send("cancel")
        first = await cancelled(talker)
        assert first["request_id"]
        for _ in range(2):  # neither was begun
            await talker.expect("audio.done", cancelled=True, request_id=None, audio_seconds=0.0)
        await _speaks_again(talker)


async def test_cancel_after_the_end_of_input_still_ends_the_session(run_server: RunServer) -> None:
    server = run_server((entry(SlowEngine, default=True),))
    async with talking(server) as talker:
        await talker.say("Hello.")
        await talker.send("input.done")
        await talker.first_sound()
        await talker.send("cancel")
        await cancelled(talker)
        await talker.end()


async def _speaks_again(talker: Talker) -> None:
    await talker.configure(voice="fake")
    await talker.say("Hello.")
    await talker.send("input.done")
    assert (await talker.hear()).done["cancelled"] is False
    await talker.end()


@BOTH
async def test_a_client_that_leaves_stops_its_engine(run_server: RunServer, isolation: Isolation) -> None:
    server = run_server((entry(SlowEngine, isolation, default=True),))
    async with talking(server) as talker:
        await talker.say("Hello.")
        await talker.send("input.flush")
        request = (await talker.first_sound()).start["request_id"]
    await until_noted("cancelled")
    await until(lambda: server.service.streams_in_flight == 0)
    assert "finished" not in diary()
    assert _record(server, request)["outcome"] == "client_left"


@BOTH
async def test_a_client_whose_line_breaks_before_the_first_sound_stops_its_engine(
    run_server: RunServer, isolation: Isolation
) -> None:
    server = run_server((entry(LateEngine, isolation, default=True),))
    async with talking(server) as talker:
        await talker.say("Hello.")
        await talker.send("input.flush")
        await until_noted("thinking")
        talker.connection.transport.abort()
        await until_noted("cancelled")
    assert "block" not in diary()


@BOTH
async def test_a_client_that_never_reads_is_dropped_and_its_engine_stops(
    run_server: RunServer, isolation: Isolation
) -> None:
    server = run_server((entry(FakeEngine, isolation, default=True),), speech={"stall_seconds": 0.5})
    host, port = server.address.removeprefix("http://").split(":")
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, (host, int(port)))
    async with connect(server.socket_address, sock=line) as connection:
        talker = Talker(connection)
        await talker.expect("session.ready")
        await talker.configure(format="wav", sample_rate=48_000)
        connection.transport.pause_reading()
        await talker.say("It goes on. " * 4000)  # more than an hour of sound
        await talker.send("input.flush")
        await until(lambda: server.service.streams_in_flight == 1)
        await until(lambda: server.service.streams_in_flight == 0)
        made = diary().count("block")
        await asyncio.sleep(0.3)
        assert diary().count("block") <= made + 1
        sessions = server.app.state.provided.get(Sessions)
        await until(lambda: len(sessions) == 0)  # long before it would count as idle
        connection.transport.abort()


async def test_a_silent_client_is_told_and_closed(run_server: RunServer) -> None:
    server = run_server(speech={"socket_idle_seconds": 0.3})
    async with talking(server, voice="tone-low") as talker:
        assert (await talker.refused())["code"] == "idle_timeout"
        assert await talker.closed() == 1008


async def test_a_client_that_begins_a_sentence_and_sleeps_is_closed_too(run_server: RunServer) -> None:
    """An utterance that waits for text holds one of the places for streams: not for ever."""
    server = run_server(speech={"socket_idle_seconds": 0.3})
    async with talking(server, voice="tone-low") as talker:
        await talker.say("I was about to say")
        assert (await talker.refused())["code"] == "idle_timeout"
        assert await talker.closed() == 1008
    await until(lambda: server.service.streams_in_flight == 0)


async def test_who_listens_is_not_idle(run_server: RunServer) -> None:
    server = run_server((entry(SlowEngine, default=True),), speech={"socket_idle_seconds": 0.2})
    async with talking(server) as talker:
        await talker.say("Hello.")
        await talker.send("input.flush")
        spoken = await talker.first_sound()
        while "".join(diary()).count("block") < 100:  # a second, five times the limit
            assert isinstance(await talker.receive(), bytes)
        await talker.send("cancel")
        await cancelled(talker)
        assert spoken.frames
        assert (await talker.refused())["code"] == "idle_timeout"


async def test_pings_keep_a_session_open(run_server: RunServer) -> None:
    server = run_server(speech={"socket_idle_seconds": 0.4})
    async with talking(server) as talker:
        for _ in range(6):
            await asyncio.sleep(0.15)
            await talker.send("ping")
            await talker.expect("pong")


async def test_an_engine_that_hangs_is_an_error_and_the_session_goes_on(run_server: RunServer) -> None:
    server = run_server((entry(HangingEngine, Isolation.PROCESS, default=True),), speech={"stall_seconds": 0.5})
    async with talking(server) as talker:
        await talker.say("hang on.")
        await talker.send("input.flush")
        error = await talker.refused()
        assert (error["code"], error["retryable"]) == ("engine_stalled", True)
        await talker.say("Hello.")
        await talker.send("input.done")
        await talker.hear()
        await talker.end()


async def test_an_engine_that_crashes_is_an_error_and_the_session_goes_on(run_server: RunServer) -> None:
    server = run_server((entry(CrashingEngine, Isolation.PROCESS, default=True),))
    async with talking(server) as talker:
        await talker.say("crash now.")
        await talker.send("input.flush")
        await talker.expect("audio.start")
        while isinstance(event := await talker.receive(), bytes):
            pass
        assert (event["type"], event["code"], event["retryable"]) == ("error", "engine_crashed", True)
        await talker.say("Hello.")
        await talker.send("input.done")
        await talker.hear()
        await talker.end()


async def test_more_streams_than_allowed_is_an_error_that_can_be_retried(run_server: RunServer) -> None:
    server = run_server((entry(SlowEngine, default=True),), speech={"max_streams": 1})
    async with talking(server) as first, talking(server) as second:
        await first.say("Hello.")
        await first.send("input.flush")
        await first.first_sound()
        await second.say("Hello.")
        await second.send("input.flush")
        error = await second.refused()
        assert (error["code"], error["retryable"]) == ("too_many_streams", True)
        await first.send("cancel")
        await cancelled(first)
        await second.say("Hello.")
        await second.send("input.flush")
        await second.first_sound()


async def test_a_server_that_goes_away_says_so(run_server: RunServer) -> None:
    server = run_server((entry(SlowEngine, default=True),))
    server.service.drain()
    async with talking(server) as talker:
        await talker.say("Hello.")
        error = await talker.refused()
        assert (error["code"], error["retryable"]) == ("draining", True)


async def test_nothing_that_was_said_is_in_the_log(run_server: RunServer) -> None:
    server = run_server()
    async with talking(server, voice="tone-low") as talker:
        await talker.say("Xylophones are secret.")
        await talker.connection.send(json.dumps({"type": "input.text", "text": "Zebras\x00 too"}))
        await talker.send("input.done")
        await talker.refused()
        await talker.hear()
        await talker.end()
    await until(lambda: "tts.stream_completed" in server.log.getvalue())
    assert "Xylophones" not in server.log.getvalue()
    assert "Zebras" not in server.log.getvalue()


def _record(server: Running, request_id: str) -> dict[str, object]:
    with server.client() as client:
        answer = client.get(f"/v1/tts/requests/{request_id}")
    assert answer.status_code == 200
    record: dict[str, object] = answer.json()
    return record
