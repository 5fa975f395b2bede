"""Jobs that have been over for long go, with their events. One that has not ended stays, however old it is, and so does
one whose credit is still held: it says what for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from backline.clock import Clock, utc_now
from backline.credits.queries import open_holds
from backline.db.database import Database
from backline.jobs import repository
from backline.jobs.repository import Ended
from backline.jobs.rounds import every

_SWEEP_SECONDS = 600.0
_PAUSE_SECONDS = 0.05
"""Between two batches: others have rows to write too."""

_JOBS, _EVENTS = 500, 5000
"""In one transaction, at most; a job with more events than that goes alone."""


class Retention:
    """keep: how long after its end a job is remembered, and with it its Idempotency-Key."""

    def __init__(self, database: Database, keep: timedelta, clock: Clock = utc_now) -> None:
        self._database = database
        self._keep = keep
        self._clock = clock

    @asynccontextmanager
    async def swept(self) -> AsyncIterator[None]:
        """Sweep now and then while the block runs."""
        task = asyncio.create_task(every(_SWEEP_SECONDS, "retention", self.sweep))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def sweep(self) -> int:
        """How many jobs were removed. Any number of processes may do it at once."""
        before, removed = self._clock() - self._keep, 0
        after: Ended | None = None
        while batch := await self._batch(before, after):
            async with self._database.write() as tx:
                held = await open_holds(tx, [job.hold for job in batch if job.hold is not None])
                removed += await repository.remove(tx, [job.id for job in batch if job.hold not in held])
            after = batch[-1]
            await asyncio.sleep(_PAUSE_SECONDS)
        return removed

    async def _batch(self, before: datetime, after: Ended | None) -> list[Ended]:
        async with self._database.read() as tx:
            found = await repository.ended_before(tx, before, after, _JOBS)
        batch, events = found[:1], sum(job.events for job in found[:1])
        for job in found[1:]:
            events += job.events
            if events > _EVENTS:
                break
            batch.append(job)
        return batch
