"""A client that leaves stops its engine, before the first sound as in the middle, and leaves nothing behind."""

from __future__ import annotations

import httpx
import pytest

from backline.engines.catalog import Isolation
from tests.conftest import Running, RunServer
from tests.fakes.engines import LateEngine, SlowEngine, diary, entry
from tests.speech.hearing import EVERY_FORMAT, GENERATE, TEXT, eventually, record_of, wire

MOST_BLOCKS_AFTER_LEAVING = 40
"""Of SlowEngine's 1,000, one every 10 ms; on an idle machine it is one or two."""

ISOLATIONS = pytest.mark.parametrize("isolation", list(Isolation))


def assert_left(server: Running, request_id: str) -> None:
    eventually(lambda: server.service.streams_in_flight == 0)
    assert record_of(server, request_id)["outcome"] == "client_left"
    eventually(lambda: "cancelled" in diary())
    assert "finished" not in diary()


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_leaving_in_the_middle_stops_the_engine(fakes: Running, name: str) -> None:
    with wire(fakes) as it:
        it.post({"text": "x", "voice": "slow", "format": name, "stream": True}, request_id="leaving")
        assert it.status() == 200
        chunks = it.chunks()
        for _ in range(3):
            next(chunks)
        it.leave()
        made_then = diary().count("block")
    assert_left(fakes, "leaving")
    assert diary().count("block") - made_then < MOST_BLOCKS_AFTER_LEAVING


@ISOLATIONS
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_leaving_before_the_first_sound_stops_the_engine(
    run_server: RunServer, isolation: Isolation, stream: bool
) -> None:
    """Servers tell of a client that left only to whoever asks, and before the first byte nobody would."""
    server = run_server((entry(LateEngine, isolation, default=True),), speech={"workers": 1})
    with wire(server) as it:
        it.post({"text": "x", "stream": stream}, request_id="leaving")
        eventually(lambda: "thinking" in diary())
    assert_left(server, "leaving")
    assert "block" not in diary()
    assert record_of(server, "leaving")["ttfb_ms"] is None


@ISOLATIONS
def test_leaving_a_whole_answer_while_it_is_made_stops_the_engine(run_server: RunServer, isolation: Isolation) -> None:
    server = run_server((entry(SlowEngine, isolation, default=True),), speech={"workers": 1})
    with wire(server) as it:
        it.post({"text": "x"}, request_id="leaving")
        eventually(lambda: diary().count("block") > 10)
        made_then = diary().count("block")
    assert_left(server, "leaving")
    assert diary().count("block") - made_then < MOST_BLOCKS_AFTER_LEAVING


def test_leaving_the_queue_leaves_the_turn_to_the_next(run_server: RunServer) -> None:
    """One instance, busy; those who wait for it and leave must neither be served nor keep their place."""
    server = run_server((entry(SlowEngine, default=True),), speech={"workers": 1})
    with wire(server) as busy:
        busy.post({"text": "x", "stream": True}, request_id="busy")
        assert busy.status() == 200
        for number in range(5):
            with wire(server) as waiting:
                waiting.post({"text": "x", "stream": True}, request_id=f"waiting-{number}")
                eventually(lambda: server.service.streams_in_flight == 2)
            eventually(lambda: server.service.streams_in_flight == 1)
    eventually(lambda: server.service.streams_in_flight == 0)
    eventually(lambda: "cancelled" in diary())
    assert diary().count("cancelled") == 1  # only the busy one had begun
    for number in range(5):
        assert record_of(server, f"waiting-{number}")["outcome"] == "client_left"
    with wire(server) as next_one:
        next_one.post({"text": "x", "stream": True})
        assert next_one.status() == 200


def test_the_engine_serves_others_after_many_have_left(fakes: Running, fake_client: httpx.Client) -> None:
    for _ in range(10):
        with wire(fakes) as it:
            it.post({"text": "x", "voice": "slow", "stream": True})
            it.status()
    eventually(lambda: fakes.service.streams_in_flight == 0)
    with fake_client.stream("POST", GENERATE, json={"text": "x", "voice": "slow", "stream": True}) as response:
        assert response.status_code == 200
        assert next(response.iter_raw())


def test_a_client_that_takes_nothing_is_given_up(run_server: RunServer) -> None:
    """It may not hold memory and a place for ever; the engine waits for it only so long."""
    server = run_server(speech={"workers": 1, "stall_seconds": 1.0})
    body = {"text": f"{TEXT} " * 500, "voice": "tone-low", "format": "pcm", "sample_rate": 48000, "stream": True}
    with wire(server) as it:
        it.post(body, request_id="idle")
        assert it.status() == 200
        eventually(lambda: server.service.streams_in_flight == 0)
        assert record_of(server, "idle")["outcome"] == "client_left"
        with pytest.raises(ConnectionError):
            for _ in it.chunks():
                pass


def test_leaving_while_the_request_is_still_being_sent_is_nobodys_failure(run_server: RunServer) -> None:
    server = run_server((entry(SlowEngine, default=True),))
    with wire(server) as it:
        it.send(b"POST /v1/tts/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        it.send(b'Content-Length: 1000\r\n\r\n{"text": "')
    eventually(lambda: "http.request" in server.log.getvalue())
    assert '"level":"error"' not in server.log.getvalue()


def test_what_is_logged_of_one_who_left_is_no_error(run_server: RunServer) -> None:
    server = run_server((entry(SlowEngine, default=True),))
    with wire(server) as it:
        it.post({"text": "x", "stream": True})
        it.status()
        next(it.chunks())
    eventually(lambda: "http.request" in server.log.getvalue())
    assert '"outcome":"client_left"' in server.log.getvalue()
    assert '"level":"error"' not in server.log.getvalue()
    assert "tts.error" not in server.log.getvalue()
