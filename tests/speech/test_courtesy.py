"""Who is far ahead gives way to who has heard nothing yet."""

from __future__ import annotations

import asyncio

from backline.speech.courtesy import Courtesy, Manners


def heard_for(courtesy: Courtesy, seconds: float) -> Manners:
    """A stream whose first sound was heard that long ago."""
    moments = iter((0.0,))
    manners = Manners(courtesy, lambda: next(moments, seconds))
    manners.has_begun()
    return manners


def beginner(courtesy: Courtesy) -> Manners:
    manners = Manners(courtesy)
    manners.begins()
    return manners


async def rounds() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_nobody_waits_while_nobody_begins() -> None:
    ahead = heard_for(Courtesy(), 1.0)
    async with asyncio.timeout(10):
        for _ in range(100):
            await ahead.give_way(5.0)


async def test_who_is_ahead_waits_until_the_last_beginner_has_begun() -> None:
    courtesy = Courtesy()
    first, second = beginner(courtesy), beginner(courtesy)
    waiting = asyncio.create_task(heard_for(courtesy, 1.0).give_way(5.0))
    await rounds()
    first.has_begun()
    first.has_begun()  # again when it is over
    first.begins()  # its next sentence
    await rounds()
    assert not waiting.done()
    second.has_begun()
    await rounds()
    assert waiting.done()


async def test_who_has_little_in_hand_waits_for_nobody() -> None:
    courtesy = Courtesy()
    beginner(courtesy)
    for manners, delivered_seconds in ((heard_for(courtesy, 4.5), 5.0), (Manners(courtesy), 0.0)):
        task = asyncio.create_task(manners.give_way(delivered_seconds))
        await asyncio.sleep(0)
        assert task.done()


async def test_who_never_begins_does_not_stop_the_others() -> None:
    courtesy = Courtesy()
    beginner(courtesy)
    async with asyncio.timeout(10):
        await heard_for(courtesy, 1.0).give_way(5.0)


async def test_one_goes_on_in_a_round_of_the_loop_and_the_least_served_first() -> None:
    courtesy = Courtesy()
    order: list[float] = []
    round_of: list[int] = []
    number = 0

    async def stream(delivered_seconds: float) -> None:
        await heard_for(courtesy, 0.5).give_way(delivered_seconds)
        order.append(delivered_seconds)
        round_of.append(number)

    streams = [asyncio.create_task(stream(seconds)) for seconds in (4.0, 9.0, 3.0, 6.0)]
    while len(order) < 4:
        await asyncio.sleep(0)
        number += 1
    assert order == [4.0, 3.0, 6.0, 9.0]  # the first one found nobody before it
    assert len(set(round_of)) == 4
    await asyncio.gather(*streams)


async def test_who_leaves_while_giving_way_leaves_the_turn_to_the_next() -> None:
    courtesy = Courtesy()
    streams = [asyncio.create_task(heard_for(courtesy, 0.0).give_way(seconds)) for seconds in (2.0, 3.0, 4.0)]
    await asyncio.sleep(0)
    streams[0].cancel()
    streams[1].cancel()
    async with asyncio.timeout(10):
        await streams[2]
