from __future__ import annotations

import asyncio
import threading

import pytest

from backline.engines.jam.crew import Crew
from backline.errors import Unavailable
from tests.engines.jam.players import until


async def test_what_is_needed_soonest_is_done_first() -> None:
    crew, gate, done = Crew(1, "test"), threading.Event(), list[int]()
    held = crew.run(0, gate.wait)
    work = [crew.run(order, lambda order=order: done.append(order)) for order in (30, 10, 20)]  # type: ignore[misc]
    gate.set()
    await asyncio.gather(held, *work)
    assert done == [10, 20, 30]
    await crew.close()


async def test_what_it_raises_is_raised_where_it_is_waited_for() -> None:
    crew = Crew(1, "test")
    with pytest.raises(ZeroDivisionError):
        await crew.run(0, lambda: 1 // 0)
    assert await crew.run(0, lambda: 7) == 7
    await crew.close()


async def test_what_was_cancelled_before_it_began_is_not_begun() -> None:
    crew, gate, done = Crew(1, "test"), threading.Event(), list[int]()
    held = crew.run(0, gate.wait)
    cancelled = crew.run(1, lambda: done.append(1))
    cancelled.cancel()
    await asyncio.sleep(0)
    gate.set()
    await held
    await crew.run(2, lambda: None)
    assert done == []
    await crew.close()


async def test_there_are_never_more_threads_than_it_was_given() -> None:
    crew, names = Crew(2, "test"), set[str]()
    await asyncio.gather(*(crew.run(0, lambda: names.add(threading.current_thread().name)) for _ in range(50)))
    assert names <= {"test-0", "test-1"}
    await crew.close()


async def test_who_waits_at_the_end_is_told_and_the_threads_are_gone() -> None:
    crew, gate = Crew(1, "ending"), threading.Event()
    held, waiting = crew.run(0, gate.wait), crew.run(1, lambda: None)
    ending = asyncio.create_task(crew.close())
    with pytest.raises(Unavailable):
        await waiting
    gate.set()
    await asyncio.gather(held, ending)
    await until(lambda: not [one for one in threading.enumerate() if one.name.startswith("ending")])
    with pytest.raises(Unavailable):
        crew.run(0, lambda: None)
