"""A provider in this process: what a real one does, and at a test's wish what it does on a bad day."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from backline.clock import Monotonic, monotonic
from backline.compute.remote import EXPIRED, Answer, Done, Running, Unknown
from backline.errors import BacklineError, Conflict, Failed, NotFound, Unavailable

Report = Callable[..., None]
"""Takes what `Running` holds: progress, 0 to 1, and a message, `more` and `checkpoint`, if there are any."""

RemoteFunction = Callable[[str, int, Mapping[str, Any], Report], Awaitable[Mapping[str, Any]]]
"""Called with job id, attempt, data and a way to tell progress."""


@dataclass(slots=True)
class _Call:
    work: asyncio.Task[Mapping[str, Any]]
    running: Running = field(default_factory=Running)
    ended: float | None = None


class RemoteTwin:
    """functions: what it can run. kept_seconds: how long a result can be fetched.

    away: while set, nothing can be reached, though what runs goes on. forgotten: calls it answers Unknown about.
    spawned: every (job id, attempt) that was started, in order.
    """

    def __init__(
        self,
        functions: Mapping[str, RemoteFunction],
        *,
        kept_seconds: float = 7 * 86_400,
        clock: Monotonic = monotonic,
    ) -> None:
        self.away = False
        self.forgotten: set[str] = set()
        self.spawned: list[tuple[str, int]] = []
        self.cancelled: list[str] = []
        self._functions = functions
        self._kept_seconds = kept_seconds
        self._clock = clock
        self._calls: dict[str, _Call] = {}

    async def spawn(self, function: str, job_id: str, attempt: int, data: Mapping[str, Any]) -> str:
        self._reach()
        run = self._functions.get(function)
        if run is None:
            raise NotFound(f"The provider has no function {function}.", code="unknown_function")
        self.spawned.append((job_id, attempt))
        name = f"call-{len(self.spawned)}"
        call = self._calls[name] = _Call(
            asyncio.ensure_future(run(job_id, attempt, data, lambda *a, **b: tell(*a, **b)))
        )

        def tell(*values: Any, **more: Any) -> None:
            call.running = Running(*values, **more)

        def ended(_work: asyncio.Task[Mapping[str, Any]]) -> None:
            call.ended = self._clock()

        call.work.add_done_callback(ended)
        return name

    async def poll(self, call: str) -> Answer:
        self._reach()
        known = self._calls.get(call)
        if known is None or call in self.forgotten:
            return Unknown("no such call")
        if not known.work.done():
            return known.running
        if known.ended is not None and self._clock() - known.ended > self._kept_seconds:
            return Done(error=Unavailable("The result was not fetched in time.", code=EXPIRED))
        return _outcome(known.work)

    async def cancel(self, call: str) -> None:
        self._reach()
        self.cancelled.append(call)
        if known := self._calls.get(call):
            known.work.cancel()

    async def close(self) -> None:
        """End what still runs."""
        works = [call.work for call in self._calls.values()]
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)

    def _reach(self) -> None:
        if self.away:
            raise Unavailable("The provider cannot be reached.", code="provider_unavailable")


def _outcome(work: asyncio.Task[Mapping[str, Any]]) -> Done:
    if work.cancelled():
        return Done(error=Conflict("The call was cancelled.", code="call_cancelled"))
    error = work.exception()
    if error is None:
        return Done(work.result())
    if isinstance(error, BacklineError):
        return Done(error=error)
    return Done(error=Failed(f"The call failed ({type(error).__name__}).", code="call_failed"))
