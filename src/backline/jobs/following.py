"""Events of jobs as they happen, for any number of listeners: one reader of the table for each job that is followed."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence

from backline.errors import BacklineError
from backline.jobs import repository
from backline.jobs.hints import Hint
from backline.jobs.job import TERMINAL, JobEvent
from backline.jobs.queue import Jobs
from backline.observability.logging import get_logger

_KEPT = 1000
"""Events that a reader keeps for its listeners; whoever is further behind reads the table itself."""

_PAGE = 500


class Follower:
    """One listener: `events` is read by one task, and ends with the job, or when it is told to leave."""

    def __init__(self, following: Following, job_id: str, after: int) -> None:
        self._following = following
        self._job_id = job_id
        self._after = after
        self._left = asyncio.Event()
        self.left: BacklineError | None = None

    def leave(self, reason: BacklineError) -> None:
        self.left = reason
        self._left.set()
        self._following.wake(self._job_id)

    async def events(self) -> AsyncGenerator[Sequence[JobEvent], None]:
        """In order, without gaps, each once; as many at a time as there are."""
        with self._following.reading(self._job_id, self._after) as reader:
            while not self._left.is_set():
                events = await reader.after(self._after)
                if not events:
                    await reader.wait()
                    continue
                yield events
                self._after = events[-1].seq
                if events[-1].kind in TERMINAL:
                    return


class Following:
    """poll_seconds: how often a reader looks at the table without being told to."""

    def __init__(self, jobs: Jobs, poll_seconds: float = 1.0) -> None:
        self._jobs = jobs
        self._poll_seconds = poll_seconds
        self._readers: dict[str, _Reader] = {}

    def __len__(self) -> int:
        """Jobs that are followed."""
        return len(self._readers)

    def follow(self, job_id: str, after: int = 0) -> Follower:
        """after: number of the last event that the listener has."""
        return Follower(self, job_id, after)

    def on_hint(self, hint: Hint) -> None:
        if reader := self._readers.get(hint.job_id):
            reader.look()

    def wake(self, job_id: str) -> None:
        if reader := self._readers.get(job_id):
            reader.tell_all()

    @contextlib.contextmanager
    def reading(self, job_id: str, after: int) -> Iterator[_Reader]:
        reader = self._readers.get(job_id)
        if reader is None:
            reader = self._readers[job_id] = _Reader(self._jobs, job_id, after, self._poll_seconds)
        reader.listeners += 1
        try:
            yield reader
        finally:
            reader.listeners -= 1
            if not reader.listeners:
                reader.close()
                if self._readers.get(job_id) is reader:
                    del self._readers[job_id]


class _Reader:
    """Reads one job's events from `after` on, and keeps the last of them."""

    def __init__(self, jobs: Jobs, job_id: str, after: int, poll_seconds: float) -> None:
        self.listeners = 0
        self._jobs = jobs
        self._job_id = job_id
        self._poll_seconds = poll_seconds
        self._last = after
        self._kept: deque[JobEvent] = deque(maxlen=_KEPT)
        self._look = asyncio.Event()
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._read())

    def look(self) -> None:
        self._look.set()

    def tell_all(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def close(self) -> None:
        self._task.cancel()

    async def wait(self) -> None:
        await self._changed.wait()

    async def after(self, seq: int) -> Sequence[JobEvent]:
        if seq >= self._last:
            return ()
        if self._kept and self._kept[0].seq <= seq + 1:
            return [event for event in self._kept if event.seq > seq]
        return await self._page(seq)

    async def _read(self) -> None:
        while True:
            self._look.clear()
            events: Sequence[JobEvent] = ()
            try:
                events = await self._page(self._last)
            except Exception as error:  # noqa: BLE001 - listeners wait for this task, whatever it meets
                get_logger().warning("jobs.reader_failed", job_id=self._job_id, exc_info=error)
            if events:
                self._kept.extend(events)
                self._last = events[-1].seq
                self.tell_all()
                if events[-1].kind in TERMINAL:
                    return
            if len(events) < _PAGE:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._poll_seconds):
                        await self._look.wait()

    async def _page(self, seq: int) -> list[JobEvent]:
        async with self._jobs.database.read() as tx:
            return await repository.events_after(tx, self._job_id, seq, _PAGE)
