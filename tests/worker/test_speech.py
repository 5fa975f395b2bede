"""The worker's routes for speech: what they take, what they answer, and what is refused with which status."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpx
import pytest

from backline.compute.runner import Runner
from backline.compute.speech_wire import SpeechOrder, blocks_of, order_as_data
from backline.engines.catalog import CATALOG, EngineEntry, EngineKind, Isolation
from backline.engines.speech.base import SpeechParams, SpeechState
from backline.errors import Busy, Invalid, Unavailable
from backline.observability.metrics import MetricsInMemory
from backline.settings import JamSettings, SpeechSettings
from backline.worker.app import create_worker
from backline.worker.speech import UNITS, WorkerSpeech
from tests.fakes.engines import FakeEngine, FaultyEngine, HangingEngine, SlowEngine, entry
from tests.processes.jam_worker import KEY

FAKES = (entry(FakeEngine), entry(SlowEngine))


def order(engine: str = "fake", text: str = "hello", after: float = 0.0) -> SpeechOrder:
    return SpeechOrder(engine, text, SpeechState(engine), SpeechParams("en"), after)


@asynccontextmanager
async def open_worker(
    catalog: tuple[EngineEntry, ...] = FAKES, jam: JamSettings | None = None, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_worker(jam, catalog, speech=SpeechSettings(**{"worker_key": KEY, "workers": 1, **settings}))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://worker", headers={"X-API-Key": KEY}) as client,
    ):
        yield client


@asynccontextmanager
async def speech(*catalog: EngineEntry, **options: Any) -> AsyncIterator[tuple[WorkerSpeech, MetricsInMemory]]:
    metrics = MetricsInMemory()
    runner = Runner(1, 30.0, catalog, on_fault=lambda engine: it.fault(engine))
    it = WorkerSpeech(runner, metrics, catalog, **options)
    try:
        yield it, metrics
    finally:
        await it.close()
        await runner.close()


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["ok"], answer.json()["code"]) == (status, False, code), answer.text


@pytest.mark.parametrize(("method", "path"), [("GET", "/engines"), ("POST", "/engines/fake/stream")])
async def test_nothing_is_told_without_the_key(method: str, path: str) -> None:
    async with open_worker() as worker:
        refused(await worker.request(method, path, headers={"X-API-Key": "wrong"}), 401, "invalid_api_key")


async def test_a_worker_that_only_speaks_has_no_jams_and_one_of_jams_does_not_speak() -> None:
    async with open_worker() as worker:
        refused(await worker.post("/warmup"), 404, "not_found")
        health = (await worker.get("/health", headers={"X-API-Key": ""})).json()
        assert health.items() >= {"ok": True, "service": "backline-worker", "draining": False}.items()
    app = create_worker(JamSettings(worker_key=KEY, engine="metronome"))
    assert not [route for route in app.routes if "engines" in str(getattr(route, "path", ""))]


async def test_either_key_opens_a_worker_that_does_both() -> None:
    async with open_worker(CATALOG, JamSettings(worker_key="another key, long enough", engine="metronome")) as worker:
        for key in (KEY, "another key, long enough"):
            answer = await worker.get("/status/peek", params={"session_id": "jam_x"}, headers={"X-API-Key": key})
            refused(answer, 404, "session_not_found")
    with pytest.raises(Invalid):
        create_worker(None, speech=SpeechSettings())


async def test_engines_are_told_with_what_they_can_do_or_why_not() -> None:
    missing = EngineEntry("nowhere", EngineKind.SPEECH, "x:Y", Isolation.THREAD, "MIT", "", "", ("no_such_module",))
    async with open_worker((*FAKES, missing)) as worker:
        fake, _, nowhere = (await worker.get("/engines")).json()["engines"]
    assert (fake["name"], fake["capabilities"]["rate_hz"], fake["reason"]) == ("fake", 24_000, None)
    assert (nowhere["name"], nowhere["capabilities"]) == ("nowhere", None)
    assert "pip install" in nowhere["reason"]


async def test_a_unit_is_spoken_without_anybody_having_asked_for_the_engines() -> None:
    async with open_worker() as worker:
        answer = await worker.post("/engines/fake/stream", json=order_as_data(order()))
        figures = (await worker.get("/metrics")).text

    async def whole() -> AsyncIterator[bytes]:
        yield answer.content

    assert answer.status_code == 200
    frames = [len(block.samples) async for some in blocks_of(whole(), SpeechState("fake")) for block in some]
    assert sum(frames) == 25 * 480
    assert 'backline_worker_units_total{engine="fake",outcome="done"} 1.0' in figures


BAD: dict[str, tuple[str, bytes, int, str]] = {
    "no engine": ("nosuch", b"{}", 422, "bad_order"),
    "no JSON": ("fake", b"{", 422, "bad_order"),
    "a list": ("fake", b"[]", 422, "bad_order"),
    "brackets": ("fake", b"[" * 100_000, 422, "bad_order"),
    "too much": ("fake", b" " * 8_000_001, 413, "body_too_large"),
}


@pytest.mark.parametrize(("engine", "body", "status", "code"), BAD.values(), ids=BAD)
async def test_what_is_no_order_is_refused(engine: str, body: bytes, status: int, code: str) -> None:
    async with open_worker() as worker:
        refused(await worker.post(f"/engines/{engine}/stream", content=body), status, code)


async def test_an_engine_that_is_not_known_is_not_found() -> None:
    async with open_worker() as worker:
        answer = await worker.post("/engines/nosuch/stream", json=order_as_data(order()))
        refused(answer, 404, "engine_not_found")


async def test_more_than_may_wait_are_refused_but_not_those_that_were_heard() -> None:
    async with speech(entry(HangingEngine, Isolation.PROCESS), max_waiting=1, max_units=3) as (it, _):
        asked = [it.speak(order("hanging", "hang")) for _ in range(3)]
        kinds = [asyncio.create_task(anext(one)) for one in asked[:2]]  # one is being spoken, and one waits
        async with asyncio.timeout(20):
            while it.count < 2 or not kinds[0].done():
                await asyncio.sleep(0.01)
        with pytest.raises(Busy) as full:
            it.check(order("hanging"))
        assert (full.value.code, full.value.retry_after_seconds) == ("worker_full", 1.0)
        it.check(order("hanging", after=3.0))
        kinds.append(asyncio.create_task(anext(asked[2])))
        await asyncio.sleep(0.05)
        with pytest.raises(Busy):
            it.check(order("hanging", after=3.0))
        for kind, one in zip(kinds, asked, strict=True):
            kind.cancel()
            await asyncio.wait((kind,))
            await one.aclose()
        assert it.count == 0


async def test_a_drain_waits_for_what_is_spoken_and_takes_nothing_new() -> None:
    async with speech(entry(SlowEngine)) as (it, metrics):
        async with aclosing(it.speak(order("slow"))) as chunks:
            await anext(chunks)
            draining = asyncio.create_task(it.drain())
            await asyncio.sleep(0.05)
            assert not draining.done()
            with pytest.raises(Unavailable) as refusal:
                it.check(order("slow"))
            assert refusal.value.code == "draining"
        await asyncio.wait_for(draining, 10)
    assert metrics.totals[UNITS.name, ("slow", "cancelled")] == 1


@pytest.mark.parametrize("isolation", list(Isolation))
async def test_a_broken_gpu_ends_the_worker_and_is_said_so(isolation: Isolation) -> None:
    async with speech(entry(FaultyEngine, isolation)) as (it, metrics):
        faults: list[None] = []
        it.on_fault = lambda: faults.append(None)
        for _ in range(2):
            async with aclosing(it.speak(order("faulty", "break"))) as chunks:
                with pytest.raises(Unavailable) as failed:
                    await anext(blocks_of(chunks, SpeechState("faulty")))
            assert (failed.value.code, failed.value.retryable) == ("gpu_fault", True)
        assert it.draining
        assert len(faults) == 1
    assert metrics.totals[UNITS.name, ("faulty", "failed")] == 2
