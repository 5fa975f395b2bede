"""kill -9 of the worker and of the gateway in the middle of a jam; answers that are lost, rubbish or never come; races;
credit that runs out: nobody pays for time after the end, the books are right, nothing stays open, nothing is held."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.databases import Postgres
from tests.jam.client import Musician
from tests.jam.test_socket import Line
from tests.processes.conftest import until
from tests.processes.jam_front import Front, front_of, said
from tests.processes.jam_place import (
    KEY,
    LOOP,
    PATIENCE_SECONDS,
    POLL_SECONDS,
    RATE_HZ,
    SHORT,
    Member,
    Place,
    code_of,
    go_on_at,
    heard,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # each starts up to four programs, one after the other

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRES = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
BOTH = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
KILLED_OR_TOLD = pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])

NONSENSE = {
    "500": said(b'{"ok": false, "error": "Something went wrong.", "code": "internal_error"}', 500),
    "503": said(b"upstream is away", 503, "text/plain"),
    "404 of a proxy": said(b"<html>nothing here</html>", 404, "text/html"),
    "a page": said(b"<html>It works!</html>", 200, "text/html"),
    "half of an answer": said(b'{"ok": true, "billing_state": "closed"')[:-10],
    "another's figures": said(json.dumps({"ok": True, "session_id": "jam_other", "billing_state": "closed"}).encode()),
    "no figures": said(b'{"ok": true, "billing_state": "closed", "billable_elapsed_seconds": "many"}'),
    "not a word": b"",
}
"""What a worker may answer with that nothing follows from: above all not that a session has ended."""


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    place = Place(tmp_path, database_url)
    yield place
    place.close()


class Lived:
    """How long something has lasted at most, so far."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun


@contextmanager
def line(gateway: Member, who: Musician) -> Iterator[Line]:
    address = gateway.address.replace("http://", "ws://") + "/jam/ws"
    header = {"Authorization": who.http.headers["Authorization"]}
    with connect(address, additional_headers=header, max_size=None) as socket:
        yield Line(socket)


def waiting_for_the_far_future(place: Place, who: Musician, session_id: str) -> Callable[[], httpx.Response]:
    """Somebody asks for a chunk that will not be made soon; what gives the answer that they got."""
    query: dict[str, Any] = {"session_id": session_id, "index": 900, "timeout_seconds": 25}
    asking = place.in_thread(lambda: who.http.get("/jam/next", params=query))
    time.sleep(2 * POLL_SECONDS)
    return asking.result


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


@POSTGRES
def test_the_database_is_away_for_a_while(place: Place, postgres: Postgres, database_url: str) -> None:
    """Nothing is told and nothing is written meanwhile; then the music goes on, and all of it is charged."""
    worker = place.worker()
    gateway = place.gateway(worker.url)
    ada, lived = place.musician(gateway), Lived()
    session_id = ada.playing(LOOP, **SHORT)
    heard(ada, session_id, 0)
    told = place.billed(session_id)
    with postgres.closed(database_url):
        refused = ada.http.get("/jam/next", params={"session_id": session_id, "index": 1})
        assert (refused.status_code, refused.json()["retryable"]) == (503, True)
        time.sleep(5 * POLL_SECONDS)
    heard(ada, session_id, 1)
    assert place.billed(session_id, told + 1) > told
    closed = ada.post("close", session_id)
    assert float(closed["total_charged"]) == closed["billable_elapsed_seconds"] <= lived.seconds
    place.assert_right()


@contextmanager
def behind_a_front(place: Place, **jam: float) -> Iterator[tuple[Member, Front, Musician]]:
    """A worker, what stands before it, and somebody at the gateway that asks there."""
    worker = place.worker()
    with front_of(worker.url) as front:
        yield worker, front, place.musician(place.gateway(front.address, **jam))


