"""A plain function in a process of its own, for work that takes long, uses much memory, or starts other programs.

The child leads a process group. It ends with its parent, whatever happens to the parent; it is ended, with all it has
started, when the caller is cancelled (SIGTERM, a grace, SIGKILL to the group), and when it tells nothing for too long.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from backline.compute.child_worker import HEADER, ChildFrame
from backline.errors import Failed, Unavailable, from_data

OnProgress = Callable[[Mapping[str, Any]], None]
"""Called with what the function told, in order."""

_LAST_SECONDS = 5.0
"""How long the end of a killed child is waited for, and of pipes that something outside its group may still hold."""


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """stall_seconds: how long the function may tell nothing. grace_seconds: between SIGTERM and SIGKILL.
    max_message_bytes: of one progress message, or of the result."""

    stall_seconds: float = 120.0
    grace_seconds: float = 5.0
    max_message_bytes: int = 1_000_000


async def run_in_child(
    function: str, data: Mapping[str, Any], on_progress: OnProgress, limits: ChildLimits | None = None
) -> Mapping[str, Any]:
    """Call `function`, named `package.module:function`, with (data, progress); what it returns is the result.

    data and the result are JSON objects; `progress(**values)` may be called with anything JSON can say, and must be
    called now and then: it is also the sign of life.
    Raises what the function raised, if it was a BacklineError, else Failed (code child_failed); Unavailable when the
    child ended without a word (child_died) or was silent for too long (child_hung).
    Cancelling the call ends the child and waits for its end.
    """
    limits = limits or ChildLimits()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "backline.compute.child_worker",
        function,
        str(os.getpid()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    grace_seconds = limits.grace_seconds
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(data).encode() + b"\n")  # the pipe stays open: its end is the parent's end
        result = await _result(process, on_progress, limits)
        grace_seconds = 0  # the function has returned: nothing is left that could end by itself
        return result
    finally:
        await _uninterrupted(_end(process, grace_seconds))


async def _result(process: Process, on_progress: OnProgress, limits: ChildLimits) -> Mapping[str, Any]:
    assert process.stdout is not None
    while True:
        try:
            async with asyncio.timeout(limits.stall_seconds):
                kind, message = await _read(process.stdout, limits.max_message_bytes)
        except TimeoutError:
            raise Unavailable(
                f"The work told nothing for {limits.stall_seconds:g} seconds, and was ended.", code="child_hung"
            ) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Unavailable("The process that did the work ended without a word.", code="child_died") from None
        if kind is ChildFrame.RESULT:
            result: Mapping[str, Any] = message
            return result
        if kind is ChildFrame.ERROR:
            raise from_data(message)
        on_progress(message)


async def _read(stdout: asyncio.StreamReader, max_bytes: int) -> tuple[ChildFrame, Any]:
    kind, length = HEADER.unpack(await stdout.readexactly(HEADER.size))
    if length > max_bytes:
        raise Failed(f"The work told {length} bytes at once; {max_bytes} is the most.", code="child_said_too_much")
    return ChildFrame(kind), json.loads(await stdout.readexactly(length))


async def _end(process: Process, grace_seconds: float) -> None:
    """SIGTERM to the group and a grace while the function still runs, then SIGKILL to whatever is left of it."""
    if process.returncode is None and grace_seconds:
        _signal(process.pid, signal.SIGTERM)
        await _ended_within(grace_seconds, process)
    _signal(process.pid, signal.SIGKILL)
    assert process.stdin is not None
    process.stdin.close()
    await _ended_within(_LAST_SECONDS, process)


async def _ended_within(seconds: float, process: Process) -> None:
    """asyncio believes in the end of a process once its pipes have ended, and a full one ends when it has been read."""
    assert process.stdout is not None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.gather(process.wait(), _drained(process.stdout))


async def _drained(stdout: asyncio.StreamReader) -> None:
    while await stdout.read(1 << 16):
        pass


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


async def _uninterrupted(ending: Coroutine[Any, Any, None]) -> None:
    """A second cancel must not leave a process behind."""
    task = asyncio.ensure_future(ending)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError
