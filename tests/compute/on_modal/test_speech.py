"""Speech through the unmodified SDK: real containers, an engine that goes wrong as its text says, and listeners who
leave. What every host keeps is in tests/contracts/test_speech_hosts.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from grpclib import Status

from backline.compute.on_modal import names, speech_call
from backline.compute.on_modal.connection import ModalApp
from backline.compute.on_modal.speech import SpeechOnModal
from backline.compute.on_modal.speech_call import SpeechCalls
from backline.compute.on_modal.stream_items import chunks_of, first_item, new_run, next_item, split
from backline.compute.speech_wire import SpeechOrder, order_as_data
from backline.engines.speech.base import SpeechParams, SpeechState
from backline.errors import BacklineError, Busy, Unavailable
from tests.compute.on_modal.odd_app import NAME
from tests.modal_standin.records import Container
from tests.modal_standin.standin import StandIn

ENGLISH = SpeechParams("en")
LONG = "1 wait " * 200


def reached() -> None:
    """Modal answers."""


@dataclass
class Heard:
    """values: of each block, in thousandths."""

    values: list[int] = field(default_factory=list)
    turns: int = 0
    state: SpeechState = field(default_factory=lambda: SpeechState("odd-one"))
    error: BacklineError | None = None


@pytest.fixture
async def host(odd_app: ModalApp) -> AsyncIterator[SpeechOnModal]:
    host = SpeechOnModal("odd", odd_app, queue_limit=100)
    await host.start()
    yield host
    await host.close()


async def listen(host: SpeechOnModal, text: str, blocks: int = 1_000_000) -> Heard:
    heard = Heard()

    def turn() -> None:
        heard.turns += 1

    try:
        async with aclosing(host.stream(text, heard.state, ENGLISH, 0.0, turn)) as made:
            async for some in made:
                heard.values += [round(float(block.samples[0, 0]) * 1000) for block in some]
                if len(heard.values) >= blocks:
                    break
    except BacklineError as error:
        heard.error = error
    return heard


async def in_thread(wait: Callable[[], None]) -> None:
    """The test's own loop must go on meanwhile."""
    await asyncio.to_thread(wait)


def speaking(odd: StandIn) -> list[Container]:
    return [one for one in odd.containers("Speech.*") if one.running]


async def test_a_unit_is_heard_as_it_is_made_and_what_the_engine_keeps_comes_back(host: SpeechOnModal) -> None:
    heard = await listen(host, "1 2 wait 3")
    assert (heard.values, heard.turns, heard.state.data) == ([1, 2, 3], 1, {"last": 3})


async def test_what_an_engine_can_do_is_found_without_a_container_once_it_was_told(
    odd: StandIn, odd_app: ModalApp, host: SpeechOnModal
) -> None:
    calls = odd.hub.received["FunctionMap"]
    again = SpeechOnModal("odd", odd_app, queue_limit=1)
    told = await again.start()
    assert odd.hub.received["FunctionMap"] == calls
    await odd_app.dict_(names.capabilities(NAME)).put.aio("odd", {"release": "another", "capabilities": {}})
    try:
        assert await again.start() == told
        assert odd.hub.received["FunctionMap"] == calls + 1
    finally:
        await odd_app.dict_(names.capabilities(NAME)).pop.aio("odd")


async def test_an_engine_that_is_not_there_is_told_by_the_container(odd_app: ModalApp) -> None:
    with pytest.raises(BacklineError) as refused:
        await SpeechOnModal("nobody", odd_app, queue_limit=1).start()
    assert refused.value.code == "engine_not_found"


async def test_a_listener_who_leaves_ends_the_engine_and_does_not_wait_for_it(
    odd: StandIn, host: SpeechOnModal
) -> None:
    heard = await listen(host, LONG, blocks=2)
    await in_thread(lambda: odd.wait_until(lambda: not speaking(odd), 5))  # it would speak for 20 s
    assert len(heard.values) >= 2
    assert all(one.alive for one in odd.containers("Speech.*"))
    assert (await listen(host, "7")).values == [7]


async def test_a_call_that_nobody_waited_for_is_cancelled_once_it_begins(odd: StandIn, odd_app: ModalApp) -> None:
    calls = SpeechCalls(odd_app, reached)
    order = order_as_data(SpeechOrder("odd", LONG, SpeechState("odd-one"), ENGLISH))
    before = set(odd.hub.calls)
    waiting = asyncio.ensure_future(anext(calls.chunks(order)))
    await in_thread(lambda: odd.wait_until(lambda: set(odd.hub.calls) > before, 5))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    (made,) = set(odd.hub.calls) - before
    await in_thread(lambda: odd.wait_until(lambda: odd.call(made).unfinished == 0, 5))
    await calls.close()


async def test_several_at_once_are_not_mixed_up(host: SpeechOnModal) -> None:
    heard = await asyncio.gather(*(listen(host, f"{one} wait {one + 1} {one + 2}") for one in range(1, 60, 10)))
    assert [one.values for one in heard] == [[one, one + 1, one + 2] for one in range(1, 60, 10)]


async def test_an_order_that_makes_no_sense_is_refused_over_there(odd_app: ModalApp) -> None:
    calls = SpeechCalls(odd_app, reached)
    async with aclosing(calls.chunks({"engine": "odd", "text": 5})) as chunks:
        assert any([b"bad_order" in chunk async for chunk in chunks])
    await calls.close()


@pytest.mark.slow
async def test_a_machine_that_is_lost_before_the_first_sound_costs_only_time(
    odd: StandIn, host: SpeechOnModal, tmp_path: Path
) -> None:
    heard = await listen(host, f"wait wait die:{tmp_path / 'died'} 1 2")
    assert (heard.values, heard.error) == ([1, 2], None)


