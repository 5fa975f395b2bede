"""Several calls at the same moment, and clients that go away in the middle of one."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from backline.engines.jam.host import JamHost
from backline.engines.jam.orders import JamChunk, JamOptions
from backline.errors import Conflict
from tests.engines.jam.players import FAST, ID, SHORT, Watched, hosting, jamming, loop_file, take, until


async def test_of_two_starts_at_once_one_wins() -> None:
    engine = Watched()
    async with hosting(lambda: engine) as host:
        await host.warm_up(ID)
        answers = await asyncio.gather(
            *(host.start(ID, loop_file(), replace(SHORT, seed=seed)) for seed in range(5)), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, Conflict)]
        assert [answer.code for answer in refused] == ["jam_already_running"] * 4
        assert [name for name, _, _ in engine.told] == ["begin"]
        (chunk,) = await take(host, 1)
        assert chunk.metadata.seed == answers.index(None)


async def test_while_a_jam_runs_another_is_refused() -> None:
    async with jamming() as host:
        with pytest.raises(Conflict) as refused:
            await host.start(ID, loop_file(), SHORT)
        assert refused.value.code == "jam_already_running"


@pytest.mark.parametrize("index", [None, 0])
async def test_a_close_ends_a_next_that_waits(index: int | None) -> None:
    engine = Watched()
    engine.gate.clear()
    async with jamming(engine=lambda: engine) as host:
        waiting = [asyncio.create_task(host.next(ID, 25, index=index)) for _ in range(3)]
        await asyncio.sleep(0.05)
        closed = await host.close(ID, "done")
        async with asyncio.timeout(1):
            answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert [getattr(answer, "code", None) for answer in answers] == ["session_closed"] * 3
        engine.gate.set()
        await asyncio.sleep(0.2)
        assert await host.peek(ID) == closed
        assert engine.bars == 1  # the one that was under way


async def test_a_close_during_a_start_ends_the_start() -> None:
    async with hosting() as host:
        await host.warm_up(ID)
        starting = asyncio.create_task(host.start(ID, loop_file(), SHORT))
        await asyncio.sleep(0)
        await host.close(ID, "done")
        with pytest.raises(Conflict) as refused:
            await starting
        assert refused.value.code == "session_closed"
        assert not (await host.peek(ID)).jam_running


async def test_a_close_during_a_warm_up_ends_the_warm_up() -> None:
    gate = threading.Event()

    def load() -> Watched:
        gate.wait(20)
        return Watched()

    async with hosting(load) as host:
        warming = asyncio.create_task(host.warm_up(ID))
        await asyncio.sleep(0.05)
        closed = await host.close(ID, "changed_my_mind")
        gate.set()
        with pytest.raises(Conflict):
            await warming
        assert closed.billable_elapsed_seconds == 0
        assert await host.peek(ID) == closed


async def test_two_who_ask_for_the_next_chunk_get_two_chunks() -> None:
    async with jamming() as host:
        await until(lambda: host.peeked(ID).last_made_index == 1)
        chunks = await asyncio.gather(*(host.next(ID, 20, "flac") for _ in range(4)))
        assert sorted(chunk.index for chunk in chunks if chunk) == [0, 1, 2, 3]


async def test_who_stops_waiting_loses_no_chunk() -> None:
    engine = Watched()
    engine.gate.clear()
    async with jamming(engine=lambda: engine) as host:
        waiting = asyncio.create_task(host.next(ID, 25, "flac"))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert host.peeked(ID).last_delivered_index is None
        engine.gate.set()
        (chunk,) = await take(host, 1)
        assert chunk.index == 0


async def test_updates_and_reseeds_from_all_sides_never_meet_a_bar() -> None:
    engine = Watched()
    async with jamming(engine=lambda: engine, rules=replace(FAST, threads=8)) as host:
        orders = [host.reseed(ID, loop_file()) for _ in range(10)]
        orders += [host.reseed_splice(ID, loop_file(), 2) for _ in range(10)]
        await asyncio.gather(take(host, 20), *orders)
    assert engine.most_at_once == 1


async def test_the_loop_is_never_kept_waiting() -> None:
    """While the engine is stuck in a bar, everybody else is answered."""
    engine = Watched()
    async with jamming(engine=lambda: engine) as host:
        await until(lambda: host.peeked(ID).last_made_index == 1)
        engine.gate.clear()
        await take(host, 1)
        await until(lambda: engine.at_once == 1)
        await host.warm_up("another")
        await host.status(ID)
        await host.stop(ID)
        assert (await host.close(ID, "done")).close_reason == "done"
        engine.gate.set()


async def test_a_stop_during_a_bar_waits_for_its_end_and_a_start_after_it_too() -> None:
    engine = Watched()
    async with jamming(engine=lambda: engine) as host:
        await until(lambda: host.peeked(ID).last_made_index == 1)
        engine.gate.clear()
        await take(host, 1)
        await until(lambda: engine.at_once == 1)
        await host.stop(ID)
        starting = asyncio.create_task(host.start(ID, loop_file(), SHORT))
        await asyncio.sleep(0.05)
        assert not starting.done()
        engine.gate.set()
        await starting
        (chunk,) = await take(host, 1)
        assert chunk.metadata.first_bar == 0


async def test_a_close_ends_a_start_that_waits_for_the_bar_line() -> None:
    engine = Watched()
    async with jamming(engine=lambda: engine) as host:
        await until(lambda: host.peeked(ID).last_made_index == 1)
        engine.gate.clear()
        await take(host, 1)
        await until(lambda: engine.at_once == 1)
        await host.stop(ID)
        starting = asyncio.create_task(host.start(ID, loop_file(), SHORT))
        await asyncio.sleep(0.05)
        await host.close(ID, "done")
        with pytest.raises(Conflict) as refused:
            await starting
        assert refused.value.code == "session_closed"
        engine.gate.set()


class Order:
    """Which session's bar is made, in the order of the making, on one thread."""

    def __init__(self) -> None:
        self.engine = Watched()

    async def start(self, host: JamHost, session_id: str, seconds: int) -> None:
        await host.warm_up(session_id)
        options = JamOptions(bpm=240, beats_per_bar=4 * seconds, bars_per_chunk=1, topk=seconds)
        await host.start(session_id, loop_file(), options)


