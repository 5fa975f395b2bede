"""Jams in trouble: a worker that is silent or talks nonsense, answers that are lost, a database that is away, races,
credit that runs out. Nobody pays for time after the end, the books are right, nothing stays open, nothing is held."""

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

from tests.databases import Postgres
from tests.jam.client import Musician
from tests.processes.jam_front import Front, front_of, said
from tests.processes.jam_place import (
    LOOP,
    POLL_SECONDS,
    RATE_HZ,
    SHORT,
    Lived,
    Member,
    Place,
    code_of,
    go_on_at,
    heard,
    waiting_for_the_far_future,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # each starts up to four programs

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRES = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

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


@contextmanager
def behind_a_front(place: Place, **jam: Any) -> Iterator[tuple[Member, Front, Musician]]:
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