@pytest.mark.slow
async def test_a_machine_that_is_lost_later_is_told_and_no_other_sound_is_put_behind(
    host: SpeechOnModal, tmp_path: Path
) -> None:
    heard = await listen(host, f"1 wait wait die:{tmp_path / 'died'} 2 3")
    assert heard.values == [1]
    assert heard.error is not None
    assert heard.error.code == "worker_lost"


@pytest.mark.slow
async def test_a_broken_gpu_drains_its_container_and_the_unit_is_spoken_by_another(
    odd: StandIn, host: SpeechOnModal, tmp_path: Path
) -> None:
    await listen(host, "1")
    (broken,) = [one for one in odd.containers("Speech.*") if not one.draining]
    heard = await listen(host, f"fault:{tmp_path / 'broke'} 1 2")
    assert (heard.values, heard.error) == ([1, 2], None)
    await in_thread(lambda: odd.wait_until(lambda: not broken.alive))
    later = await listen(host, "1 wait fault")
    assert later.values == [1]
    assert later.error is not None
    assert later.error.code == "gpu_fault"


async def test_what_is_away_is_told_and_not_tried_for_ever(odd: StandIn, host: SpeechOnModal) -> None:
    with odd.unreachable():
        heard = await listen(host, "1")
    assert heard.error is not None
    assert heard.error.code == "modal_unreachable"
    while (await listen(host, "1")).values != [1]:  # it is asked beside whether it is there again
        await asyncio.sleep(0.05)
    with odd.failing("FunctionMap", Status.UNAUTHENTICATED):
        heard = await listen(host, "1")
    assert heard.error is not None
    assert heard.error.code == "modal_refuses_token"


async def test_a_container_that_does_not_begin_in_time_is_told(odd_app: ModalApp, host: SpeechOnModal) -> None:
    calls = SpeechCalls(odd_app, reached, first_seconds=0.0)
    with pytest.raises(Unavailable) as refused:
        await anext(calls.chunks(order_as_data(SpeechOrder("odd", LONG, SpeechState("odd-one"), ENGLISH))))
    assert (refused.value.code, refused.value.retry_after_seconds) == ("remote_starting", 10)
    await calls.close()


async def test_who_waits_for_a_container_is_told_when_nobody_is_there_to_start_it(
    odd_app: ModalApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hung platform refuses nothing: without this a listener would wait as long as for a cold start."""
    monkeypatch.setattr(speech_call, "_LOOK_SECONDS", 0.0)

    def away() -> None:
        raise Unavailable("Modal cannot be reached.", code="modal_unreachable")

    calls = SpeechCalls(odd_app, away)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await anext(calls.chunks(order_as_data(SpeechOrder("odd", "1", SpeechState("odd-one"), ENGLISH))))
    await calls.close()


async def test_new_streams_are_told_at_once_while_it_is_away(odd: StandIn, host: SpeechOnModal) -> None:
    with odd.failing("FunctionGetCurrentStats", Status.UNAVAILABLE):
        await listen(host, "1")
        heard = Heard()
        while heard.error is None:
            heard = await listen(host, "1")
    assert heard.error.code == "modal_unreachable"
    assert heard.values == []


async def test_a_container_that_falls_silent_is_lost(host: SpeechOnModal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_call, "SILENCE_SECONDS", 0.3)
    heard = await listen(host, "1 " + "wait " * 8)
    assert heard.values == [1]
    assert heard.error is not None
    assert heard.error.code == "worker_lost"


@pytest.mark.slow
async def test_new_streams_are_refused_while_too_many_wait_and_old_ones_go_on(
    odd: StandIn, odd_app: ModalApp, host: SpeechOnModal
) -> None:
    """There is one container, and it takes four at once."""
    limited = SpeechOnModal("odd", odd_app, queue_limit=1)
    await limited.start()
    record = odd.functions(NAME)["Speech.*"]
    many = [asyncio.create_task(listen(host, LONG)) for _ in range(7)]
    try:
        await in_thread(lambda: odd.wait_until(lambda: len(record.pending) == 3))
        asked = odd.hub.received["FunctionGetCurrentStats"]
        waiting = asyncio.create_task(listen(limited, "1"))  # nobody has told yet
        await in_thread(lambda: odd.wait_until(lambda: len(record.pending) == 4))
        await asyncio.sleep(0.1)
        for _ in range(3):
            refused = (await listen(limited, "1")).error
            assert isinstance(refused, Busy)
            assert (refused.code, refused.retry_after_seconds) == ("remote_queue_full", 2.0)
        assert odd.hub.received["FunctionGetCurrentStats"] == asked + 1
        goes_on = asyncio.ensure_future(anext(limited.stream("1", SpeechState("odd-one"), ENGLISH, 1.0)))
        await in_thread(lambda: odd.wait_until(lambda: len(record.pending) == 5))
    finally:
        for one in many:
            one.cancel()
        await asyncio.gather(*many, return_exceptions=True)
    assert (await waiting).values == [1]
    assert await goes_on
    await limited.close()


async def test_items_of_another_run_and_rubbish_are_no_sound() -> None:
    async def items(*given: object) -> AsyncIterator[object]:
        for one in given:
            yield one

    run, other = new_run(), new_run()
    assert split(first_item(run, "fc-1")) == (run, b"fc-1")
    good = [chunk async for chunk in chunks_of(run, items(next_item(run, b"a"), next_item(run, b"")))]
    assert good == [b"a", b""]
    for bad, code in ((next_item(other, b"b"), "worker_lost"), (b"short", "worker_rubbish"), (7, "worker_rubbish")):
        heard: list[bytes] = []
        with pytest.raises(Unavailable) as refused:
            heard.extend([chunk async for chunk in chunks_of(run, items(next_item(run, b"a"), bad))])
        assert refused.value.code == code
