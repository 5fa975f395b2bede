"""The client of a jam worker, against workers that fail, hang, cut their answers, or say what makes no sense."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from backline.compute.jam_over_http import JamOverHttp
from backline.compute.jam_requests import JamRequests
from backline.engines.jam.orders import JamChange, JamOptions
from backline.errors import BacklineError, Busy, Conflict, Failed, Invalid, NotFound, TooLarge, Unavailable
from tests.compute.jam_samples import SESSION, STATUS, chunk, told_chunk, told_status
from tests.compute.odd_worker import KEY, NOTHING, SILENCE, Answer, answer, odd_worker

Ask = Callable[[JamOverHttp], Awaitable[object]]

REPEATABLE: dict[str, Ask] = {
    "warm_up": lambda link: link.warm_up(SESSION),
    "status": lambda link: link.status(SESSION),
    "peek": lambda link: link.peek(SESSION),
    "consume": lambda link: link.consume(SESSION, 3),
    "close": lambda link: link.close(SESSION, "manual_close"),
    "next by index": lambda link: link.next(SESSION, 0, index=3),
}
ONCE: dict[str, Ask] = {
    "start": lambda link: link.start(SESSION, b"a loop", JamOptions(bpm=120)),
    "update": lambda link: link.update(SESSION, JamChange(topk=3)),
    "reseed": lambda link: link.reseed(SESSION, None),
    "reseed_splice": lambda link: link.reseed_splice(SESSION, b"a loop", 2.0),
    "stop": lambda link: link.stop(SESSION),
}
GOOD = answer({**told_chunk(3), **told_status()})
"""An answer for whatever is asked."""


async def _failure(ask: Ask, link: JamOverHttp) -> BacklineError:
    with pytest.raises(BacklineError) as failed:
        await ask(link)
    return failed.value


@pytest.mark.parametrize("ask", [*REPEATABLE.values(), *ONCE.values()], ids=[*REPEATABLE, *ONCE])
async def test_everything_is_asked_with_the_key_and_about_the_session(ask: Ask) -> None:
    async with odd_worker(GOOD) as (worker, link):
        await ask(link)
    (headers,) = worker.headers
    assert headers["x-api-key"] == KEY
    if not headers.get("content-type", "").startswith("multipart"):
        assert worker.asked[0][2]["session_id"] == SESSION


@pytest.mark.slow
@pytest.mark.parametrize("lost", [NOTHING, answer(told_status(), cut=30), answer(b"", 502), answer(b"", 503)])
@pytest.mark.parametrize("ask", REPEATABLE.values(), ids=REPEATABLE)
async def test_what_may_be_repeated_is_asked_again(ask: Ask, lost: Answer) -> None:
    async with odd_worker(lost, lost, GOOD) as (worker, link):
        await ask(link)
    assert len(worker.asked) == 3


@pytest.mark.parametrize("ask", ONCE.values(), ids=ONCE)
async def test_what_may_not_be_repeated_is_asked_once(ask: Ask) -> None:
    async with odd_worker(NOTHING, GOOD) as (worker, link):
        failure = await _failure(ask, link)
    assert (type(failure), failure.code, failure.retryable) == (Unavailable, "worker_unreachable", True)
    assert len(worker.asked) == 1


@pytest.mark.slow
async def test_a_worker_that_nobody_is_at_is_unreachable_and_not_dead() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        link = JamOverHttp(JamRequests(f"http://127.0.0.1:{free.getsockname()[1]}", KEY))
        for ask in (*REPEATABLE.values(), *ONCE.values()):
            failure = await _failure(ask, link)
            assert (type(failure), failure.code, failure.retryable) == (Unavailable, "worker_unreachable", True)
        await link.aclose()


async def test_a_worker_that_hangs_is_given_up() -> None:
    async with odd_worker(SILENCE, patience_seconds=0.2) as (worker, link):
        assert (await _failure(REPEATABLE["peek"], link)).code == "worker_unreachable"
    assert len(worker.asked) == 1


RUBBISH = {
    "no JSON": answer(b"<html>Welcome to nginx</html>"),
    "nothing": answer(b""),
    "a list": answer(b"[]"),
    "not UTF-8": answer(b"\xff\xfe\x00"),
    "deep": answer(b"[" * 100_000),
    "no word of success": answer({"session_id": SESSION}),
    "another session": answer(told_status(session_id="jam_2")),
    "a state that is none": answer(told_status(billing_state="unknown")),
    "no number": answer(told_status(billable_elapsed_seconds={})),
    "a page that is not there": answer(b"<html>Not found</html>", 404),
    "another API's not found": answer({"detail": "Not Found"}, 404),
    "a not found about no session": answer({"ok": False, "error": "Not Found.", "code": "not_found"}, 404),
    "a redirect": answer(b"", 302, location="https://example.com/"),
    "no gzip": answer(b"no gzip", content_encoding="gzip"),
}


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=RUBBISH)
async def test_rubbish_is_unknown_and_never_dead(rubbish: Answer) -> None:
    async with odd_worker(rubbish) as (_, link):
        failure = await _failure(REPEATABLE["peek"], link)
    assert (type(failure), failure.code) == (Unavailable, "worker_rubbish")


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(Invalid):
        JamRequests("http://127.0.0.1:port", KEY)


async def test_an_answer_without_end_is_rubbish() -> None:
    async with odd_worker(answer(b" " * 100_000), max_answer_bytes=1000) as (_, link):
        assert (await _failure(REPEATABLE["peek"], link)).code == "worker_rubbish"


FAILURES = {
    "dead": (404, {"error": "x", "code": "session_not_found"}, NotFound, "session_not_found"),
    "closed": (409, {"error": "x", "code": "session_closed"}, Conflict, "session_closed"),
    "field": (422, {"error": "x", "code": "out_of_range", "field": "bpm"}, Invalid, "out_of_range"),
    "large": (413, {"error": "x", "code": "file_too_large"}, TooLarge, "file_too_large"),
    "engine": (500, {"error": "x", "code": "engine_failed"}, Failed, "engine_failed"),
    "draining": (503, {"error": "x", "code": "draining"}, Unavailable, "draining"),
    "500": (500, {"error": "x", "code": "internal_error"}, Unavailable, "worker_failed"),
    "503 of a proxy": (503, {}, Unavailable, "worker_failed"),
    "key": (401, {"error": "Invalid or missing API key"}, Unavailable, "worker_refuses_key"),
    "older: empty": (200, {"error": "Empty file"}, Invalid, "empty_file"),
    "older: running": (200, {"error": "Jam already running"}, Conflict, "jam_already_running"),
    "older: none": (200, {"error": "No active jam"}, Conflict, "no_active_jam"),
    "older: nothing": (
        200,
        {"error": "No internal audio available to reseed from"},
        Conflict,
        "nothing_to_reseed_from",
    ),
    "older: knobs": (200, {"error": "update_knobs failed: 'acid house'"}, Failed, "engine_failed"),
    "older: anything": (200, {"error": "CUDA error"}, Unavailable, "worker_failed"),
    "no sentence": (200, {"error": {"a": 1}}, Unavailable, "worker_failed"),
}


@pytest.mark.parametrize(("status", "data", "kind", "code"), FAILURES.values(), ids=FAILURES)
async def test_a_failure_becomes_the_error_that_it_is(
    status: int, data: dict[str, object], kind: type[BacklineError], code: str
) -> None:
    async with odd_worker(answer({"ok": False, **data}, status)) as (worker, link):
        failure = await _failure(ONCE["update"], link)
    assert (type(failure), failure.code) == (kind, code)
    assert len(worker.asked) == 1
    assert "acid" not in failure.detail
    if "field" in data:
        assert failure.more == {"field": "bpm"}


async def test_a_full_worker_says_when_to_come_again() -> None:
    full = answer({"ok": False, "error": "No room.", "code": "too_many_sessions"}, 429, retry_after="7")
    async with odd_worker(full) as (_, link):
        failure = await _failure(REPEATABLE["warm_up"], link)
    assert (type(failure), failure.code, failure.retry_after_seconds) == (Busy, "too_many_sessions", 7)


async def test_an_older_worker_that_tells_little_is_asked_for_the_rest() -> None:
    little = answer({"ok": True, "session_id": SESSION, "warmed": True, "container_warmup_seconds": 49.8})
    async with odd_worker(little, answer(told_status())) as (worker, link):
        assert await link.warm_up(SESSION) == STATUS
    assert worker.paths == ["/warmup", "/status/peek"]


async def test_no_chunk_in_time_is_none() -> None:
    async with odd_worker(answer(told_chunk(None))) as (_, link):
        assert await link.next(SESSION, 0) is None


LOST = {"cut": NOTHING, "half": answer(told_chunk(4), cut=200), "rubbish": answer(b"?"), "500": answer(b"", 500)}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
async def test_a_lost_chunk_is_asked_for_by_its_index(lost: Answer) -> None:
    async with odd_worker(answer(told_chunk(3)), lost, answer(told_chunk(4)), answer(told_chunk(5))) as (worker, link):
        assert [await link.next(SESSION, 5) for _ in range(3)] == [chunk(3), chunk(4), chunk(5)]
    assert [fields.get("index") for _, _, fields in worker.asked] == [None, None, "4", None]


async def test_a_first_chunk_that_is_lost_is_the_one_that_was_delivered() -> None:
    answers = (NOTHING, answer(told_status()), answer(told_chunk(3)))
    async with odd_worker(*answers) as (worker, link):
        assert await link.next(SESSION, 5) == chunk(3)
    assert worker.paths == ["/jam/next", "/status/peek", "/jam/next"]
    assert worker.asked[-1][2]["index"] == "3"


async def test_a_chunk_that_was_lost_for_good_is_left_behind() -> None:
    gone = answer({"ok": False, "error": "Gone.", "code": "chunk_gone"}, 404)
    async with odd_worker(answer(told_chunk(3)), NOTHING, gone, answer(told_chunk(9))) as (_, link):
        assert await link.next(SESSION, 5) == chunk(3)
        assert await link.next(SESSION, 5) == chunk(9)


async def test_who_leaves_while_a_chunk_comes_gets_it_the_next_time() -> None:
    async with odd_worker(answer(told_chunk(3)), SILENCE, answer(told_chunk(4))) as (worker, link):
        await link.next(SESSION, 5)
        waiting = asyncio.create_task(link.next(SESSION, 5))
        while len(worker.asked) < 2:
            await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await link.next(SESSION, 5) == chunk(4)
    assert worker.asked[-1][2]["index"] == "4"


async def test_two_who_ask_at_once_ask_for_two_chunks() -> None:
    async with odd_worker(answer(told_chunk(3)), answer(told_chunk(4)), answer(told_chunk(5))) as (worker, link):
        await link.next(SESSION, 5)
        await asyncio.gather(link.next(SESSION, 5), link.next(SESSION, 5))
    assert [fields.get("index") for _, _, fields in worker.asked] == [None, None, None]


async def test_an_index_that_the_worker_does_not_know_is_gone() -> None:
    async with odd_worker(answer(told_chunk(9))) as (_, link):
        failure = await _failure(REPEATABLE["next by index"], link)
    assert (type(failure), failure.code) == (NotFound, "chunk_gone")
