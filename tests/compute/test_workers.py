"""Threads that do what a loop hands them."""

from __future__ import annotations

import asyncio
import threading
import weakref

import pytest

from backline.compute.workers import Workers, tell


async def test_what_it_returns_or_raises_comes_back() -> None:
    workers = Workers(2, "test")
    assert await workers.run(lambda: 6 * 7) == 42
    with pytest.raises(ZeroDivisionError):
        await workers.run(lambda: 1 // 0)
    assert await workers.run(threading.current_thread) is not threading.current_thread()
    workers.end()


async def test_as_many_at_once_as_there_are_workers() -> None:
    workers = Workers(2, "test")
    both = threading.Barrier(2, timeout=10)
    await asyncio.gather(workers.run(both.wait), workers.run(both.wait))
    third = threading.Event()
    running = [workers.run(lambda: third.wait(10)) for _ in range(2)]
    waiting = workers.run(lambda: "at last")
    await asyncio.sleep(0.05)
    assert not waiting.done()
    third.set()
    assert await waiting == "at last"
    await asyncio.gather(*running)
    workers.end()


async def test_what_nobody_waits_for_any_more_is_not_begun() -> None:
    workers = Workers(1, "test")
    gate = threading.Event()
    done: list[str] = []
    first = workers.run(lambda: gate.wait(10))
    second = workers.run(lambda: done.append("second"))
    second.cancel()
    first.cancel()  # has begun: it goes on, and nobody hears of it
    gate.set()
    await workers.run(lambda: done.append("third"))
    assert done == ["third"]
    workers.end()


async def test_nothing_is_taken_after_the_end() -> None:
    workers = Workers(1, "test")
    last = workers.run(lambda: "last")
    workers.end()
    assert await last == "last"
    with pytest.raises(RuntimeError):
        workers.post(lambda: None)


async def test_a_worker_holds_nothing_while_it_waits() -> None:
    class Sound:
        def play(self) -> None:
            pass

    workers = Workers(1, "test")
    sound = Sound()
    held = weakref.ref(sound)
    await workers.run(sound.play)
    del sound
    async with asyncio.timeout(10):
        while held() is not None:
            await asyncio.sleep(0.001)
    workers.end()


def test_a_closed_loop_hears_nothing() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    assert not tell(loop, lambda: None)
