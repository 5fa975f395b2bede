"""What a running attempt tells: coalesced, so that a loop of thousands of steps costs a few writes a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from backline.clock import Monotonic, monotonic
from backline.errors import Conflict, Unavailable
from backline.jobs import repository
from backline.jobs.hints import Hint, News
from backline.jobs.job import TERMINAL, Data, Job
from backline.jobs.queue import Jobs
from backline.observability.logging import get_logger

INTERVAL_SECONDS = 0.4
"""Between two writes of one job."""

MAX_NOTES = 1000
"""Notes that may wait to be written, while the database is away; more are dropped, with a line in the log."""


class LeaseLost(Conflict):
    """Another attempt counts now."""

    default_code = "lease_lost"


class Progress:
    """on_lost: called when a write shows that the attempt has lost its job. All calls from the loop's thread."""

    def __init__(
        self,
        jobs: Jobs,
        job: Job,
        on_lost: Callable[[], None],
        interval_seconds: float = INTERVAL_SECONDS,
        clock: Monotonic = monotonic,
    ) -> None:
        self._jobs = jobs
        self._job = job
        self._on_lost = on_lost
        self._interval_seconds = interval_seconds
        self._clock = clock
        self._told: Data | None = None
        self._reached = job.progress
        self._kept: Data | None = None
        self._notes: list[tuple[str, Data]] = []
        self._something = asyncio.Event()
        self._writing = asyncio.Lock()
        self.last_sign = clock()
        """When the work last said anything."""

    def report(self, progress: float, message: str | None = None, more: Data | None = None) -> None:
        """more: of the product, for the event alone. Progress never goes back: an attempt that begins
        anew tells its own once it has come further than the one before."""
        self.last_sign = self._clock()
        self._reached = max(self._reached, min(progress, 1.0))
        self._told = {**(more or {}), "progress": self._reached, "message": message}
        self._something.set()

    def note(self, kind: str, data: Data) -> None:
        """Raises ValueError for a word that means the end of a job."""
        if kind in TERMINAL:
            raise ValueError(f"a note cannot be called {kind}")
        self.last_sign = self._clock()
        if len(self._notes) >= MAX_NOTES:
            get_logger().warning("jobs.note_dropped", job_id=self._job.id)
            return
        self._notes.append((kind, data))
        self._something.set()

    def keep(self, checkpoint: Data) -> None:
        """Where the next attempt would go on; written with the next news."""
        self.last_sign = self._clock()
        self._kept = checkpoint
        self._something.set()

    async def checkpoint(self, data: Data) -> None:
        """The same, and returns once it is committed. Raises LeaseLost, Unavailable."""
        self.keep(data)
        await self.flush()

    async def run(self) -> None:
        """Write what was told, until cancelled. A database that is away is waited for: only the last news counts."""
        while True:
            await self._something.wait()
            try:
                await self.flush()
            except Unavailable:
                self._something.set()
            except LeaseLost:
                self._on_lost()
                return
            await asyncio.sleep(self._interval_seconds)

    async def flush(self) -> None:
        """Raises LeaseLost, Unavailable."""
        self._something.clear()
        async with self._writing:
            if self._told or self._notes or self._kept:
                await self._write()

    async def _write(self) -> None:
        told, notes, kept = self._told, self._notes, self._kept
        self._told, self._notes, self._kept = None, [], None
        values: dict[str, Any] = {} if kept is None else {"checkpoint": kept}
        events = list(notes)
        if told:
            values |= {"progress": told["progress"], "message": told["message"]}
            events.append(("progress", told))
        try:
            async with self._jobs.database.write() as tx:
                ours = await repository.write_progress(tx, self._job, values, events, self._jobs.clock())
        except BaseException:
            self._told, self._notes, self._kept = self._told or told, notes + self._notes, self._kept or kept
            raise
        if not ours:
            raise LeaseLost("Another attempt has this job now.")
        if events:
            self._jobs.hints.tell(Hint(News.EVENT, self._job.id))
