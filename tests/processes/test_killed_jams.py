"""kill -9 and SIGTERM of the worker and of the gateway in the middle of a jam: nobody pays for time after the end, the
books are right, nothing stays open, nothing is held, and what still plays goes on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.jam.client import Musician
from tests.jam.test_socket import Line
from tests.processes.conftest import until
from tests.processes.jam_place import (
    LOOP,
    PATIENCE_SECONDS,
    SHORT,
    Lived,
    Member,
    Place,
    code_of,
    go_on_at,
    heard,
    waiting_for_the_far_future,
)
from tests.processes.jam_worker import KEY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # each starts up to four programs

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BOTH = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
KILLED_OR_TOLD = pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    place = Place(tmp_path, database_url)
    yield place
    place.close()


@contextmanager
def line(gateway: Member, who: Musician) -> Iterator[Line]:
    address = gateway.address.replace("http://", "ws://") + "/jam/ws"
    header = {"Authorization": who.http.headers["Authorization"]}
    with connect(address, additional_headers=header, max_size=None) as socket:
        yield Line(socket)


@BOTH
def test_the_worker_is_killed_and_another_comes(place: Place) -> None:
    """Dead, and not just away: what it had told last is charged, and nothing is made again behind anybody's back."""
    worker = place.worker()
    gateway = place.gateway(worker.url)
    ada, lived = place.musician(gateway), Lived()
    lost = ada.playing(LOOP, **SHORT)
    heard(ada, lost, 0)
    answer = waiting_for_the_far_future(place, ada, lost)
    told = place.billed(lost)
    worker.kill()
    most = lived.seconds
    assert (answer().status_code, answer().json()["code"]) == (503, "worker_unreachable")
    status = ada.status(lost)
    assert (status["billing_state"], status["reachable"]) == ("active", False)
    worker.start()
    ended = place.closed(lost)
    assert ended.close_reason == "worker_lost"
    assert told <= ended.total / 1_000_000 <= most
    assert code_of(ada, "update", lost, temperature=1) == "session_closed"
    assert float(ada.post("close", lost)["total_charged"]) == ended.charged_micro / 1_000_000
    another = ada.playing(LOOP, **SHORT)
    heard(ada, another, 0)
    ada.post("close", another)
    place.assert_right()


@SQLITE
def test_the_worker_is_told_to_go(place: Place) -> None:
    """It closes its sessions, and stays until their last figures were asked for: they are charged to the end."""
    worker = place.worker()
    gateway = place.gateway(worker.url, poll_seconds=2)
    ada, lived = place.musician(gateway), Lived()
    session_id = ada.playing(LOOP, **SHORT)
    heard(ada, session_id, 0)
    seen = ada.status(session_id)["billable_elapsed_seconds"]
    worker.end(signal.SIGTERM)
    most = lived.seconds
    ended = place.closed(session_id)
    assert ended.close_reason == "shutdown"
    assert seen <= ended.total / 1_000_000 <= most
    assert code_of(ada, "stop", session_id) == "session_closed"
    refused = ada.http.post("/jam/warmup")
    assert (refused.status_code, refused.json()["code"]) == (503, "worker_unreachable")
    place.assert_right()


@KILLED_OR_TOLD
@SQLITE
def test_a_gateway_goes_and_the_next_one_goes_on(place: Place, number: int) -> None:
    """The worker plays on meanwhile: the same session, no chunk missing, and every second is charged once."""
    worker = place.worker()
    gateway = place.gateway(worker.url)
    ada, lived = place.musician(gateway), Lived()
    session_id, parts = ada.playing(LOOP, **SHORT), []
    with line(gateway, ada) as it:
        it.send("attach", session_id=session_id)
        for index in range(3):
            parts.append(it.chunk()[1])
            it.send("consume", index=index)
        told = place.billed(session_id)
        gateway.end(number)
        with pytest.raises(ConnectionClosed):
            it.until("never")
        assert number == signal.SIGKILL or it.seen[-1]["code"] == "draining"
    gateway.start()
    go_on_at(ada, gateway)
    assert ada.status(session_id)["billing_state"] == "active"
    with line(gateway, ada) as it:
        it.send("attach", session_id=session_id, index=3)
        for index in range(3, 6):
            came, samples = it.chunk()
            assert came == index
            parts.append(samples)
            it.send("consume", index=index)
        assert place.billed(session_id, told + 1) > told
        it.send("close")
        closed = it.until("closed")
    assert closed["billable_elapsed_seconds"] <= lived.seconds
    assert float(closed["total_charged"]) == closed["billable_elapsed_seconds"]
    other = ada.playing(LOOP, **SHORT)
    assert np.array_equal(np.concatenate(parts), ada.music(other, 6))
    ada.post("close", other)
    place.assert_right()


