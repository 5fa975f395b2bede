"""The body of a deployed job, without the platform: its answer, its news, and that a run begins where one ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from backline.compute.on_modal.entry import Entry, entry_of, key_of
from backline.compute.remote import Running
from backline.deploy import job_body
from backline.deploy.job_body import run_job
from backline.errors import Busy, from_data
from tests.deploy.operations import OPERATIONS
from tests.processes.conftest import lives, until


class Board:
    """In memory. away: it answers nothing but errors. log: what was put, in order."""

    def __init__(self, *, away: bool = False) -> None:
        self.entries: dict[str, Mapping[str, Any]] = {}
        self.log: list[Entry] = []
        self._away = away

    async def get(self, key: str) -> Mapping[str, Any] | None:
        self._reach()
        return self.entries.get(key)

    async def put(self, key: str, entry: Mapping[str, Any]) -> None:
        self._reach()
        self.entries[key] = entry
        self.log.append(entry_of(entry))

    def _reach(self) -> None:
        if self._away:
            raise ConnectionError


async def run(
    name: str, board: Board, data: Mapping[str, Any] | None = None, stall_seconds: float = 30
) -> dict[str, Any]:
    return await run_job(name, "job_1", 2, data or {}, board, stall_seconds, OPERATIONS)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_body, "INTERVAL_SECONDS", 0.0)


async def test_the_answer_is_a_result_and_the_board_tells_how_far_it_is() -> None:
    board = Board()
    assert await run("step_by_step", board, {"steps": 200}) == {"result": {"begun_at": 0, "job": ["job_1", 2]}}
    last = entry_of(board.entries[key_of("job_1", 2)])
    assert last.running == Running(1.0, "step 200", {"frames": 200}, {"step": 200})
    assert [one.ended for one in board.log] == [False] * (len(board.log) - 1) + [True]
    assert board.log[0].running == Running(0.0)  # it has begun
    assert len(board.log) < 20  # two hundred steps of no time at all
    assert last.told_at >= board.log[0].told_at > 0


async def test_an_error_crosses_as_data() -> None:
    board = Board()
    answer = await run("refuse", board)
    error = from_data(answer["error"])
    assert (type(error), error.code, error.retryable) == (Busy, "no_room", True)
    assert (board.log[-1].ended, board.log[-1].progress) == (True, 0.5)


@pytest.mark.parametrize(("name", "code"), [("say_nothing", "child_hung"), ("sing", "operation_not_found")])
async def test_what_hangs_and_what_is_not_there_have_their_names(name: str, code: str) -> None:
    board = Board()
    answer = await run(name, board, stall_seconds=0.5)
    assert answer["error"]["code"] == code
    assert board.log[-1].ended


async def test_a_run_that_begins_anew_goes_on_and_one_that_is_cancelled_is_silent(
    tmp_path: Path, at_once: None
) -> None:
    """As when a container dies: the same job and attempt, from what the first had told."""
    board, file = Board(), tmp_path / "pid"
    order = {"steps": 5, "stands": 3, "file": str(file), "checkpoint": {"step": 1}}
    first = asyncio.create_task(run("step_by_step", board, order))

    def stands() -> bool:
        return file.exists() and board.log[-1].checkpoint == {"step": 3}

    await asyncio.to_thread(until, stands)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert not lives(int(file.read_text()))
    assert not any(one.ended for one in board.log)
    assert (await run("step_by_step", board, order))["result"]["begun_at"] == 3


async def test_the_order_s_checkpoint_is_gone_on_from_where_the_board_has_none() -> None:
    answer = await run("step_by_step", Board(), {"steps": 3, "checkpoint": {"step": 2}})
    assert answer["result"]["begun_at"] == 2


async def test_a_board_that_is_away_costs_only_the_news(at_once: None) -> None:
    answer = await run("step_by_step", Board(away=True), {"steps": 3})
    assert answer["result"]["begun_at"] == 0


def test_an_entry_of_another_release_is_understood() -> None:
    assert entry_of({"progress": 0.5, "mood": "good"}) == Entry(progress=0.5)
