"""The body of the class of speech, without the platform that it runs on."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from backline.compute.on_modal.stream_items import chunks_of, split
from backline.compute.speech_wire import SpeechOrder, blocks_of, order_as_data
from backline.compute.wire import capabilities_from_data
from backline.deploy.speech_plane import SpeechPlane
from backline.engines.catalog import CATALOG, EngineEntry, EngineKind, Isolation
from backline.engines.speech.base import SpeechParams, SpeechState
from backline.errors import BacklineError
from backline.release import VERSION
from backline.settings import Settings
from tests.compute.on_modal import odd_engines

KEY = "a-key-for-workers-of-tests"


def entry(name: str, path: str) -> EngineEntry:
    return EngineEntry(name, EngineKind.SPEECH, path, Isolation.THREAD, "Apache-2.0", "For tests.", "this package")


ODD = entry("odd", f"{odd_engines.__name__}:OddEngine")
BROKEN = entry("broken", "tests.deploy.no_such_module:Engine")


@asynccontextmanager
async def loaded(*catalog: EngineEntry, **load: Any) -> AsyncIterator[SpeechPlane]:
    settings = Settings(_env_file=None, jam={"worker_key": KEY})
    plane = SpeechPlane([one.name for one in catalog], settings, (*catalog, *CATALOG))
    plane.import_engines()
    await plane.load(**load)
    try:
        yield plane
    finally:
        await plane.close()


async def hear(plane: SpeechPlane, text: str) -> list[int]:
    order = SpeechOrder("odd", text, SpeechState("odd-one"), SpeechParams("en"))
    async with aclosing(plane.stream(order_as_data(order), "fc-1")) as items:
        run, call_id = split(await anext(items))
        assert call_id == b"fc-1"
        async with aclosing(blocks_of(chunks_of(run, items), order.state)) as made:
            return [round(float(block.samples[0, 0]) * 1000) async for some in made for block in some]


async def refusal(plane: SpeechPlane, text: str) -> str:
    with pytest.raises(BacklineError) as refused:
        await hear(plane, text)
    return refused.value.code


async def test_engines_that_come_up_are_told_and_one_that_does_not_is_told_to_who_asks() -> None:
    told: dict[str, Mapping[str, Any]] = {}

    async def tell(engine: str, data: Mapping[str, Any]) -> None:
        told[engine] = data
        raise OSError("nobody listens")

    async with loaded(ODD, BROKEN, tell=tell) as plane:
        assert told.keys() == {"odd"}
        assert told["odd"]["release"] == VERSION
        described = await plane.describe("odd")
        assert described["capabilities"] == told["odd"]["capabilities"]
        assert capabilities_from_data(described["capabilities"]).rate_hz == odd_engines.RATE_HZ
        assert (await plane.describe("broken"))["error"]["code"] == "engine_not_started"
        assert (await plane.describe("tone"))["error"]["code"] == "engine_not_found"
        assert await hear(plane, "1 2") == [1, 2]


async def test_a_broken_gpu_is_told_in_a_thread_once_before_its_listener_and_nothing_new_begins() -> None:
    drained: list[bool] = []

    def drain() -> None:
        time.sleep(0.2)
        drained.append(threading.current_thread() is threading.main_thread())

    async with loaded(ODD, on_drain=drain) as plane:
        running = asyncio.create_task(hear(plane, "1 wait wait 2"))
        await asyncio.sleep(0.05)
        assert await refusal(plane, "fault") == "gpu_fault"
        assert drained == [False]
        assert await refusal(plane, "1") == "draining"
        assert await running == [1, 2]
    assert drained == [False]


async def test_an_order_that_makes_no_sense_is_an_error_frame() -> None:
    async with loaded(ODD) as plane, aclosing(plane.stream({"engine": "odd"}, "fc-1")) as items:
        run, _ = split(await anext(items))
        with pytest.raises(BacklineError) as refused:
            _ = [blocks async for blocks in blocks_of(chunks_of(run, items), SpeechState("odd-one"))]
        assert refused.value.code == "bad_order"


async def test_beside_a_whole_server_the_engines_wait_until_they_are_asked_for() -> None:
    settings = Settings(_env_file=None, modal={"planes": "one"})
    plane = SpeechPlane(["odd"], settings, (ODD,))
    told: list[str] = []

    async def tell(engine: str, _data: Mapping[str, Any]) -> None:
        told.append(engine)

    await plane.load(tell=tell)
    assert not told
    assert await hear(plane, "5") == [5]
    await plane.close()


def test_libraries_of_engines_with_a_process_of_their_own_stay_out_of_this_one() -> None:
    module = "backline.engines.speech.espeak"
    before = sys.modules.pop(module, None)
    try:
        SpeechPlane(["espeak", "tone"], Settings(_env_file=None)).import_engines()
        assert module not in sys.modules
        assert "backline.engines.speech.tone" in sys.modules
    finally:
        if before is not None:
            sys.modules[module] = before
