"""Request records and their texts on their way to the database: many in a transaction, never while anybody waits.

A request is in memory from its beginning until it is stored, so that this process can always tell of it. While the
database is away they wait, within a bound; what does not fit is dropped and counted. Speech never notices.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from backline.clock import Clock, utc_now
from backline.db.database import Database, Tx
from backline.errors import Unavailable
from backline.observability.logging import get_logger
from backline.observability.metrics import Metrics
from backline.speech import figures, repository
from backline.speech.records import Outcome, SpeechRecord, Text, newest
from backline.speech.repository import StoredText

_INTERVAL_SECONDS = 0.2
"""How long a record waits for company."""

_BATCH = 100
"""Rows of one transaction: a few milliseconds of SQLite's one writer."""

_RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0)
"""Between attempts while the database is away; the last goes on."""

_CLOSE_SECONDS = 5.0
"""How long the end of the server waits for a database that is away."""

KEPT_CHARACTERS = 50_000
"""Of one text: the longest that one request may hold. An utterance over a socket may go on for longer."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may wait for the database: requests, and characters of their texts."""

    requests: int = 10_000
    characters: int = 20_000_000


@dataclass(slots=True)
class _Kept:
    record: SpeechRecord
    text: Text
    final: str | None = None
    """The text, once the request is over; None where none is kept."""


class RecordsInDatabase:
    """Between `start` and `close`. keep_texts: False stores records alone. copied: whether copies of the texts are sent
    elsewhere. on_stored: called when there are new texts to copy."""

    def __init__(
        self,
        database: Database,
        metrics: Metrics,
        *,
        keep_texts: bool = True,
        copied: bool = False,
        on_stored: Callable[[], None] = lambda: None,
        bounds: Bounds = Bounds(),
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._keep_texts = keep_texts
        self._copied = copied
        self._on_stored = on_stored
        self._bounds = bounds
        self._clock = clock
        self._live: dict[str, _Kept] = {}
        self._newest: dict[tuple[str, str], str] = {}
        """Owner and request id to the record's own id."""
        self._queue: deque[_Kept] = deque()
        self._characters = 0  # in the queue
        self._arrived = asyncio.Event()
        self._hurry = asyncio.Event()
        self._closing = self._closed = False
        self._writer: asyncio.Task[None] | None = None

    def begin(self, record: SpeechRecord, text: Text) -> None:
        self._live[record.id] = _Kept(record, text)
        self._newest[record.owner_id, record.request_id] = record.id

    def end(self, record: SpeechRecord) -> None:
        kept = self._live[record.id]
        if self._keep_texts:
            kept.final = kept.text()[:KEPT_CHARACTERS]
        length = len(kept.final or "")
        full = len(self._queue) >= self._bounds.requests or self._characters + length > self._bounds.characters
        if full or self._closed:
            self._give_up(kept, "full" if full else "closed")
            return
        self._characters += length
        self._queue.append(kept)
        self._arrived.set()
        if len(self._queue) >= _BATCH:
            self._hurry.set()

    async def store(self, tx: Tx, record: SpeechRecord, text: str) -> None:
        """One that is over, in the caller's transaction: for work whose end is one."""
        await repository.insert_requests(tx, [record])
        if self._keep_texts:
            kept = StoredText(text[:KEPT_CHARACTERS], record)
            await repository.insert_texts(tx, [kept], self._clock() if self._copied else None)

    async def find(self, request_id: str, owner_id: str) -> SpeechRecord | None:
        live = self._newest.get((owner_id, request_id))
        if live is not None:
            return self._live[live].record
        async with self._database.read() as tx:
            return await repository.find_request(tx, request_id, owner_id)

    async def recent(
        self, owner_id: str, *, outcome: Outcome | None, before: str | None, limit: int
    ) -> list[SpeechRecord]:
        live = newest((kept.record for kept in self._live.values()), owner_id, outcome, before)
        async with self._database.read() as tx:
            stored = await repository.list_requests(tx, owner_id, outcome=outcome, before=before, limit=limit)
        once = {record.id: record for record in [*stored, *live]}  # what was stored meanwhile is in both
        return newest(once.values(), owner_id, outcome, before)[:limit]

    def start(self) -> None:
        self._writer = asyncio.create_task(self._write_all())

    async def close(self) -> None:
        """Store what waits; give up what cannot be stored within some seconds."""
        self._closing = True
        self._arrived.set()
        self._hurry.set()
        if self._writer is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._writer, _CLOSE_SECONDS)
        self._closed = True
        while self._queue:
            self._give_up(self._queue.popleft(), "closed")

    async def _write_all(self) -> None:
        while not self._closing or self._queue:
            await self._arrived.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), _INTERVAL_SECONDS)
            self._arrived.clear()
            if not self._closing:
                self._hurry.clear()
            await self._write_queue()

    async def _write_queue(self) -> None:
        failures = 0
        while batch := list(islice(self._queue, _BATCH)):
            try:
                await self._write(batch)
                failures = 0
            except Unavailable as error:
                delay = _RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)]
                failures += 1
                self._metrics.count(figures.RECORD_WRITES_FAILED)
                get_logger().warning("speech.records_wait", code=error.code, waiting=len(self._queue))
                await asyncio.sleep(delay)
            except Exception as error:  # noqa: BLE001 - one of them cannot be stored; the others can
                get_logger().error("speech.records_refused", exc_info=error)
                await self._write_singly(batch)

    async def _write_singly(self, batch: list[_Kept]) -> None:
        for kept in batch:
            try:
                await self._write([kept])
            except Unavailable:
                return  # the batch is tried again, and what is stored by then stays as it is
            except Exception as error:  # noqa: BLE001 - it would fail for ever
                get_logger().error("speech.records_refused", exc_info=error)
                self._leave_queue(kept)
                self._give_up(kept, "refused")

    async def _write(self, batch: list[_Kept]) -> None:
        """Store a part of the queue. Raises Unavailable; then it is still there."""
        now = self._clock()
        texts = [StoredText(kept.final, kept.record) for kept in batch if kept.final is not None]
        async with self._database.write() as tx:
            await repository.insert_requests(tx, [kept.record for kept in batch])
            if texts:
                await repository.insert_texts(tx, texts, now if self._copied else None)
        for kept in batch:
            self._leave_queue(kept)
            self._forget(kept)
        if texts and self._copied:
            self._on_stored()

    def _leave_queue(self, kept: _Kept) -> None:
        """It is the first: only the writer takes anything out, in order."""
        assert self._queue[0] is kept
        self._queue.popleft()
        self._characters -= len(kept.final or "")

    def _give_up(self, kept: _Kept, why: str) -> None:
        self._forget(kept)
        self._metrics.count(figures.RECORDS_LOST, why)

    def _forget(self, kept: _Kept) -> None:
        record = kept.record
        del self._live[record.id]
        if self._newest.get((record.owner_id, record.request_id)) == record.id:
            del self._newest[record.owner_id, record.request_id]