@SQLITE
def test_a_worker_that_makes_no_sense_for_a_while_is_not_dead(place: Place) -> None:
    """Unknown is kept apart from dead: the session goes on, and no chunk is missing."""
    with behind_a_front(place) as (worker, front, ada):
        lived = Lived()
        session_id = ada.playing(LOOP, **SHORT)
        heard(ada, session_id, 0)
        for index, (name, words) in enumerate(NONSENSE.items(), start=1):
            front.says = words
            refused = ada.http.get("/jam/next", params={"session_id": session_id, "index": index})
            assert (refused.status_code, refused.json()["retryable"]) == (503, True), name
            status = ada.status(session_id)
            assert (status["billing_state"], status["reachable"]) == ("active", False), name
            front.says = None
            heard(ada, session_id, index)
        worker.popen.send_signal(signal.SIGSTOP)
        answer = waiting_for_the_far_future(place, ada, session_id)
        worker.popen.send_signal(signal.SIGCONT)
        assert ada.status(session_id)["reachable"] is True
        closed = ada.post("close", session_id)
        assert answer().status_code == 409
        assert closed["billable_elapsed_seconds"] <= lived.seconds
    place.assert_right()


@SQLITE
def test_a_worker_that_stays_away_ends_its_sessions(place: Place) -> None:
    """Whatever the way: charged is what it told last, and no second of the silence."""
    with behind_a_front(place, unreachable_seconds=1) as (worker, front, ada):

        def say(words: bytes | None) -> Callable[[], None]:
            return lambda: setattr(front, "says", words)

        def send(number: int) -> Callable[[], None]:
            return lambda: worker.popen.send_signal(number)

        ways = [(say(NONSENSE[name]), say(None)) for name in ("500", "a page", "404 of a proxy", "not a word")]
        ways += [(send(signal.SIGSTOP), send(signal.SIGCONT)), (worker.kill, lambda: None)]
        for away, back in ways:
            lived = Lived()
            session_id = ada.playing(LOOP, **SHORT)
            told = place.billed(session_id, 0.5)
            away()
            most = lived.seconds
            ended = place.closed(session_id)
            assert ended.close_reason == "worker_unreachable"
            assert told <= ended.total / 1_000_000 <= most
            back()
            assert code_of(ada, "stop", session_id) == "session_closed"
    place.assert_right()


@SQLITE
def test_a_lost_reply_loses_no_chunk(place: Place) -> None:
    """On the way to the gateway, which asks again; and on the way to the client, who does."""
    with behind_a_front(place) as (_, behind, ada), front_of(str(ada.http.base_url)) as before:
        through = Musician(before.address)
        session_id = through.playing(LOOP, **SHORT)
        parts = []
        for index, after_bytes in enumerate((1, 300, 20_000)):
            behind.cut_next(b"GET /jam/next", after_bytes)
            samples, told = through.chunk(session_id)
            assert told["index"] == index
            parts.append(samples)
        for index, after_bytes in enumerate((1, 300, 20_000), start=3):
            before.cut_next(b"GET /jam/next", after_bytes)
            with pytest.raises(httpx.TransportError):
                through.next(session_id)
            parts.append(heard(through, session_id, index))
        assert (behind.cuts, before.cuts) == (3, 3)
        other = ada.playing(LOOP, **SHORT)
        assert np.array_equal(np.concatenate(parts), ada.music(other, 6))
        for one in (session_id, other):
            ada.post("close", one)
        through.http.close()
    place.assert_right()


