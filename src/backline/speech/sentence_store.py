"""The texts that were spoken: read and deleted by their owners, and kept no longer than the settings say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from backline.clock import Clock, utc_now
from backline.db.database import Database, Tx
from backline.errors import BacklineError
from backline.observability.logging import get_logger
from backline.speech import repository
from backline.speech.repository import StoredText

_SWEEP_SECONDS = 300.0
_BATCH = 500
"""Rows that are deleted in one transaction."""

_PAUSE_SECONDS = 0.05
"""Between two such batches: others have rows to write too."""

_RECORDS_ALONE = timedelta(days=1)
"""How long records are kept where no texts are."""

_DELETION_KNOWN = timedelta(days=7)
"""How long a deletion is remembered: longer than a text can be on its way to the database."""

Delete = Callable[[Tx, datetime, int], Awaitable[int]]


class SentenceStore:
    """retention: of records with their texts; zero keeps no texts. copied: whether there are copies elsewhere.
    on_forgotten: called when there are copies to delete."""

    def __init__(
        self,
        database: Database,
        retention: timedelta,
        *,
        copied: bool = False,
        on_forgotten: Callable[[], None] = lambda: None,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._retention = retention
        self._copied = copied
        self._on_forgotten = on_forgotten
        self._clock = clock
        self._sweeper: asyncio.Task[None] | None = None

    async def texts(self, owner_id: str, *, search: str, before: str | None, limit: int) -> list[StoredText]:
        """The newest first. search: what they must hold, in any case. before: a record's `id`; only what is older."""
        async with self._database.read() as tx:
            return await repository.list_texts(tx, owner_id, search=search, before=before, limit=limit)

    async def forget(self, owner_id: str) -> None:
        """Delete all texts of an owner: also those of requests that are running or on their way, and the copies."""
        async with self._database.write() as tx:
            await repository.forget_texts(tx, owner_id, self._clock())
        self._on_forgotten()

    def start(self) -> None:
        self._sweeper = asyncio.create_task(self._sweep_for_ever())

    async def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)

    async def sweep(self) -> int:
        """Delete what is older than it may be, a batch at a time; how many rows. Any number of servers may do it."""
        now = self._clock()
        deleted = await self._in_batches(repository.delete_requests_before, now - (self._retention or _RECORDS_ALONE))
        if not self._retention:
            deleted += await self._in_batches(repository.delete_texts_before, now)
        async with self._database.write() as tx:
            await repository.delete_forgotten_before(tx, now - _DELETION_KNOWN, copied=self._copied)
        return deleted

    async def _in_batches(self, delete: Delete, before: datetime) -> int:
        deleted = 0
        while True:
            async with self._database.write() as tx:
                batch = await delete(tx, before, _BATCH)
            deleted += batch
            if batch < _BATCH:
                return deleted
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _sweep_for_ever(self) -> None:
        while True:
            try:
                await self.sweep()
            except BacklineError as error:
                get_logger().warning("speech.sweep_failed", code=error.code)
            except Exception as error:  # noqa: BLE001 - the next one may succeed, and must be tried
                get_logger().error("speech.sweep_failed", exc_info=error)
            await asyncio.sleep(_SWEEP_SECONDS)
