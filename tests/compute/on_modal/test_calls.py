"""Spawned calls through the unmodified SDK: how each end of one is told, and what it costs to ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from backline.compute.on_modal import names
from backline.compute.on_modal.calls import Handle, ModalCalls
from backline.compute.on_modal.connection import ModalApp
from backline.compute.on_modal.entry import Entry, key_of
from backline.compute.remote import Answer, Done, Running, Unknown
from backline.errors import BacklineError, Busy, Unavailable
from backline.ids import new_id
from tests.compute.on_modal.odd_app import NAME
from tests.modal_standin.standin import StandIn

HALF = Entry(0.5, "half", {"frames": 12}, {"segments": ["a"]})
ENDED = Entry(1.0, ended=True)


class Hurry:
    """A clock that a test can put forward, so that no call waits to be asked, and stop."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.stands: float | None = None

    def __call__(self) -> float:
        return (asyncio.get_running_loop().time() if self.stands is None else self.stands) + self.ahead


@pytest.fixture
def hurry() -> Hurry:
    return Hurry()


@pytest.fixture
async def calls(odd_app: ModalApp, hurry: Hurry) -> AsyncIterator[ModalCalls]:
    async with ModalCalls(odd_app, hurry) as calls:
        yield calls


async def spawn(calls: ModalCalls, *entries: Entry, function: str = "render", **data: Any) -> str:
    given = {"entries": [entry.as_data() for entry in entries], **data}
    return await calls.spawn(function, new_id("job"), 1, given)


async def until(calls: ModalCalls, call: str, ready: Callable[[Answer], bool]) -> Answer:
    async with asyncio.timeout(30):
        while not ready(answer := await calls.poll(call)):
            await asyncio.sleep(0.02)
        return answer


async def end_of(calls: ModalCalls, call: str) -> Done:
    answer = await until(calls, call, lambda answer: isinstance(answer, Done))
    assert isinstance(answer, Done)
    return answer


async def failure_of(calls: ModalCalls, call: str) -> BacklineError:
    error = (await end_of(calls, call)).error
    assert error is not None
    return error


async def board(app: ModalApp) -> dict[str, Any]:
    return {key: value async for key, value in app.dict_(names.board(NAME)).items.aio()}


async def test_a_call_tells_how_far_it_is_then_its_result_and_leaves_nothing_on_the_board(
    odd: StandIn, odd_app: ModalApp, calls: ModalCalls
) -> None:
    call = await spawn(calls, HALF, seconds=0.3)
    handle = Handle.read(call)
    assert (handle.app, handle.version, handle.function) == (NAME, odd.hub.require_app(NAME).version, "render")
    assert await until(calls, call, lambda answer: answer != Running()) == HALF.running
    await odd_app.dict_(names.board(NAME)).put.aio(handle.key, ENDED.as_data())
    done = await end_of(calls, call)
    assert done == Done({"operation": "render", "job": [handle.job_id, 1]})
    assert handle.key not in await board(odd_app)


async def test_another_process_goes_on_with_the_handle_alone(odd_app: ModalApp, calls: ModalCalls) -> None:
    call = await spawn(calls, ENDED)
    async with ModalCalls(odd_app) as other:
        assert (await end_of(other, call)).result is not None


async def test_an_error_with_a_reason_is_that_error(calls: ModalCalls) -> None:
    error = await failure_of(
        calls, await spawn(calls, ENDED, answer={"error": Busy("Full.", code="no_room").as_data()})
    )
    assert (type(error), error.code, error.detail, error.retryable) == (Busy, "no_room", "Full.", True)


@pytest.mark.parametrize("answer", [None, 4, {"result": 5}, {"other": 1}])
async def test_an_answer_of_another_kind_is_a_crash(calls: ModalCalls, answer: object) -> None:
    assert (await failure_of(calls, await spawn(calls, ENDED, answer=answer))).code == "remote_crashed"


async def test_a_cancelled_call_is_a_conflict_at_once(odd: StandIn, calls: ModalCalls) -> None:
    call = await spawn(calls, HALF, seconds=60)
    container = await asyncio.to_thread(odd.running, Handle.read(call).call_id)
    await calls.cancel(call)
    assert (await failure_of(calls, call)).code == "remote_cancelled"
    await calls.cancel(call)  # harmless, twice
    await calls.cancel(call + "0")
    await calls.cancel("no handle")
    assert container.alive