@SQLITE
def test_who_never_consumes_fills_no_memory(place: Place) -> None:
    """Music is taken, or left lying, and never consumed: neither the worker nor the gateway keeps it."""
    worker = place.worker()
    gateway = place.gateway(worker.url)
    ada, rate_hz = place.musician(gateway), 96_000
    takers, sleepers = (
        [ada.playing(LOOP, target_sample_rate=rate_hz, loudness_mode="none", **SHORT) for _ in range(4)]
        for _ in range(2)
    )

    def memory_after(chunks: int) -> list[int]:
        for session_id in takers * chunks:
            assert ada.next(session_id)["chunk"] is not None
        return [member.memory_bytes for member in (worker, gateway)]

    before = memory_after(20)  # more than is kept of each: six chunks, and 16 s to go on from
    after = memory_after(38)
    taken_bytes = 38 * len(takers) * rate_hz * 2 * 2
    assert all(now - then < taken_bytes / 3 for then, now in zip(before, after, strict=True)), (before, after)
    for session_id in sleepers:
        assert ada.status(session_id)["last_made_index"] == 1
    for session_id in takers + sleepers:
        ada.post("close", session_id)
    place.assert_right()


@pytest.mark.parametrize("plays_itself", [True, False])
@SQLITE
def test_close_start_and_next_at_the_same_moment(place: Place, plays_itself: bool) -> None:
    """In any order: one of two starts wins, a close is final and has one answer, and who waits is told."""
    ada = place.musician(place.gateway(None if plays_itself else place.worker().url))
    for turn in range(20):
        lived, session_id = Lived(), ada.warm()
        start = partial(ada.start, session_id, LOOP, **SHORT)
        starts = together(place, start, start)
        assert sorted(answer.status_code for answer in starts) == [200, 409]
        assert {answer.json().get("code") for answer in starts} == {None, "jam_already_running"}
        query: dict[str, Any] = {"session_id": session_id, "timeout_seconds": 20, **({"index": 50} if turn % 2 else {})}
        ask_next = partial(ada.http.get, "/jam/next", params=query)
        consume = partial(ada.ask, "consume", session_id, chunk_index=0)
        close = partial(ada.ask, "close", session_id)
        *others, first, second = together(place, ask_next, ask_next, consume, start, close, close)
        for answer in others:
            assert answer.status_code in (200, 409, 422), answer.text
        assert first.json() == second.json()
        assert first.json()["close_reason"] == "manual_close"
        assert first.json()["billable_elapsed_seconds"] <= lived.seconds
        assert code_of(ada, "consume", session_id, chunk_index=0) == "session_closed"
    place.assert_right()


def together(place: Place, *calls: Callable[[], httpx.Response]) -> list[httpx.Response]:
    barrier = threading.Barrier(len(calls))

    def call(one: Callable[[], httpx.Response]) -> httpx.Response:
        barrier.wait(10)
        return one()

    return [asking.result() for asking in [place.in_thread(call, one) for one in calls]]


@SQLITE
def test_credit_runs_out_in_the_middle_of_a_chunk(place: Place) -> None:
    """The music stops at a bar line, all of the credit is charged and nothing more; a kill on the way changes that
    not at all."""
    worker = place.worker()
    gateway = place.gateway(worker.url, welcome_seconds=60.5)
    ada = place.musician(gateway)
    session_id = ada.playing(LOOP, bpm=240, bars_per_chunk=16, seed=1)
    frames, index, last = 0, 0, False
    gateway.kill()
    gateway.start()
    go_on_at(ada, gateway)
    while (told := ada.http.get("/jam/next", params={"session_id": session_id, "index": index})).is_success:
        chunk = told.json()["chunk"]
        if chunk is None:
            time.sleep(POLL_SECONDS)
            continue
        frames += chunk["metadata"]["total_samples"]
        assert ada.ask("consume", session_id, chunk_index=index).status_code in (200, 402)
        index += 1
        last = chunk["metadata"]["last"]
        assert frames % RATE_HZ == 0  # a bar is a second
        if last:
            place.closed(session_id)
    assert last
    assert (told.status_code, told.json()["code"]) == (402, "credits_exhausted")
    ended = place.session(session_id)
    assert (ended.close_reason, ended.charged_micro) == ("credits_exhausted", 60_500_000)
    assert ada.balance == 0
    place.assert_right(60_500_000)