@SQLITE
def test_a_gateway_is_killed_while_a_session_warms_up(place: Place) -> None:
    """Its owner never hears of it, and the next gateway leaves it neither open nor held."""
    grace_seconds = 0.5
    worker = place.worker(idle_seconds=3, grace_seconds=grace_seconds)
    gateway = place.gateway(worker.url)
    ada = place.musician(gateway)
    assert worker.address
    worker.popen.send_signal(signal.SIGSTOP)
    asking = place.in_thread(ada.http.post, "/jam/warmup")
    until(lambda: bool(place.sessions()), PATIENCE_SECONDS)
    gateway.kill()
    assert asking.exception() is not None
    worker.popen.send_signal(signal.SIGCONT)
    (warming,) = place.sessions()
    assert warming.state == "warming"
    gateway.start()
    assert place.closed(warming.id).total <= grace_seconds * 1_000_000
    go_on_at(ada, gateway)
    ada.post("close", ada.warm())
    place.assert_right()


@SQLITE
def test_a_gateway_that_comes_late_charges_what_the_worker_says(place: Place) -> None:
    """Nobody was there, so the session has ended by itself: billed until the last call, and a moment more."""
    grace_seconds = 0.5
    worker = place.worker(idle_seconds=3, grace_seconds=grace_seconds)
    gateway = place.gateway(worker.url)
    ada, lived = place.musician(gateway), Lived()
    session_id = ada.playing(LOOP, **SHORT)
    heard(ada, session_id, 0)
    gateway.kill()
    most = lived.seconds + grace_seconds
    form = {"session_id": session_id}
    with httpx.Client(base_url=worker.address, headers={"X-API-Key": KEY}) as client:
        until(lambda: client.post("/status/peek", data=form).json()["billing_state"] == "closed", PATIENCE_SECONDS)
        gateway.start()
        ended = place.closed(session_id)
        told = client.post("/status/peek", data=form).json()
    assert ended.close_reason == told["close_reason"] == "idle"
    assert ended.total == round(told["billable_elapsed_seconds"] * 1_000_000)
    assert 0 < ended.total / 1_000_000 <= most
    place.assert_right()


@BOTH
def test_a_gateway_that_plays_itself_is_killed(place: Place) -> None:
    """The music is gone with it: the next one ends the session at the last total that was written down."""
    gateway = place.gateway()
    ada, lived = place.musician(gateway), Lived()
    session_id = ada.playing(LOOP, **SHORT)
    heard(ada, session_id, 0)
    told = place.billed(session_id)
    gateway.kill()
    most, written = lived.seconds, place.session(session_id).total
    gateway.start()
    go_on_at(ada, gateway)
    assert code_of(ada, "stop", session_id) in ("session_elsewhere", "session_closed")
    ended = place.closed(session_id)
    assert (ended.close_reason, ended.total) == ("worker_lost", written)
    assert told <= written / 1_000_000 <= most
    assert ada.status(session_id)["total_charged"] == ada.post("close", session_id)["total_charged"]
    ada.post("close", ada.playing(LOOP, **SHORT))
    place.assert_right()


@SQLITE
def test_a_gateway_that_plays_itself_is_told_to_go(place: Place) -> None:
    gateway = place.gateway()
    ada, lived = place.musician(gateway), Lived()
    session_id = ada.playing(LOOP, **SHORT)
    heard(ada, session_id, 0)
    seen = ada.status(session_id)["billable_elapsed_seconds"]
    gateway.end(signal.SIGTERM)
    ended = place.session(session_id)
    assert (ended.state, ended.close_reason) == ("closed", "server_stopped")
    assert seen <= ended.total / 1_000_000 <= lived.seconds
    place.assert_right()


@BOTH
def test_two_gateways_one_worker_and_a_kill(place: Place) -> None:
    """Any of them serves; one of them bills; when that one is killed, the other does."""
    worker = place.worker()
    gateways = [place.gateway(worker.url) for _ in range(2)]
    ones = [place.musician(gateway) for gateway in gateways]
    lived = Lived()
    session_id = ones[0].warm()
    starts = [place.in_thread(lambda one=one: one.start(session_id, LOOP, **SHORT).status_code) for one in ones]
    assert sorted(start.result() for start in starts) == [200, 409]
    for index in range(4):
        heard(ones[index % 2], session_id, index)
    told = place.billed(session_id)
    gateways[0].kill()  # it has made the session, and looks after it
    heard(ones[1], session_id, 4)
    assert place.billed(session_id, told + 2) > told
    closed = ones[1].post("close", session_id)
    assert closed["billable_elapsed_seconds"] <= lived.seconds
    place.assert_right()
