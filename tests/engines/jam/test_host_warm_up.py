from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace

import pytest

from backline.compute.base import JamLink
from backline.engines.catalog import find
from backline.engines.jam.base import JamEngine
from backline.engines.jam.host import HostRules, JamHost
from backline.engines.jam.metronome import MetronomeEngine
from backline.errors import Busy, Conflict, Failed, Invalid, NotFound, Unavailable
from tests.engines.jam.players import FAST, ID, SHORT, Hands, Watched, hosting, loop_file, until


class Loads:
    """Makes engines; counts them, and may be slow or fail."""

    def __init__(self, failures: int = 0, gate: threading.Event | None = None) -> None:
        self.count = 0
        self._failures = failures
        self._gate = gate

    def __call__(self) -> JamEngine:
        self.count += 1
        if self._gate is not None:
            self._gate.wait(20)
        if self.count <= self._failures:
            raise OSError("no such weights: /secret/place")
        return MetronomeEngine()


async def test_an_engine_of_the_catalogue_is_named_in_the_status() -> None:
    host = JamHost(find("metronome"), rules=FAST)
    status = await host.warm_up(ID)
    assert (status.tag, status.model_version) == ("metronome", "metronome-1")
    await host.aclose()


def test_it_has_what_a_link_has() -> None:
    """Whether it fits is seen by the type checker."""
    link: JamLink = JamHost(find("metronome"))
    assert callable(link.reseed_splice)


async def test_the_engine_is_loaded_once_and_not_on_the_loop() -> None:
    names = []

    def load() -> JamEngine:
        names.append(threading.current_thread().name)
        time.sleep(0.2)
        return MetronomeEngine()

    async with hosting(load, name="slow") as host:
        statuses = await asyncio.gather(*(host.warm_up(f"s{number}") for number in range(5)))
        assert names == ["jam-engine-slow-0"]
        assert {status.billing_state for status in statuses} == {"active"}
        assert {status.container_warmup_seconds for status in statuses} == {statuses[0].container_warmup_seconds}
        assert 0.2 <= (statuses[0].container_warmup_seconds or 0) < 5


async def test_who_waits_too_long_is_told_that_it_is_still_warming_and_it_becomes_warm_by_itself() -> None:
    gate = threading.Event()
    rules = replace(FAST, warmup_patience_seconds=0.05)
    async with hosting(Loads(gate=gate), rules=rules) as host:
        status = await host.warm_up(ID)
        assert (status.billing_state, status.warmed) == ("warming", False)
        assert status.billable_elapsed_seconds is None
        assert status.container_warmup_seconds is None
        assert status.billable_start_ts is None
        with pytest.raises(Conflict) as refused:
            await host.start(ID, loop_file(), SHORT)
        assert (refused.value.code, refused.value.retryable) == ("not_warm", True)
        gate.set()
        while not (status := await host.status(ID)).warmed:
            await asyncio.sleep(0.01)
        assert status.billing_state == "active"
        await host.start(ID, loop_file(), SHORT)


async def test_a_load_that_failed_is_told_and_the_next_warm_up_tries_again() -> None:
    loads = Loads(failures=1)
    async with hosting(loads) as host:
        with pytest.raises(Unavailable) as failed:
            await host.warm_up(ID)
        assert failed.value.code == "engine_not_started"
        assert "secret" not in failed.value.detail
        assert (await host.peek(ID)).billing_state == "warming"
        assert (await host.warm_up(ID)).billing_state == "active"
        assert loads.count == 2


async def test_a_session_that_does_not_become_warm_is_closed_unbilled() -> None:
    gate, clock = threading.Event(), Hands()
    rules = replace(FAST, warmup_patience_seconds=0.01, idle_seconds=10_000.0)
    async with hosting(Loads(gate=gate), rules=rules, clock=clock) as host:
        await host.warm_up(ID)
        clock.now += 599
        await asyncio.sleep(0.05)
        assert (await host.peek(ID)).billing_state == "warming"
        clock.now += 2
        await until(lambda: host_is_empty(host))
        status = await host.peek(ID)
        assert (status.close_reason, status.billable_elapsed_seconds) == ("warmup_timeout", 0.0)
        gate.set()