async def test_who_runs_dry_first_is_served_first() -> None:
    """Two sessions want a bar while the one thread is busy: one has two seconds left, the other eight."""
    order = Order()
    async with hosting(lambda: order.engine, rules=replace(FAST, threads=1)) as host:
        for session_id, seconds in (("long", 4), ("short", 1), ("busy", 2)):
            await order.start(host, session_id, seconds)
            await until(lambda session_id=session_id: host.peeked(session_id).last_made_index == 1)  # type: ignore[misc]
        order.engine.gate.clear()
        await take(host, 1, "busy")
        await until(lambda: order.engine.at_once == 1)
        before = len(order.engine.controls)
        for session_id in ("long", "short"):
            await take(host, 1, session_id)
        await asyncio.sleep(0.05)
        order.engine.gate.set()
        await until(lambda: len(order.engine.controls) >= before + 3)
        assert [controls.topk for controls in order.engine.controls[before:][:3]] == [2, 1, 4]


async def test_many_sessions_play_at_once_and_each_gets_its_own_music() -> None:
    async def play(host: JamHost, number: int) -> list[JamChunk]:
        session_id = f"s{number}"
        await host.warm_up(session_id)
        await host.start(session_id, loop_file(), replace(SHORT, seed=number))
        chunks = await take(host, 4, session_id)
        await host.close(session_id, "done")
        return chunks

    async with hosting() as host:
        for number, chunks in enumerate(await asyncio.gather(*(play(host, number) for number in range(12)))):
            assert [chunk.index for chunk in chunks] == [0, 1, 2, 3]
            assert {chunk.metadata.seed for chunk in chunks} == {number}
