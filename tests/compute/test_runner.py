"""Engines in threads and in processes behind one port: what happens when they are slow, fail, hang or die."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import numpy as np
import pytest

from backline.compute.base import SpeechHost
from backline.compute.runner import Runner
from backline.engines.catalog import EngineEntry, Isolation
from backline.engines.speech.base import SpeechParams, SpeechState
from backline.errors import Failed, Invalid, NotFound, Unavailable
from backline.media.audio import Samples
from tests.fakes.engines import (
    BreakingEngine,
    CrashingEngine,
    FakeEngine,
    FaultyEngine,
    HangingEngine,
    LateEngine,
    SlowEngine,
    diary,
    entry,
)

PARAMS = SpeechParams("en")
BOTH = pytest.mark.parametrize("isolation", list(Isolation))


@asynccontextmanager
async def host(
    engine: type[FakeEngine], isolation: Isolation, *, workers: int = 1, patience_seconds: float = 30.0
) -> AsyncIterator[SpeechHost]:
    runner = Runner(workers, patience_seconds, (entry(engine, isolation),))
    await runner.start()
    try:
        yield runner.speech(engine.name)
    finally:
        await runner.close()


async def speak(host: SpeechHost, text: str, voice: str, order: float = 0.0) -> int:
    """Frames made."""
    state = await host.open(voice)
    frames = 0
    async with aclosing(host.stream(text, state, PARAMS, order)) as made:
        async for blocks in made:
            frames += sum(len(block.samples) for block in blocks)
    return frames


async def until_noted(event: str) -> None:
    async with asyncio.timeout(20):
        while event not in diary():
            await asyncio.sleep(0.01)


@BOTH
async def test_all_that_is_made_arrives_in_order(isolation: Isolation) -> None:
    async with host(FakeEngine, isolation) as it:
        state = await it.open("fake")
        parts: list[Samples] = []
        async with aclosing(it.stream("x" * 40, state, PARAMS, 0)) as made:
            async for blocks in made:
                parts.extend(block.samples for block in blocks)
    sound = np.concatenate(parts)[:, 0]
    expected = 0.3 * np.sin(2 * np.pi * 440 * np.arange(200 * 480) / 24_000)
    np.testing.assert_allclose(sound, expected, atol=1e-6)


@BOTH
async def test_closing_the_stream_stops_the_engine(isolation: Isolation) -> None:
    async with host(SlowEngine, isolation) as it:
        async with aclosing(it.stream("x", SpeechState("slow"), PARAMS, 0)) as made:
            await anext(made)
        await until_noted("cancelled")
    assert diary().count("block") < 200


@BOTH
async def test_a_cancelled_listener_stops_the_engine_before_the_first_sound(isolation: Isolation) -> None:
    async with host(LateEngine, isolation) as it:
        listening = asyncio.create_task(speak(it, "x", "late"))
        await until_noted("thinking")
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        await until_noted("cancelled")
    assert "block" not in diary()


@BOTH
async def test_a_listener_that_leaves_at_once_costs_nothing(isolation: Isolation) -> None:
    async with host(SlowEngine, isolation) as it:
        listening = asyncio.create_task(speak(it, "x", "slow"))
        for _ in range(4):
            await asyncio.sleep(0)
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        await asyncio.sleep(0.2)
        blocks_then = diary().count("block")
        await asyncio.sleep(0.2)
        assert diary().count("block") == blocks_then


@BOTH
async def test_what_an_engine_raises_reaches_its_listener_without_its_words(isolation: Isolation) -> None:
    async with host(BreakingEngine, isolation) as it:
        with pytest.raises(Failed) as caught:
            await speak(it, "my secret", "breaking")
        assert "secret" not in str(caught.value)
        assert caught.value.code == "engine_failed"
        with pytest.raises(Failed):  # and the instance is there for the next one
            await speak(it, "again", "breaking")


async def test_a_crashed_process_is_an_error_once_and_is_started_again() -> None:
    async with host(CrashingEngine, Isolation.PROCESS) as it:
        with pytest.raises(Unavailable) as caught:
            await speak(it, "crash now", "crashing")
        assert caught.value.code == "engine_crashed"
        assert caught.value.retryable
        assert await speak(it, "all is well", "crashing") == 5 * 480


async def test_a_hanging_process_is_given_up_and_replaced() -> None:
    async with host(HangingEngine, Isolation.PROCESS, patience_seconds=0.3) as it:
        with pytest.raises(Unavailable) as caught:
            await speak(it, "hang", "hanging")
        assert caught.value.code == "engine_stalled"
        assert await speak(it, "fine", "hanging") == 5 * 480


async def test_a_process_whose_gpu_is_broken_is_replaced() -> None:
    async with host(FaultyEngine, Isolation.PROCESS) as it:
        with pytest.raises(Unavailable) as caught:
            await speak(it, "break", "faulty")
        assert (caught.value.code, caught.value.retryable) == ("gpu_fault", True)
        assert await speak(it, "all is well", "faulty") == 5 * 480


async def test_no_process_is_left_behind() -> None:
    others = _children()  # a database or an object store that other tests keep
    async with host(FakeEngine, Isolation.PROCESS, workers=2) as it:
        await speak(it, "x", "fake")
        children = set(_children()).difference(others)
        assert len(children) >= 2
    assert not [pid for pid in children if _lives(pid)]


@BOTH
async def test_the_shorter_delivered_goes_first(isolation: Isolation) -> None:
    async with host(FakeEngine, isolation) as it:
        went: list[float] = []

        async def ask(order: float) -> None:
            await speak(it, "x" * 100, "fake", order)
            went.append(order)

        first = asyncio.create_task(ask(0.0))
        await asyncio.sleep(0)
        rest = [asyncio.create_task(ask(order)) for order in (30.0, 2.0, 10.0)]
        await asyncio.gather(first, *rest)
    assert went == [0.0, 2.0, 10.0, 30.0]


@BOTH
async def test_a_slow_listener_does_not_hold_an_instance(isolation: Isolation) -> None:
    async with (
        host(FakeEngine, isolation) as it,
        aclosing(it.stream("x" * 100, SpeechState("fake"), PARAMS, 0)) as unread,
    ):
        await anext(unread)
        assert await asyncio.wait_for(speak(it, "x", "fake"), 10) == 5 * 480


@pytest.mark.slow
@BOTH
async def test_an_unread_stream_makes_its_engine_wait(isolation: Isolation) -> None:
    """More than a minute of sound is not piled up for somebody who does not read."""
    async with (
        host(FakeEngine, isolation) as it,
        aclosing(it.stream("x" * 2000, SpeechState("fake"), PARAMS, 0)) as unread,  # 200 s
    ):
        frames = sum(len(block.samples) for block in await anext(unread))
        await asyncio.sleep(1.0)
        made_then = diary().count("block")
        await asyncio.sleep(0.5)
        assert diary().count("block") == made_then < 2000 * 5
        async for blocks in unread:
            frames += sum(len(block.samples) for block in blocks)
    assert frames == 2000 * 5 * 480


async def test_an_engine_that_is_not_installed_is_named_with_its_cure() -> None:
    missing = EngineEntry(
        "nowhere", entry(FakeEngine).kind, "x:Y", Isolation.PROCESS, "MIT", "", "", ("no_such_module",), "nowhere"
    )
    runner = Runner(1, 30, (missing,))
    await runner.start()
    with pytest.raises(Unavailable, match=r"pip install 'backline\[nowhere\]'"):
        runner.speech("nowhere")
    with pytest.raises(NotFound):
        runner.speech("never heard of")
    (status,) = runner.speech_engines()
    assert status.capabilities is None
    assert "nowhere" in str(status.reason)
    await runner.close()


@BOTH
async def test_an_unknown_voice_is_invalid(isolation: Isolation) -> None:
    async with host(FakeEngine, isolation) as it:
        with pytest.raises(Invalid):
            await it.open("nobody")


async def test_a_process_ends_when_its_parent_is_killed() -> None:
    """Nothing stays behind a gateway that got SIGKILL."""
    program = (
        "import asyncio\n"
        "from backline.compute.runner import Runner\n"
        "from backline.engines.catalog import Isolation\n"
        "from tests.fakes.engines import FakeEngine, entry\n"
        "async def main():\n"
        "    runner = Runner(1, 30, (entry(FakeEngine, Isolation.PROCESS),))\n"
        "    await runner.start()\n"
        "    from tests.compute.test_runner import _children\n"
        "    print(_children()[0], flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    child = int(await asyncio.wait_for(process.stdout.readline(), 30))
    assert _lives(child)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    async with asyncio.timeout(10):
        while _lives(child):
            await asyncio.sleep(0.02)


def _children() -> list[int]:
    own = os.getpid()
    with open(f"/proc/{own}/task/{own}/children") as file:
        return [int(pid) for pid in file.read().split()]


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
