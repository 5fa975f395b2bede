"""What every host of a speech engine keeps (backline/compute/base.py), wherever it is: in this process, in processes of
its own, over HTTP in a real worker, and in containers of the deployed app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from backline.compute.base import SpeechHost
from backline.compute.in_pool import EngineProcess, InPool
from backline.compute.in_process import InProcess
from backline.compute.instances import InstancePool
from backline.compute.over_http import SpeechOverHttp
from backline.compute.speech_requests import SpeechRequests
from backline.engines.catalog import find
from backline.engines.speech.base import SpeechBlock, SpeechCapabilities, SpeechParams, SpeechState, Word
from backline.errors import Invalid
from backline.media.audio import Samples, together
from tests.processes.jam_worker import KEY, JamWorker, jam_worker

if TYPE_CHECKING:
    from tests.deploy.cloud import Cloud

SENTENCE = "The weather is very good today."
ENGLISH = SpeechParams("en")


@dataclass
class Spoken:
    """One unit, read to its end. turns: how often it was said that it begins."""

    samples: Samples
    words: list[Word]
    state: SpeechState
    turns: int


@pytest.fixture(scope="session")
def speaking_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JamWorker]:
    with jam_worker(tmp_path_factory.mktemp("speaking_worker")) as worker:
        yield worker


@asynccontextmanager
async def over_http(engine: str, worker: JamWorker) -> AsyncIterator[SpeechHost]:
    requests = SpeechRequests(worker.address, KEY)
    try:
        yield SpeechOverHttp(engine, requests)
    finally:
        await requests.aclose()


@dataclass
class Host:
    """It has been started."""

    it: SpeechHost
    capabilities: SpeechCapabilities

    async def speak(self, text: str = SENTENCE, params: SpeechParams = ENGLISH, order: float = 0.0) -> Spoken:
        state = await self.it.open(self.capabilities.voices[0].id)
        turns: list[None] = []
        blocks: list[SpeechBlock] = []
        async with aclosing(self.it.stream(text, state, params, order, lambda: turns.append(None))) as made:
            async for some in made:
                blocks.extend(some)
        words = [word for block in blocks for word in block.words]
        return Spoken(together([block.samples for block in blocks]), words, state, len(turns))


@asynccontextmanager
async def on_modal(engine: str, cloud: Cloud) -> AsyncIterator[SpeechHost]:
    from backline.compute.on_modal.connection import ModalApp
    from backline.compute.on_modal.speech import SpeechOnModal

    async with ModalApp(cloud.settings().modal, cloud.standin.client) as app:
        it = SpeechOnModal(engine, app, queue_limit=32)
        yield it
        await it.close()


PLACES = (
    "tone in process",
    "espeak in a pool",
    "tone over HTTP",
    "espeak over HTTP",
    pytest.param("tone on Modal", marks=pytest.mark.slow),
    pytest.param("espeak on Modal", marks=pytest.mark.slow),
)


@dataclass
class Place:
    """there: what must run for it, and was started outside the test's own loop."""

    engine: str
    name: str
    there: Any = None


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Place:
    engine, _, name = request.param.partition(" ")
    fixture = {"over HTTP": "speaking_worker", "on Modal": "cloud"}.get(name)
    return Place(engine, name, fixture and request.getfixturevalue(fixture))


@pytest.fixture
async def host(place: Place) -> AsyncIterator[Host]:
    entry = find(place.engine)
    if place.there is not None:
        elsewhere = over_http if place.name == "over HTTP" else on_modal
        async with elsewhere(place.engine, place.there) as it:
            yield Host(it, await it.start())
        return
    process = EngineProcess(entry)
    pool = InstancePool([InProcess(entry) if place.name == "in process" else InPool(process) for _ in range(2)], 30.0)
    yield Host(pool, await pool.start())
    await pool.close()


async def test_a_start_tells_what_the_engine_can_do_and_may_be_repeated(host: Host) -> None:
    assert host.capabilities.voices
    assert host.capabilities.rate_hz > 0
    assert await host.it.start() == host.capabilities


async def test_what_is_spoken_is_whole_the_same_again_and_as_long_as_its_words(host: Host) -> None:
    first, second = await host.speak(), await host.speak()
    assert first.samples.dtype == np.float32
    assert first.samples.shape == (len(first.samples), 1)
    assert np.abs(first.samples).max() > 0.05
    np.testing.assert_array_equal(first.samples, second.samples)
    assert first.words == second.words
    if host.capabilities.word_timing:
        assert SENTENCE[first.words[0].source_start : first.words[0].source_end] == "The"
        assert first.words[-1].end_s <= len(first.samples) / host.capabilities.rate_hz + 0.1


async def test_a_turn_is_told_once_and_before_the_sound(host: Host) -> None:
    state = await host.it.open(host.capabilities.voices[0].id)
    events: list[str] = []
    async with aclosing(host.it.stream(SENTENCE, state, ENGLISH, 0.0, lambda: events.append("turn"))) as made:
        events.extend(["blocks" async for _ in made])
    assert events[0] == "turn"
    assert set(events[1:]) == {"blocks"}


async def test_what_the_engine_keeps_comes_back_and_goes_with_the_next_unit(host: Host) -> None:
    spoken = await host.speak()
    again = SpeechState(spoken.state.voice, dict(spoken.state.data))
    async with aclosing(host.it.stream("Again.", again, ENGLISH, 1.0)) as made:
        assert [len(block.samples) async for some in made for block in some]
    assert again.data.keys() == spoken.state.data.keys()


async def test_an_unknown_voice_is_invalid_before_anything_is_said(host: Host) -> None:
    with pytest.raises(Invalid) as refused:
        await host.it.open("nobody")
    assert refused.value.code == "unknown_voice"


async def test_several_at_once_get_what_each_asked_for(host: Host) -> None:
    texts = [SENTENCE, "Two.", "Three is a longer one than two.", "Four."]
    alone = [await host.speak(text) for text in texts]
    at_once = await asyncio.gather(*(host.speak(text) for text in texts))
    for one, other in zip(alone, at_once, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)


async def test_a_stream_that_is_closed_early_leaves_room_for_others(host: Host) -> None:
    for _ in range(4):
        state = await host.it.open(host.capabilities.voices[0].id)
        async with aclosing(host.it.stream(SENTENCE * 20, state, ENGLISH, 0.0)) as made:
            await anext(made)
    spoken = await asyncio.wait_for(host.speak(), 20)
    assert len(spoken.samples)


async def test_a_stream_that_is_closed_unread_costs_nothing(host: Host) -> None:
    state = await host.it.open(host.capabilities.voices[0].id)
    await host.it.stream(SENTENCE, state, ENGLISH, 0.0).aclose()
    assert len((await asyncio.wait_for(host.speak(), 20)).samples)


async def test_texts_that_nobody_writes_are_passed_on_as_they_are(host: Host) -> None:
    for text in ("half \ud83d a pair", "नमस्ते दुनिया", "\x00\x07 bells", '"quotes" \\ and\nlines'):
        await host.speak(text)
