"""Calls through the unmodified SDK, answered by real containers."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from modal import Cls, Dict, Function, FunctionCall, Queue
from modal.exception import (
    Error,
    ExecutionError,
    FunctionTimeoutError,
    NotFoundError,
    OutputExpiredError,
    RemoteError,
)

from tests.modal_standin.conftest import SMALL_APP
from tests.modal_standin.standin import StandIn


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The small app's own classes can be imported here, as a gateway's shared ones can."""
    monkeypatch.syspath_prepend(str(SMALL_APP.parent))
    yield
    sys.modules.pop("small_app", None)


def eventually(done: Callable[[], object]) -> None:
    """Wait until something that the SDK must be asked for is true."""
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_container_finds_its_code_secret_image_and_volume(small: StandIn) -> None:
    volume = small.volume("weights")
    commits, reloads = volume.commits, volume.reloads
    found = Function.from_name("small", "report", client=small.client).remote()
    assert (found["word"], found["secret"], found["image"], found["weights"]) == ("one", "abc", "two words", "heavy")
    assert (volume.folder / "left.txt").read_text() == "one"
    assert volume.commits > commits
    assert volume.reloads > reloads


def test_spawn_polls_until_done_and_is_found_again(small: StandIn) -> None:
    client = small.client
    call = Function.from_name("small", "nap", client=client).spawn(0.5)
    with pytest.raises(TimeoutError):
        call.get(timeout=0)
    found = FunctionCall.from_id(call.object_id, client=client)
    assert found.get(timeout=20) == call.get(timeout=0)
    assert found.num_inputs() == 1
    graph = found.get_call_graph()
    assert graph[0].function_name == "nap"


def test_results_expire(small: StandIn) -> None:
    call = Function.from_name("small", "nap", client=small.client).spawn(0.0)
    call.get(timeout=20)
    small.expire(call.object_id)
    with pytest.raises(OutputExpiredError):
        call.get(timeout=0)


def test_a_cancelled_call_ends_at_once_and_its_body_is_told(small: StandIn) -> None:
    client = small.client
    notes = Dict.from_name("notes", create_if_missing=True, client=client)
    call = Function.from_name("small", "nap", client=client).spawn(60.0, "cancelled")
    container = small.running(call.object_id)
    eventually(lambda: notes.get("cancelled started"))
    call.cancel()
    with pytest.raises(RemoteError):
        call.get(timeout=1)
    eventually(lambda: notes.get("cancelled cancelled"))
    assert container.alive


def test_a_call_can_be_cancelled_with_its_container(small: StandIn) -> None:
    call = Function.from_name("small", "nap", client=small.client).spawn(60.0)
    container = small.running(call.object_id)
    call.cancel(terminate_containers=True)
    small.wait_until(lambda: not container.alive)
    with pytest.raises(RemoteError):
        call.get(timeout=1)


def test_a_generator_that_says_its_call_can_be_cancelled(small: StandIn) -> None:
    items = Function.from_name("small", "endless", client=small.client).remote_gen()
    call_id = next(items)
    container = small.running(call_id)
    assert next(items) == "more"
    FunctionCall.from_id(call_id, client=small.client).cancel()
    with pytest.raises(RemoteError):
        for _ in items:
            pass
    small.wait_until(lambda: not container.running)
    assert container.alive


def test_a_reader_that_goes_away_does_not_stop_a_generator(small: StandIn) -> None:
    items = Function.from_name("small", "endless", client=small.client).remote_gen()
    call = small.call(next(items))
    items.close()
    read = len(call.outgoing)
    small.wait_until(lambda: len(call.outgoing) > read + 5)
    FunctionCall.from_id(call.call_id, client=small.client).cancel()


def test_a_waiting_call_can_be_cancelled(small: StandIn) -> None:
    nap = Function.from_name("small", "nap", client=small.client).with_options(max_containers=1, timeout=40)
    first = [nap.spawn(60.0) for _ in range(8)]
    container = small.running(first[0].object_id)
    small.wait_until(lambda: len(container.running) == 8)
    waiting = nap.spawn(0.0)
    waiting.cancel()
    with pytest.raises(RemoteError):
        waiting.get(timeout=1)
    assert not small.call(waiting.object_id).inputs[0].task_ids
    for call in first:
        call.cancel(terminate_containers=True)


def test_items_arrive_one_by_one(small: StandIn) -> None:
    count = Function.from_name("small", "count", client=small.client)
    list(count.remote_gen(1, 0.0))
    arrived = [(int.from_bytes(item), time.monotonic()) for item in count.remote_gen(4, 0.3)]
    assert [number for number, _ in arrived] == [0, 1, 2, 3]
    assert arrived[-1][1] - arrived[0][1] > 0.6  # they came while the body still paused


async def test_items_arrive_in_asynchronous_code(small: StandIn) -> None:
    count = Function.from_name("small", "count", client=small.client)
    assert [int.from_bytes(item) async for item in count.remote_gen.aio(300, 0.0)] == list(range(300))


def test_a_failing_generator_delivers_what_it_had_and_raises(small: StandIn, known: None) -> None:
    items = Function.from_name("small", "count", client=small.client).remote_gen(5, 0.1, fails_at=2)
    assert [int.from_bytes(next(items)) for _ in range(2)] == [0, 1]
    with pytest.raises(importlib.import_module("small_app").Refused):
        next(items)


def test_exceptions_keep_their_type(small: StandIn, known: None) -> None:
    refuse = Function.from_name("small", "refuse", client=small.client)
    with pytest.raises(importlib.import_module("small_app").Refused) as refused:
        refuse.remote(7)
    assert refused.value.number == 7