async def test_one_that_was_cancelled_elsewhere_is_told_so_too(
    odd_app: ModalApp, calls: ModalCalls, hurry: Hurry
) -> None:
    call = await spawn(calls, seconds=60)
    assert await calls.poll(call) == Running()
    async with ModalCalls(odd_app) as other:
        await other.cancel(call)
    hurry.ahead += 5
    assert (await failure_of(calls, call)).code == "remote_cancelled"


async def test_results_that_were_not_fetched_in_time_are_told_apart_from_time_outs(
    odd: StandIn, calls: ModalCalls
) -> None:
    call = await spawn(calls, ENDED)
    odd.wait_until(lambda: odd.call(Handle.read(call).call_id).unfinished == 0)
    odd.expire(Handle.read(call).call_id)
    expired = await failure_of(calls, call)
    assert (expired.code, expired.retryable) == ("remote_expired", True)


@pytest.mark.slow
async def test_one_that_takes_too_long_is_not_worth_another_try(calls: ModalCalls, hurry: Hurry) -> None:
    call = await spawn(calls, function="hasty", seconds=60)
    await calls.poll(call)
    hurry.ahead += 60
    timed_out = await failure_of(calls, call)
    assert (timed_out.code, timed_out.retryable) == ("remote_timed_out", False)


async def test_what_crashes_is_worth_another_try(calls: ModalCalls, hurry: Hurry) -> None:
    call = await spawn(calls, raises=True)
    async with asyncio.timeout(30):
        while not isinstance(answer := await calls.poll(call), Done):
            hurry.ahead += 60
    assert answer.error is not None
    assert (answer.error.code, answer.error.retryable) == ("remote_crashed", True)


async def test_unknown_is_not_dead(odd: StandIn, calls: ModalCalls, hurry: Hurry) -> None:
    call = await spawn(calls, HALF, seconds=60)
    await until(calls, call, lambda answer: answer == HALF.running)
    with odd.unreachable():
        hurry.ahead += 2
        assert await calls.poll(call) == Unknown("modal_unreachable")
        with pytest.raises(Unavailable):
            await calls.cancel(call)
    hurry.ahead += 2
    assert await calls.poll(call) == HALF.running
    await calls.cancel(call)
    await end_of(calls, call)
    nobody = call.rpartition("/")[0] + "/fc-nobody"
    await calls.poll(nobody)
    hurry.ahead += 5
    assert isinstance(await calls.poll(nobody), Unknown)
    assert isinstance(await calls.poll("no handle"), Unknown)


async def test_many_polls_are_one_reading_and_a_silent_call_is_asked_itself_now_and_then(
    odd: StandIn, calls: ModalCalls, hurry: Hurry
) -> None:
    known = [await spawn(calls, HALF, seconds=60) for _ in range(5)]
    for call in known:
        await until(calls, call, lambda answer: answer == HALF.running)
    reads, asks = odd.hub.received["DictContents"], odd.hub.received["FunctionGetOutputs"]
    hurry.ahead += 0.5
    hurry.stands = asyncio.get_running_loop().time()
    for _ in range(3):
        await asyncio.gather(*(calls.poll(call) for call in known * 20))
    assert odd.hub.received["DictContents"] == reads + 1
    assert odd.hub.received["FunctionGetOutputs"] == asks
    for _ in range(20):
        hurry.ahead += 6.0
        await calls.poll(known[0])
    assert 2 <= odd.hub.received["FunctionGetOutputs"] - asks <= 6
    for call in known:
        await calls.cancel(call)


async def test_rubbish_on_the_board_is_nothing_told(odd_app: ModalApp, calls: ModalCalls) -> None:
    call = await spawn(calls, seconds=60)
    handle = Handle.read(call)
    for rubbish in (7, {"progress": 0.5, "of another release": 1}):
        await odd_app.dict_(names.board(NAME)).put.aio(key_of(handle.job_id, 1), rubbish)
        await asyncio.sleep(0.1)
        assert isinstance(await calls.poll(call), Running)
    assert (await until(calls, call, lambda answer: answer != Running())) == Running(0.5)
    await calls.cancel(call)


def test_a_handle_is_text_and_back() -> None:
    handle = Handle("my.app-1", 3, "render", "job_01", 2, "fc-000001")
    assert Handle.read(str(handle)) == handle