def host_is_empty(host: JamHost) -> bool:
    return host.session_count == 0


async def test_warming_up_again_finds_the_same_session() -> None:
    async with hosting() as host:
        first = await host.warm_up(ID)
        again = await host.warm_up(ID)
        assert again.session_created_ts == first.session_created_ts
        assert again.billable_start_ts == first.billable_start_ts


async def test_there_is_room_for_so_many_sessions_and_a_closed_one_makes_room() -> None:
    async with hosting(rules=replace(FAST, max_sessions=2)) as host:
        await host.warm_up("one")
        await host.warm_up("two")
        with pytest.raises(Busy) as refused:
            await host.warm_up("three")
        assert refused.value.code == "too_many_sessions"
        assert refused.value.retry_after_seconds
        await host.warm_up("two")
        await host.close("one", "done")
        await host.warm_up("three")
        assert host.session_count == 2


async def test_a_flood_of_warm_ups_never_passes_the_cap() -> None:
    gate = threading.Event()
    async with hosting(Loads(gate=gate), rules=replace(FAST, max_sessions=3)) as host:
        calls = [asyncio.create_task(host.warm_up(f"s{number}")) for number in range(20)]
        await asyncio.sleep(0.05)
        gate.set()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(not isinstance(answer, Exception) for answer in answers) == 3
        assert {answer.code for answer in answers if isinstance(answer, Busy)} == {"too_many_sessions"}


async def test_an_unknown_id_is_an_error_for_every_call_and_makes_no_session() -> None:
    async with hosting() as host:
        calls = [
            host.status(ID),
            host.peek(ID),
            host.start(ID, loop_file(), SHORT),
            host.next(ID, 0),
            host.consume(ID, 0),
            host.reseed(ID, None),
            host.reseed_splice(ID, None, 2),
            host.stop(ID),
            host.close(ID, "x"),
        ]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(answer) for answer in answers] == [NotFound] * len(calls)
        assert {answer.code for answer in answers if isinstance(answer, NotFound)} == {"session_not_found"}
        assert host.session_count == 0


async def test_an_id_must_be_one() -> None:
    async with hosting() as host:
        with pytest.raises(Invalid):
            await host.warm_up("../../etc")


async def test_the_end_closes_sessions_and_engine_and_refuses_new_ones() -> None:
    engine, others = Watched(), set(threading.enumerate())
    host = JamHost(lambda: engine, rules=FAST)
    await host.warm_up(ID)
    await host.start(ID, loop_file(), SHORT)
    waiting = asyncio.create_task(host.next(ID, 20, index=50))
    await asyncio.sleep(0.05)
    await host.aclose()
    with pytest.raises(Conflict):
        await waiting
    assert engine.closed
    assert (await host.peek(ID)).close_reason == "shutdown"
    with pytest.raises(Unavailable) as refused:
        await host.warm_up("another")
    assert refused.value.code == "draining"
    left = set(threading.enumerate()) - others
    assert not [thread for thread in left if thread.name.startswith("jam-bars")]


async def test_an_engine_that_cannot_hear_the_loop_fails_the_start_and_nothing_else() -> None:
    engine = Watched(refuses=True)
    async with hosting(lambda: engine) as host:
        await host.warm_up(ID)
        with pytest.raises(Failed) as failed:
            await host.start(ID, loop_file(), SHORT)
        assert failed.value.code == "engine_failed"
        engine.refuses = False
        await host.start(ID, loop_file(), SHORT)
        assert await host.next(ID, 20) is not None


def test_the_rules_are_those_of_the_manual() -> None:
    rules = HostRules()
    assert (rules.idle_seconds, rules.grace_seconds, rules.warmup_patience_seconds) == (120, 30, 110)