def test_an_exception_that_is_unknown_here_is_told_as_text(small: StandIn) -> None:
    with pytest.raises(ExecutionError, match="Refused"):
        Function.from_name("small", "refuse", client=small.client).remote(7)


def test_failures_are_retried_by_the_policy(small: StandIn) -> None:
    client = small.client
    Dict.from_name("notes", create_if_missing=True, client=client).pop("tries", None)
    call = Function.from_name("small", "third_time", client=client).spawn()
    assert call.get(timeout=20) == 3
    assert len(small.call(call.object_id).inputs[0].task_ids) == 3


def test_a_call_that_takes_too_long_times_out(small: StandIn) -> None:
    with pytest.raises(FunctionTimeoutError):
        Function.from_name("small", "too_long", client=small.client).remote()


def test_a_time_out_ends_one_of_several_inputs_only(small: StandIn) -> None:
    nap = Function.from_name("small", "nap", client=small.client).with_options(timeout=1)
    late = nap.spawn(60.0, "late")
    container = small.running(late.object_id)
    with pytest.raises(FunctionTimeoutError):
        late.get(timeout=20)
    assert container.alive
    assert nap.remote(0.0) == container.task_id


@pytest.mark.parametrize("length", [20_000, 3_000_000])
def test_large_values_go_past_the_messages(small: StandIn, length: int) -> None:
    data = b"ab" * (length // 2)
    call = Function.from_name("small", "size", client=small.client).spawn(data)
    assert call.get(timeout=20) == data[::-1]
    assert small.call(call.object_id).inputs[0].value.args_blob_id


def test_parameters_have_containers_of_their_own(small: StandIn) -> None:
    engine = Cls.from_name("small", "Engine", client=small.client)
    name, rate_hz, entered, process = engine(name="ann").describe.remote()
    assert (name, rate_hz, entered) == ("ann", 24_000, ["before", "after"])
    other = engine(name="bob", rate_hz=8_000).describe.remote()
    assert other[:2] == ("bob", 8_000)
    assert other[3] != process
    assert engine(name="ann", rate_hz=24_000).describe.remote()[3] == process
    assert list(engine(name="ann").speak.remote_gen(2)) == [b"annannannann"] * 2
    assert small.hub.received["ContainerCheckpoint"] >= 2


def test_one_container_takes_several_inputs_at_once(small: StandIn) -> None:
    nap = Function.from_name("small", "nap", client=small.client).with_options(max_containers=1)
    calls = [nap.spawn(0.5) for _ in range(8)]
    names = {call.get(timeout=20) for call in calls}
    assert len(names) == 1


def test_what_waits_starts_further_containers(small: StandIn) -> None:
    nap = Function.from_name("small", "nap", client=small.client).with_options(max_containers=2)
    calls = [nap.spawn(60.0) for _ in range(12)]
    assert len({small.running(call.object_id).task_id for call in calls}) == 2
    for call in calls:
        call.cancel(terminate_containers=True)


def test_the_queue_and_its_depth_can_be_read(small: StandIn) -> None:
    nap = Function.from_name("small", "nap", client=small.client).with_options(max_containers=1, timeout=50)
    calls = [nap.spawn(60.0) for _ in range(10)]
    container = small.running(calls[0].object_id)
    small.wait_until(lambda: len(container.running) >= 4)
    stats = nap.get_current_stats()
    assert stats.num_total_runners == 1
    assert 4 <= stats.num_running_inputs <= 8  # the target at first, then what it may have at most
    assert stats.num_running_inputs + stats.backlog == 10
    for call in calls:
        call.cancel(terminate_containers=True)


def test_dictionaries_and_queues_work_from_both_sides(small: StandIn) -> None:
    client = small.client
    claims = Dict.from_name("claims", create_if_missing=True, client=client)
    assert claims.put("job", 1, skip_if_exists=True)
    assert not claims.put("job", 2, skip_if_exists=True)
    assert (claims["job"], claims.len(), "other" in claims, dict(claims.items())) == (1, 1, False, {"job": 1})
    assert claims.pop("job") == 1

    parcels = Queue.from_name("parcels", create_if_missing=True, client=client)
    call = Function.from_name("small", "sort_parcels", client=client).spawn()
    parcels.put_many([1, 2], partition="in")
    parcels.put_many([39, -1], partition="in")
    assert parcels.get(partition="out", timeout=20) == 42
    assert call.get(timeout=20) == 42
    assert parcels.get(block=False, partition="out") is None
    assert parcels.len(total=True) == 0


def test_volumes_are_filled_from_the_command_line(small: StandIn, tmp_path: Path) -> None:
    source = tmp_path / "model.bin"
    source.write_bytes(b"w" * 1000)
    put = small.command("volume", "put", "weights", str(source), "/models/model.bin")
    assert put.returncode == 0, put.stderr
    assert (small.volume("weights").folder / "models" / "model.bin").read_bytes() == b"w" * 1000
    assert "models/model.bin" in small.command("volume", "ls", "weights", "models").stdout


def test_an_unreachable_platform_is_an_error_and_comes_back(small: StandIn) -> None:
    call = Function.from_name("small", "nap", client=small.client).spawn(0.0)
    with small.unreachable(), pytest.raises(Error):
        call.get(timeout=0)
    assert call.get(timeout=20)


def test_unknown_calls_are_not_found(small: StandIn) -> None:
    with pytest.raises(NotFoundError):
        FunctionCall.from_id("fc-nobody", client=small.client).get(timeout=0)
