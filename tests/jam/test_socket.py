"""The jam over a WebSocket: music as it is made, control in, and a drop that loses nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK
from websockets.sync.client import ClientConnection, connect

from backline.media.audio import Samples
from backline.media.decode import decode
from tests.conftest import Running, RunServer
from tests.jam.client import Musician
from tests.jam.conftest import Meet
from tests.jam.test_routes import LOOP, RATE_HZ, SHORT


class Line:
    """One connection. seen: every event that came, without the chunks."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.seen: list[dict[str, Any]] = []

    def send(self, kind: str, **fields: Any) -> None:
        self._socket.send(json.dumps({"type": kind, **fields}))

    def event(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._socket.recv(timeout=20))
        if told["type"] != "chunk":
            self.seen.append(told)
        return told

    def until(self, kind: str) -> dict[str, Any]:
        while (told := self.event())["type"] != kind:
            if told["type"] == "chunk":
                self.sound(told)
        return told

    def chunk(self) -> tuple[int, Samples]:
        told = self.event()
        while told["type"] != "chunk":
            told = self.event()
        return told["index"], self.sound(told)

    def sound(self, told: dict[str, Any]) -> Samples:
        data = self._socket.recv(timeout=20)
        assert isinstance(data, bytes)
        assert len(data) == told["bytes"]
        return decode(data)[0]


@contextmanager
def line(server: Running, who: Musician) -> Iterator[Line]:
    address = server.address.replace("http://", "ws://") + "/jam/ws"
    header = {"Authorization": who.http.headers["Authorization"]}
    with connect(address, additional_headers=header, max_size=None) as socket:
        yield Line(socket)


def test_the_music_comes_as_it_is_consumed(server: Running, ada: Musician) -> None:
    session_id = ada.playing(LOOP, seed=3, **SHORT)
    with line(server, ada) as it:
        it.send("attach", session_id=session_id)
        assert it.event()["billing_state"] == "active"
        parts = []
        for index in range(6):
            came, samples = it.chunk()
            assert came == index
            parts.append(samples)
            it.send("consume", index=index)
    other = ada.playing(LOOP, seed=3, **SHORT)
    assert np.array_equal(np.concatenate(parts), ada.music(other, 6))  # the same music as over HTTP


@pytest.mark.slow
def test_a_client_that_consumes_nothing_is_sent_no_more_than_it_asked_for(server: Running, ada: Musician) -> None:
    session_id = ada.playing(LOOP, **SHORT)
    with line(server, ada) as it:
        it.send("attach", session_id=session_id, ahead=2)
        assert [it.chunk()[0] for _ in range(2)] == [0, 1]
        it.send("ping")
        assert it.until("pong") == {"type": "pong"}
        told = it.until("state")  # ten seconds later
        assert told["last_delivered_index"] == 1


def test_a_drop_loses_nothing(server: Running, ada: Musician) -> None:
    session_id = ada.playing(LOOP, seed=4, **SHORT)
    with line(server, ada) as it:
        it.send("attach", session_id=session_id)
        parts = [it.chunk()[1], it.chunk()[1]]
        it.send("consume", index=0)
    with line(server, ada) as it:
        it.send("attach", session_id=session_id, index=1)
        index, again = it.chunk()
        assert index == 1
        assert np.array_equal(again, parts[1])
        assert it.chunk()[0] == 2


def test_who_was_away_for_too_long_goes_on_from_what_there_is(server: Running, ada: Musician) -> None:
    session_id = ada.playing(LOOP, **SHORT)
    for index in range(8):
        assert ada.chunk(session_id)[1]["index"] == index
    ada.post("consume", session_id, chunk_index=5)
    with line(server, ada) as it:
        it.send("attach", session_id=session_id, index=0)
        assert it.until("error")["code"] == "chunk_gone"
        assert it.chunk()[0] == 6
        assert it.chunk()[0] == 7


def test_the_end_is_told_after_the_last_chunk(server: Running, ada: Musician) -> None:
    session_id = ada.playing(LOOP, **SHORT)
    ada.chunk(session_id)
    ada.post("stop", session_id)
    with line(server, ada) as it:
        it.send("attach", session_id=session_id, index=0, ahead=1)
        came = []
        while (told := it.event())["type"] != "ended":
            if told["type"] == "chunk":
                it.sound(told)
                came.append(told["index"])
                time.sleep(1.5)  # the state is looked at meanwhile
                it.send("consume", index=told["index"])
    assert came[-1] == ada.status(session_id)["last_made_index"]


def test_knobs_stop_and_close_over_the_socket(server: Running, ada: Musician) -> None:
    session_id = ada.playing(LOOP, **SHORT)
    with line(server, ada) as it:
        it.send("attach", session_id=session_id, format="flac")
        it.chunk()
        it.send("update", temperature=1.9, styles=["dub"], style_weights=[0.5])
        it.until("updated")
        it.send("update", temperature=99)
        assert it.until("error")["code"]
        it.send("update", tempo=120)
        assert it.until("error")["code"] == "bad_message"
        it.send("consume", index=-1)
        assert it.until("error")["code"] == "bad_message"
        it.send("sing")
        assert it.until("error")["code"] == "bad_message"
        it.send("stop")
        for index in range(8):
            it.send("consume", index=index)
        assert it.until("ended") == {"type": "ended"}
        it.send("close")
        closed = it.until("closed")
        assert closed["close_reason"] == "manual_close"
        with pytest.raises(ConnectionClosed) as ended:
            it.until("never")
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1000
    assert ada.status(session_id)["total_charged"] == closed["total_charged"]


@pytest.mark.slow
def test_credit_that_runs_out_is_told_and_ends_at_a_bar_line(run_server: RunServer, meet: Meet) -> None:
    """A minute and a half a second: three warnings, the last chunk, the end - and all of it is charged, no more."""
    server = run_server(jam={"engine": "metronome", "poll_seconds": 0.5}, credits={"welcome_seconds": 60.5})
    ada = meet(server)
    session_id = ada.playing(LOOP, bpm=240, bars_per_chunk=4)
    lengths = []
    with line(server, ada) as it:
        it.send("attach", session_id=session_id, ahead=1)
        while (told := it.event())["type"] != "closed":
            if told["type"] == "chunk":
                lengths.append(len(it.sound(told)))
                time.sleep(3.8)  # as it is played
                with suppress(ConnectionClosedOK):
                    it.send("consume", index=told["index"])
    assert [one["seconds_left"] for one in it.seen if one["type"] == "warning"] == [60, 30, 10]
    assert {"type": "ended"} in it.seen
    assert (told["close_reason"], told["total_charged"]) == ("credits_exhausted", "60.5")
    assert all(length % RATE_HZ == 0 for length in lengths)
    assert ada.balance == 0
    refused = ada.http.get("/jam/next", params={"session_id": session_id})
    assert (refused.status_code, refused.json()["code"]) == (402, "credits_exhausted")


def test_who_may_not_is_told_why(server: Running, ada: Musician, meet: Meet) -> None:
    session_id, eve = ada.playing(LOOP, **SHORT), meet(server, "eve")
    for who, message, code in (
        (eve, {"type": "attach", "session_id": session_id}, 4404),
        (ada, {"type": "attach", "session_id": "jam_unknown"}, 4404),
        (ada, {"type": "consume", "index": 1}, 1008),
    ):
        with line(server, who) as it:
            it.send(message.pop("type"), **message)  # type: ignore[arg-type]
            with pytest.raises(ConnectionClosed) as refused:
                it.until("never")
            assert refused.value.rcvd is not None
            assert refused.value.rcvd.code == code
            assert it.seen[-1]["type"] == "error"
