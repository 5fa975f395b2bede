"""A function in a child process: what it tells, how it ends, and that nothing of it stays."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from backline.compute.in_child import ChildLimits, run_in_child
from backline.errors import BacklineError, Failed, Invalid, Unavailable
from tests.processes.conftest import ROOT, children, lives, until

QUICK = ChildLimits(stall_seconds=10, grace_seconds=0.5)


async def run(name: str, limits: ChildLimits = QUICK, told: list[Any] | None = None, **data: Any) -> Any:
    on_progress = (told if told is not None else []).append
    return await run_in_child(f"tests.compute.children:{name}", data, on_progress, limits)


async def processes(file: Path) -> list[int]:
    """Of the worker and of what it started, once it has written them down; and of whoever else is in their group."""

    def read() -> list[int]:
        until(lambda: file.exists() and len(file.read_text().split()) == 2)
        return [int(pid) for pid in file.read_text().split()]

    return await asyncio.to_thread(read)


def all_gone(pids: list[int]) -> None:
    until(lambda: not any(map(lives, pids)), 10)


async def test_it_returns_what_the_function_returns_and_tells_what_it_told() -> None:
    told: list[Any] = []
    assert await run("double", told=told, n=21) == {"n": 42}
    assert told == [{"progress": step / 3, "message": f"step {step}"} for step in range(3)]


async def test_what_is_printed_or_read_does_not_disturb_what_is_told() -> None:
    assert await run("chatty", parent=os.getpid()) == {"own_group": True}


async def test_a_failure_that_has_a_name_keeps_it() -> None:
    with pytest.raises(Invalid) as refused:
        await run("refuse")
    assert refused.value.code == "unknown_voice"


async def test_one_that_has_none_does_not_tell_what_it_said() -> None:
    with pytest.raises(Failed) as broken:
        await run("break_down")
    assert broken.value.code == "child_failed"
    assert "secret" not in broken.value.detail


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_a_child_that_dies_is_a_failure_that_may_pass(number: signal.Signals) -> None:
    with pytest.raises(Unavailable) as died:
        await run("die", signal=int(number))
    assert (died.value.code, died.value.retryable) == ("child_died", True)


async def test_a_child_that_somebody_else_tells_to_end_says_so() -> None:
    with pytest.raises(Unavailable) as ended:
        await run("die", signal=int(signal.SIGTERM))
    assert ended.value.code == "child_told_to_end"


async def test_a_result_that_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(Failed) as refused:
        await run("say_too_much")
    assert refused.value.code == "child_said_too_much"


async def test_one_that_talks_on_when_nobody_listens_any_more_is_ended() -> None:
    told: list[Any] = []
    task = asyncio.create_task(run("talk_on", told=told))
    await asyncio.to_thread(until, lambda: len(told) > 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_silent_child_is_ended_with_all_it_started(tmp_path: Path) -> None:
    with pytest.raises(BacklineError) as hung:
        await run("say_nothing", ChildLimits(stall_seconds=1.5, grace_seconds=0.2), pids=str(tmp_path / "pids"))
    assert hung.value.code == "child_hung"
    all_gone(await processes(tmp_path / "pids"))


async def test_cancelling_lets_it_clean_up(tmp_path: Path) -> None:
    file = tmp_path / "half"
    task = asyncio.create_task(run("tidy", ChildLimits(grace_seconds=10), file=str(file)))
    await asyncio.to_thread(until, file.exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not file.exists()


@pytest.mark.parametrize("cancels", [1, 3])
async def test_one_that_ignores_sigterm_is_killed_with_all_it_started(tmp_path: Path, cancels: int) -> None:
    task = asyncio.create_task(run("stubborn", pids=str(tmp_path / "pids")))
    pids = await processes(tmp_path / "pids")
    for _ in range(cancels):
        task.cancel()
        await asyncio.sleep(0.05)
    with pytest.raises(asyncio.CancelledError):
        await task
    all_gone(pids)


async def test_what_a_function_leaves_running_is_ended_with_it(tmp_path: Path) -> None:
    assert await run("leave_something", pids=str(tmp_path / "pids")) == {}
    all_gone(await processes(tmp_path / "pids"))


@pytest.mark.parametrize("name", ["say_nothing", "stubborn", "busy"])
def test_it_ends_when_its_parent_is_killed(tmp_path: Path, name: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.compute.child_parent", name, str(tmp_path / "pids")], cwd=ROOT
    )
    try:
        pids = [*asyncio.run(processes(tmp_path / "pids")), *children(parent.pid)]
        assert len(pids) == 3
        time.sleep(0.3)
        assert all(map(lives, pids))
    finally:
        parent.kill()
        parent.wait()
    all_gone(pids)


def test_it_ends_when_its_leader_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.compute.child_parent", "say_nothing", str(tmp_path / "pids")],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    pids = asyncio.run(processes(tmp_path / "pids"))
    (leader,) = children(parent.pid)
    os.kill(leader, signal.SIGKILL)
    assert "ended without a word" in parent.communicate(timeout=30)[1]
    all_gone([leader, *pids])
