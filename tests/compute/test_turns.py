from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.compute.turns import Turns


async def test_the_waiter_with_the_smallest_order_goes_first() -> None:
    turns = Turns(1)
    await turns.take(0)
    went: list[float] = []

    async def wait(order: float) -> None:
        async with turns.turn(order):
            went.append(order)

    waiting = [asyncio.create_task(wait(order)) for order in (5.0, 1.0, 3.0, 1.5)]
    await asyncio.sleep(0)
    turns.give_back()
    await asyncio.gather(*waiting)
    assert went == [1.0, 1.5, 3.0, 5.0]


async def test_equal_orders_go_first_come_first_served() -> None:
    turns = Turns(1)
    await turns.take(0)
    went: list[int] = []

    async def wait(number: int) -> None:
        async with turns.turn(7.0):
            went.append(number)

    waiting = [asyncio.create_task(wait(number)) for number in range(20)]
    await asyncio.sleep(0)
    turns.give_back()
    await asyncio.gather(*waiting)
    assert went == list(range(20))


@given(
    places=st.integers(1, 4),
    actions=st.lists(st.tuples(st.floats(0, 10), st.booleans()), min_size=1, max_size=40),
)
def test_no_place_is_ever_lost_or_doubled(places: int, actions: list[tuple[float, bool]]) -> None:
    """However waiters come and are cancelled, at most `places` hold one, and in the end all are free."""

    async def run() -> None:
        turns = Turns(places)
        holding = most = 0

        async def work(order: float) -> None:
            nonlocal holding, most
            async with turns.turn(order):
                holding += 1
                most = max(most, holding)
                try:
                    await asyncio.sleep(0)
                finally:
                    holding -= 1

        tasks = []
        for order, cancelled in actions:
            task = asyncio.create_task(work(order))
            tasks.append(task)
            await asyncio.sleep(0)
            if cancelled:
                tasks[len(tasks) // 2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert most <= places
        for _ in range(places):
            await asyncio.wait_for(turns.take(0), 1)
        assert turns.waiting == 0

    asyncio.run(run())


async def test_a_cancelled_waiter_does_not_keep_a_place() -> None:
    turns = Turns(1)
    await turns.take(0)
    waiting = asyncio.create_task(turns.take(1))
    await asyncio.sleep(0)
    turns.give_back()  # the place is the waiter's now, though it has not run yet
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(turns.take(2), 1)
