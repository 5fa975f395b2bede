"""Copies of the texts on their way to another place: from the database, so that none is lost and speech never waits.

A text that was stored says in its row that a copy is due; whichever server finds it first sends it, with others. What
fails stays due, so an outage of hours loses nothing: only the retention ends the attempts, with the text itself.
Deletions are sent the same way, and once more a minute later, when nothing that was being sent can arrive any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

from backline.clock import Clock, utc_now
from backline.db.database import Database
from backline.errors import BacklineError, Invalid, Unavailable
from backline.observability.logging import get_logger
from backline.observability.metrics import Metrics
from backline.speech import figures, repository
from backline.speech.repository import StoredText

_BATCH = 100
_LOOK_SECONDS = 10.0
"""How often to look for what nobody announced: left behind by another server, or by a failure."""

_CLAIMED = timedelta(seconds=60)
"""For whom a copy is being sent; longer than any attempt takes."""

_RETRY_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Between attempts while the other place is away; the last goes on."""


class Place(Protocol):
    """Where copies are kept."""

    async def add(self, texts: Sequence[StoredText]) -> None:
        """The same again changes nothing. Raises Unavailable; Invalid for what it will never take."""
        ...

    async def forget(self, owner_id: str, until: datetime) -> None:
        """Delete what an owner said until then. Raises Unavailable."""
        ...


class Copies:
    """Between `start` and `close`."""

    def __init__(self, database: Database, place: Place, metrics: Metrics, clock: Clock = utc_now) -> None:
        self._database = database
        self._place = place
        self._metrics = metrics
        self._clock = clock
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """There is something to send."""
        self._news.set()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """What is due is sent by whoever comes next."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        failures = 0
        while True:
            self._news.clear()
            try:
                while await self._send_deletions() or await self._send_texts():
                    failures = 0
            except BacklineError as error:
                get_logger().warning("speech.copies_wait", code=error.code)
                await asyncio.sleep(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
                failures += 1
                continue
            except Exception as error:  # noqa: BLE001 - the next attempt may succeed, and must be made
                get_logger().error("speech.copies_failed", exc_info=error)
                await asyncio.sleep(_RETRY_SECONDS[-1])
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _LOOK_SECONDS)

    async def _send_deletions(self) -> bool:
        """Whether there were any."""
        now = self._clock()
        async with self._database.read() as tx:
            due = await repository.forgotten_due(tx, now, _BATCH)
        for owner_id, until in due:
            await self._place.forget(owner_id, until)
            again = until + 2 * _CLAIMED
            async with self._database.write() as tx:
                await repository.forgotten_told(tx, owner_id, until, again if self._clock() < again else None)
        return bool(due)

    async def _send_texts(self) -> bool:
        """Whether there were any. Raises Unavailable after having put them back."""
        now = self._clock()
        async with self._database.write() as tx:
            texts = await repository.claim_copies(tx, now, now + _CLAIMED, _BATCH)
        if not texts:
            return False
        try:
            await self._place.add(texts)
        except Unavailable:
            self._metrics.count(figures.TEXTS_COPIED, "failed", by=len(texts))
            await self._settle(texts, now)
            raise
        except Invalid:
            await self._send_singly(texts)
        else:
            await self._sent(texts, "sent")
        return True

    async def _send_singly(self, texts: Sequence[StoredText]) -> None:
        """One of them is refused; the others are not to wait for it."""
        for one in texts:
            try:
                await self._place.add([one])
            except Invalid as error:
                get_logger().error("speech.copy_refused", request_id=one.record.request_id, code=error.code)
                await self._sent([one], "refused")
            else:
                await self._sent([one], "sent")

    async def _sent(self, texts: Sequence[StoredText], outcome: str) -> None:
        await self._settle(texts, None)
        self._metrics.count(figures.TEXTS_COPIED, outcome, by=len(texts))

    async def _settle(self, texts: Sequence[StoredText], due: datetime | None) -> None:
        async with self._database.write() as tx:
            await repository.copies_due(tx, [one.record.id for one in texts], due)
