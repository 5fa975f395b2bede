"""A speech engine elsewhere: what is waited for, what is asked again, what is told, and who stops when who leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import numpy as np
import pytest

from backline.compute import speech_requests
from backline.compute.over_http import SpeechOverHttp
from backline.compute.runner import Runner
from backline.compute.speech_requests import Patience, SpeechRequests
from backline.compute.wire import Frame, capabilities_as_data, pack, pack_block
from backline.engines.catalog import Isolation
from backline.engines.speech.base import SpeechBlock, SpeechParams, SpeechState
from backline.errors import BacklineError, Busy, Failed, Invalid, NotFound, Unavailable
from backline.media.audio import mono
from tests.compute.odd_worker import NOTHING, SILENCE, Answer, OddWorker, answer
from tests.fakes.engines import BreakingEngine, FakeEngine, FaultyEngine, LateEngine, SlowEngine, diary, entry
from tests.processes.jam_worker import KEY
from tests.worker.serving import serving_worker

PARAMS = SpeechParams("en")
SHORT = Patience(connect=1.0, silence=0.3, engines=5.0)
SPEECH = pack(Frame.TURN, 0) + pack_block(0, SpeechBlock(mono([0.5] * 100))) + pack(Frame.DONE, 0, {"data": {"n": 1}})
CAPABILITIES = capabilities_as_data(FakeEngine().capabilities())
FAULT = pack(Frame.ERROR, 0, Unavailable("The GPU failed.", code="gpu_fault").as_data())


@asynccontextmanager
async def host(url: str, engine: str = "fake", patience: Patience | None = None) -> AsyncIterator[SpeechOverHttp]:
    requests = SpeechRequests(url, KEY, patience or Patience())
    try:
        yield SpeechOverHttp(engine, requests)
    finally:
        await requests.aclose()


@asynccontextmanager
async def odd_worker(*answers: Answer) -> AsyncIterator[tuple[OddWorker, SpeechOverHttp]]:
    worker = OddWorker(list(answers))
    server = await asyncio.start_server(worker.serve, "127.0.0.1", 0)
    try:
        async with host(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", patience=SHORT) as it:
            yield worker, it
    finally:
        server.close()
        for task in filter(None, worker.tasks):
            task.cancel()


def speech(data: bytes = SPEECH, **options: Any) -> Answer:
    return answer(data, **options)


def refusal(status: int, code: str, retry_after: str = "0") -> Answer:
    return answer({"ok": False, "error": "Not now.", "code": code}, status, retry_after=retry_after)


async def speak(it: SpeechOverHttp, text: str = "x" * 5, voice: str = "fake", order: float = 0.0) -> int:
    """Frames made."""
    frames = 0
    async with aclosing(it.stream(text, SpeechState(voice), PARAMS, order)) as made:
        async for blocks in made:
            frames += sum(len(block.samples) for block in blocks)
    return frames


async def failure(it: SpeechOverHttp, **options: Any) -> BacklineError:
    with pytest.raises(BacklineError) as failed:
        await speak(it, **options)
    return failed.value


async def until_noted(event: str) -> None:
    async with asyncio.timeout(20):
        while event not in diary():
            await asyncio.sleep(0.01)


async def test_refusals_before_the_first_byte_are_asked_again() -> None:
    async with odd_worker(refusal(429, "worker_full"), refusal(503, "draining"), speech()) as (worker, it):
        assert await speak(it) == 100
    assert worker.paths == ["/engines/fake/stream"] * 3
    assert {headers["x-api-key"] for headers in worker.headers} == {KEY}


async def test_a_full_worker_is_said_so_with_its_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_requests, "_LONGEST_PAUSE_SECONDS", 0.05)
    async with odd_worker(refusal(429, "worker_full", "1")) as (worker, it):
        error = await failure(it)
    assert (type(error), error.code, error.retry_after_seconds) == (Busy, "worker_full", 1.0)
    assert len(worker.asked) == 3


ONCE: dict[str, tuple[Answer, str]] = {
    "closed without a word": (NOTHING, "worker_unreachable"),
    "silent": (SILENCE, "worker_unreachable"),
    "cut in the middle": (speech(cut=120), "worker_lost"),
    "silent in the middle": (Answer(speech().data[:150], hang=True), "worker_lost"),
    "ended early": (speech(SPEECH[:200]), "worker_lost"),
    "failed": (answer(b"oops", 500), "worker_failed"),
    "a proxy's": (answer(b"<html>", 502), "worker_failed"),
    "a key refused": (refusal(401, "invalid_api_key"), "worker_refuses_key"),
    "not found": (refusal(404, "engine_not_found"), "worker_rubbish"),
    "a web page": (answer(b"<html>hello</html>"), "worker_rubbish"),
    "led elsewhere": (answer(b"", 302, location="http://127.0.0.1:9/"), "worker_rubbish"),
}


@pytest.mark.parametrize(("said", "code"), ONCE.values(), ids=ONCE)
async def test_what_the_worker_may_have_begun_is_not_asked_again(said: Answer, code: str) -> None:
    async with odd_worker(said) as (worker, it):
        error = await failure(it)
    assert (type(error), error.code) == (Unavailable, code)
    assert len(worker.asked) == 1


async def test_nobody_there_is_unreachable() -> None:
    async with host("http://127.0.0.1:9", patience=SHORT) as it:
        assert (await failure(it)).code == "worker_unreachable"
        with pytest.raises(Unavailable) as away:
            await it.start()
        assert away.value.code == "worker_unreachable"


async def test_a_broken_gpu_before_the_first_sound_is_asked_for_elsewhere_once() -> None:
    async with odd_worker(speech(FAULT), speech()) as (worker, it):
        assert await speak(it) == 100
        assert len(worker.asked) == 2
    async with odd_worker(speech(FAULT)) as (worker, it):
        assert (await failure(it)).code == "gpu_fault"
        assert len(worker.asked) == 2
    heard = speech(pack_block(0, SpeechBlock(mono([0.5]))) + FAULT)
    async with odd_worker(heard) as (worker, it):
        assert (await failure(it)).code == "gpu_fault"
        assert len(worker.asked) == 1


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"engines": []}, "engine_unavailable"),
        ({"engines": [{"name": "fake", "capabilities": None, "reason": "It is loading."}]}, "engine_not_started"),
        ({"engines": [{"name": "fake", "capabilities": {"rate_hz": 1}}]}, "worker_rubbish"),
        ({"engines": 5}, "worker_rubbish"),
        (b"<html>", "worker_rubbish"),
    ],
)
async def test_an_engine_that_cannot_speak_there_says_why(said: Any, code: str) -> None:
    async with odd_worker(answer(said)) as (_, it):
        with pytest.raises(Unavailable) as refused:
            await it.start()
    assert refused.value.code == code


async def test_what_it_can_do_is_asked_once_and_voices_are_known_here() -> None:
    async with odd_worker(answer({"engines": [{"name": "fake", "capabilities": CAPABILITIES}]})) as (worker, it):
        assert await it.start() == FakeEngine().capabilities()
        assert (await it.open("fake")).voice == "fake"
        with pytest.raises(Invalid):
            await it.open("nobody")
    assert worker.paths == ["/engines"]


@pytest.fixture
def address() -> Iterator[str]:
    """Of a real worker, with engines that misbehave in threads of their own."""
    engines = (FakeEngine, SlowEngine, LateEngine, BreakingEngine)
    with serving_worker(*(entry(engine, Isolation.THREAD) for engine in engines)) as worker:
        yield worker.address


async def test_all_that_is_made_arrives_in_order(address: str) -> None:
    async with host(address) as it, aclosing(it.stream("x" * 40, SpeechState("fake"), PARAMS, 0)) as made:
        parts = [block.samples async for blocks in made for block in blocks]
    expected = 0.3 * np.sin(2 * np.pi * 440 * np.arange(200 * 480) / 24_000)
    np.testing.assert_allclose(np.concatenate(parts)[:, 0], expected, atol=1e-6)


async def test_a_connection_is_kept_for_the_next_unit() -> None:
    with serving_worker(entry(FakeEngine)) as worker:
        async with host(worker.address) as it:
            await speak(it)
            (first,) = worker.server.server_state.connections
            await speak(it)
            assert list(worker.server.server_state.connections) == [first]


async def test_closing_the_stream_stops_the_engine_over_there(address: str) -> None:
    async with host(address, "slow") as it:
        async with aclosing(it.stream("x", SpeechState("slow"), PARAMS, 0)) as made:
            await anext(made)
        await until_noted("cancelled")
    assert diary().count("block") < 300


async def test_a_cancelled_listener_stops_the_engine_before_the_first_sound(address: str) -> None:
    async with host(address, "late") as it:
        listening = asyncio.create_task(speak(it, "x", "late"))
        await until_noted("thinking")
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        await until_noted("cancelled")
    assert "block" not in diary()


async def test_what_an_engine_raises_is_told_without_its_words(address: str) -> None:
    async with host(address, "breaking") as it:
        error = await failure(it, text="my secret", voice="breaking")
    assert (type(error), error.code) == (Failed, "engine_failed")
    assert "secret" not in error.detail


async def test_a_slow_listener_does_not_hold_an_instance(address: str) -> None:
    async with host(address) as it, aclosing(it.stream("x" * 100, SpeechState("fake"), PARAMS, 0)) as unread:
        await anext(unread)
        assert await asyncio.wait_for(speak(it, "x"), 10) == 5 * 480


@pytest.mark.slow
async def test_an_unread_stream_makes_the_engine_over_there_wait(address: str) -> None:
    async with host(address) as it, aclosing(it.stream("x" * 2000, SpeechState("fake"), PARAMS, 0)) as unread:
        frames = sum(len(block.samples) for block in await anext(unread))
        await asyncio.sleep(2.0)
        made_then = diary().count("block")
        await asyncio.sleep(0.5)
        assert diary().count("block") == made_then < 2000 * 5
        async for blocks in unread:
            frames += sum(len(block.samples) for block in blocks)
    assert frames == 2000 * 5 * 480


@pytest.mark.slow
async def test_an_engine_elsewhere_that_is_away_is_found_when_it_comes_and_told_when_it_goes() -> None:
    with serving_worker(entry(FakeEngine)) as first:
        port = int(first.address.rpartition(":")[2])
    async with host(first.address, patience=SHORT) as it:
        runner = Runner(1, 30.0, (entry(FakeEngine), entry(SlowEngine)), {"fake": it})
        await runner.start()
        try:
            away, here = runner.speech_engines()
            assert (away.capabilities, away.reason) == (None, "The speech worker does not answer now. Try again.")
            assert here.capabilities is not None
            with pytest.raises(Unavailable) as refused:
                runner.speech("fake")
            assert refused.value.code == "worker_unreachable"
            with pytest.raises(NotFound):
                runner.speech("no such engine")
            with serving_worker(entry(FakeEngine), port=port):
                async with asyncio.timeout(20):
                    while runner.speech_engines()[0].capabilities is None:
                        await asyncio.sleep(0.05)
                found = runner.speech("fake")
                assert found is it
                assert await speak(it) == 25 * 480
            assert (await failure(it)).code == "worker_unreachable"
        finally:
            await runner.close()


async def test_a_worker_whose_gpu_is_broken_takes_nothing_new_and_ends() -> None:
    with serving_worker(entry(FaultyEngine)) as worker:
        async with host(worker.address, "faulty") as it:
            error = await failure(it, text="break", voice="faulty")
            assert error.code in ("gpu_fault", "draining", "worker_unreachable")  # as its second attempt was answered
        await asyncio.to_thread(worker.thread.join, 20)
        assert not worker.thread.is_alive()
        assert worker.server.faulted
        assert worker.speech.draining
