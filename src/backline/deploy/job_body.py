"""What the functions of jobs do where they run: an operation in a child process, and news of it on the board.

It knows no storage and no database: what it reads and writes is said by links in its data. A run that begins anew,
because its container died, goes on from what its own entry on the board says.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from backline.compute.in_child import ChildLimits, run_in_child
from backline.compute.on_modal.entry import Entry, entry_of, key_of
from backline.compute.operations import OPERATIONS, Operation, operation
from backline.errors import BacklineError
from backline.observability.logging import get_logger

if TYPE_CHECKING:
    from modal import Dict

INTERVAL_SECONDS = 0.5
"""Between two entries of one job."""

_BOARD_SECONDS = 10.0
"""How long the board is waited for: it is only news."""

_GRACE_SECONDS = 1.0
"""What a cancelled operation has to close what it opened."""


class Board(Protocol):
    """Where entries are, by key. Either method may raise whatever its library raises."""

    async def get(self, key: str) -> Mapping[str, Any] | None: ...

    async def put(self, key: str, entry: Mapping[str, Any]) -> None: ...


class DictBoard:
    """On a Dict of the platform."""

    def __init__(self, entries: Dict) -> None:
        self._entries = entries

    async def get(self, key: str) -> Mapping[str, Any] | None:
        entry: Mapping[str, Any] | None = await self._entries.get.aio(key)
        return entry

    async def put(self, key: str, entry: Mapping[str, Any]) -> None:
        await self._entries.put.aio(key, dict(entry))


async def run_job(
    name: str,
    job_id: str,
    attempt: int,
    data: Mapping[str, Any],
    board: Board,
    stall_seconds: float,
    operations: tuple[Operation, ...] = OPERATIONS,
) -> dict[str, Any]:
    """Run the operation `name`: {"result": {...}}, or {"error": ...} as `BacklineError.as_data` has it.

    The operation is called with data, and with job_id, attempt and checkpoint: where an earlier run of this attempt
    was, else what data says. Of what it tells, progress (with what is said beside it) and checkpoint reach the board.
    stall_seconds: how long it may tell nothing. Cancelling ends the child, and waits for it; then nothing more is told:
    either nobody asks any more, or the same work begins anew elsewhere.
    """
    teller = _Teller(board, key_of(job_id, attempt))
    await teller.begin()
    given = {"checkpoint": None, **data, "job_id": job_id, "attempt": attempt}
    if teller.checkpoint is not None:
        given["checkpoint"] = teller.checkpoint
    telling = asyncio.create_task(teller.run())
    try:
        answer = await _answer(name, given, teller, stall_seconds, operations)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
    await teller.end()
    return answer


async def _answer(
    name: str, given: Mapping[str, Any], teller: _Teller, stall_seconds: float, operations: tuple[Operation, ...]
) -> dict[str, Any]:
    limits = ChildLimits(stall_seconds=stall_seconds, grace_seconds=_GRACE_SECONDS)
    try:
        function = operation(name, operations).function
        return {"result": dict(await run_in_child(function, given, teller.hear, limits))}
    except BacklineError as error:
        get_logger().warning("modal.job_failed", job_id=given["job_id"], operation=name, code=error.code)
        return {"error": error.as_data()}


class _Teller:
    """Puts the last of what was told on the board, not more often than every INTERVAL_SECONDS."""

    def __init__(self, board: Board, key: str) -> None:
        self._board, self._key = board, key
        self._entry = Entry(progress=0.0)
        self._something = asyncio.Event()

    @property
    def checkpoint(self) -> Mapping[str, Any] | None:
        return self._entry.checkpoint

    async def begin(self) -> None:
        """Find what an earlier run has left."""
        try:
            async with asyncio.timeout(_BOARD_SECONDS):
                found = await self._board.get(self._key)
        except Exception as error:  # noqa: BLE001 - its checkpoint saves work, and is not needed
            get_logger().warning("modal.board_unread", entry=self._key, error_type=type(error).__name__)
            return
        if found is not None:
            self._entry = replace(entry_of(found), ended=False)

    def hear(self, told: Mapping[str, Any]) -> None:
        rest = dict(told)
        changes: dict[str, Any] = {}
        if (checkpoint := rest.pop("checkpoint", None)) is not None:
            changes["checkpoint"] = checkpoint
        if "progress" in rest:
            changes |= {"progress": float(rest.pop("progress")), "message": rest.pop("message", None), "more": rest}
        if changes:
            self._entry = replace(self._entry, **changes)
            self._something.set()

    async def run(self) -> None:
        """Until cancelled. The first entry says that the work has begun."""
        while True:
            self._something.clear()
            await self._put()
            await asyncio.sleep(INTERVAL_SECONDS)
            await self._something.wait()

    async def end(self) -> None:
        self._entry = replace(self._entry, ended=True)
        await self._put()

    async def _put(self) -> None:
        try:
            async with asyncio.timeout(_BOARD_SECONDS):
                await self._board.put(self._key, replace(self._entry, told_at=time.time()).as_data())
        except Exception as error:  # noqa: BLE001 - the next entry says it all again, and the call has the result
            get_logger().warning("modal.board_unwritten", entry=self._key, error_type=type(error).__name__)
