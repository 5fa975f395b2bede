"""How long a session lives, and what of it is billed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from backline.engines.jam.host import JamHost
from backline.engines.jam.orders import JamChange, JamStatus
from backline.errors import Conflict, NotFound
from tests.engines.jam.players import FAST, ID, SHORT, Hands, Watched, hosting, jamming, loop_file, until


async def billed(host: JamHost) -> float:
    seconds = (await host.peek(ID)).billable_elapsed_seconds
    assert seconds is not None
    return seconds


async def test_a_session_is_billed_while_it_is_touched() -> None:
    clock = Hands()
    async with hosting(clock=clock) as host:
        await host.warm_up(ID)
        assert await billed(host) == 0
        clock.now += 20
        assert await billed(host) == 20
        await host.status(ID)
        clock.now += 29
        assert await billed(host) == 49


async def test_after_the_last_touch_at_most_the_grace_is_billed() -> None:
    clock = Hands()
    async with hosting(clock=clock) as host:
        await host.warm_up(ID)
        clock.now += 10
        await host.status(ID)
        clock.now += 100
        assert await billed(host) == 40
        await host.status(ID)
        assert await billed(host) == 110


async def test_nothing_is_billed_after_the_close() -> None:
    clock = Hands()
    async with hosting(clock=clock) as host:
        await host.warm_up(ID)
        clock.now += 7
        closed = await host.close(ID, "manual_close")
        clock.now += 1000
        again = await host.close(ID, "another reason")
        assert closed == again == await host.peek(ID)
        assert (closed.billing_state, closed.close_reason, closed.billable_elapsed_seconds) == (
            "closed",
            "manual_close",
            7.0,
        )
        assert closed.billable_end_estimated_ts == closed.closed_ts


async def test_an_abandoned_session_closes_itself_and_is_billed_for_the_grace() -> None:
    clock = Hands()
    async with hosting(clock=clock) as host:
        await host.warm_up(ID)
        clock.now += 5
        await host.status(ID)
        clock.now += 119
        await asyncio.sleep(0.05)
        assert (await host.peek(ID)).billing_state == "active"
        clock.now += 2
        await until(lambda: host.session_count == 0)
        status = await host.peek(ID)
        assert (status.billing_state, status.close_reason) == ("closed", "idle")
        assert status.billable_elapsed_seconds == 35
        assert status.billable_end_estimated_ts == (status.closed_last_activity_ts or 0) + 30


async def refused_start(host: JamHost) -> None:
    with pytest.raises(Conflict):
        await host.start(ID, loop_file(), SHORT)


KEEPALIVES: dict[str, Callable[[JamHost], Awaitable[object]]] = {
    "warm_up": lambda host: host.warm_up(ID),
    "status": lambda host: host.status(ID),
    "next": lambda host: host.next(ID, 0),
    "consume": lambda host: host.consume(ID, 0),
    "update": lambda host: host.update(ID, JamChange(temperature=2.0)),
    "reseed": lambda host: host.reseed(ID, loop_file()),
    "reseed_splice": lambda host: host.reseed_splice(ID, loop_file(), 2.0),
    "stop": lambda host: host.stop(ID),
    "a refused start": refused_start,
}


@pytest.mark.parametrize("name", KEEPALIVES)
async def test_every_call_keeps_it_alive(name: str) -> None:
    clock = Hands()
    async with jamming(clock=clock) as host:
        await host.next(ID, 20)
        clock.now += 25
        await KEEPALIVES[name](host)
        status = await host.peek(ID)
        assert status.idle_seconds == 0
        assert status.last_touched_ts == status.last_activity_ts == (status.warm_completed_ts or 0) + 25
        assert status.estimated_scaledown_ts == status.last_touched_ts + 120


async def test_a_peek_is_no_touch() -> None:
    clock = Hands()
    async with hosting(clock=clock) as host:
        before = await host.warm_up(ID)
        clock.now += 25
        after = await host.peek(ID)
        assert (after.last_touched_ts, after.idle_seconds) == (before.last_touched_ts, 25)


async def test_a_call_that_waits_is_not_idle() -> None:
    clock, engine = Hands(), Watched()
    engine.gate.clear()
    async with jamming(engine=lambda: engine, clock=clock) as host:
        waiting = asyncio.create_task(host.next(ID, 30))
        await asyncio.sleep(0.02)
        clock.now += 130
        await asyncio.sleep(0.05)
        assert host.session_count == 1
        engine.gate.set()
        assert await waiting is not None
        await asyncio.sleep(0.05)
        assert host.session_count == 1
        clock.now += 121
        await until(lambda: host.session_count == 0)


async def test_setting_the_wall_clock_moves_no_figure() -> None:
    clock, wall = Hands(), [datetime(2026, 1, 1, tzinfo=UTC)]
    async with jamming(clock=clock, wall=lambda: wall[0]) as host:
        clock.now += 10
        before = await host.status(ID)
        wall[0] += timedelta(days=-400)
        assert await host.status(ID) == replace(before, last_made_index=(await host.peek(ID)).last_made_index)
        clock.now += 10
        after = await host.status(ID)
        assert after.billable_elapsed_seconds == 20
        assert after.last_touched_ts == before.last_touched_ts + 10
        assert (await host.close(ID, "done")).closed_ts == after.last_touched_ts


async def test_what_is_billed_never_falls() -> None:
    clock = Hands()
    async with hosting(clock=clock) as host:
        await host.warm_up(ID)
        figures = []
        for step in range(200):
            clock.now += 0.1 + step % 7
            if step % 5 == 0:
                await host.status(ID)
            figures.append(await billed(host))
        assert figures == sorted(figures)
        assert (await host.close(ID, "done")).billable_elapsed_seconds == figures[-1]


async def test_a_tombstone_stands_for_an_hour() -> None:
    clock = Hands()
    async with hosting(clock=clock) as host:
        await host.warm_up(ID)
        await host.close(ID, "done")
        clock.now += 3599
        assert (await host.peek(ID)).close_reason == "done"
        with pytest.raises(Conflict) as closed:
            await host.warm_up(ID)
        assert closed.value.code == "session_closed"
        clock.now += 2
        with pytest.raises(NotFound):
            await host.peek(ID)


async def test_after_the_close_every_call_says_so() -> None:
    async with jamming() as host:
        await host.close(ID, "done")
        calls = [
            host.warm_up(ID),
            host.status(ID),
            host.start(ID, loop_file(), SHORT),
            host.next(ID, 5),
            host.consume(ID, 0),
            host.update(ID, JamChange()),
            host.reseed(ID, None),
            host.reseed_splice(ID, None, 2),
            host.stop(ID),
        ]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [getattr(answer, "code", answer) for answer in answers] == ["session_closed"] * len(calls)


async def test_every_field_of_the_contract_is_told() -> None:
    clock = Hands()
    async with jamming(clock=clock) as host:
        await host.next(ID, 20)
        clock.now += 3
        status = await host.status(ID)
    unknown = {field.name for field in fields(JamStatus) if getattr(status, field.name) is None}
    closing = {"closed_ts", "close_reason", "closed_last_activity_ts", "billable_end_estimated_ts"}
    assert unknown == {*closing, "last_consumed_index"}
    assert (status.session_id, status.jam_running, status.ended, status.warmed) == (ID, True, False, True)
    assert (status.scaledown_window_seconds, status.warm_age_seconds) == (120, 3)
    assert status.session_created_ts == status.warm_started_ts <= (status.warm_completed_ts or 0)


async def test_a_long_reason_is_cut() -> None:
    async with hosting(rules=FAST) as host:
        await host.warm_up(ID)
        assert len((await host.close(ID, "x" * 10_000)).close_reason or "") == 100
