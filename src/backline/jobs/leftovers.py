"""What jobs need while they run, in storage: removed once they are over; and now and then what nobody has removed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from backline.errors import BacklineError, NotFound
from backline.jobs.job import Job, JobState
from backline.jobs.queue import Jobs
from backline.observability.logging import get_logger
from backline.storage.base import Storage
from backline.storage.paths import owned_key

_WORK = "work"
"""Not below `u`, where files without an owner's row are swept after a day: a job may take longer."""

_SOON_SECONDS = 0.5
"""Until the transaction that ends a job is surely committed."""

_SWEEP_SECONDS = 600.0
_AGAIN_SECONDS = 10.0
"""After a failure."""


def work_prefix(owner: str, job_id: str) -> str:
    """Where one job keeps what its next attempt would need."""
    return f"{_WORK}/{owner}/{job_id}"


def results_prefix(owner: str, job_id: str, folder: str | None) -> str:
    """Where the output of one job goes, each attempt's under its number. folder: the kind's."""
    return owned_key(owner, *([folder] if folder else []), job_id)


class Leftovers:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._ended: deque[tuple[str, str]] = deque()
        self._news = asyncio.Event()

    def of(self, job: Job) -> None:
        """A job is ending; whether it does is looked up before anything is removed."""
        self._ended.append((job.owner, job.id))
        self._news.set()

    @asynccontextmanager
    async def removed(self, jobs: Jobs) -> AsyncIterator[None]:
        """While the block runs."""
        task = asyncio.create_task(self._remove_for_ever(jobs))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def sweep(self, jobs: Jobs) -> None:
        """Look at everything that is there. Any number of processes may do it at once."""
        after: str | None = None
        seen: set[tuple[str, str]] = set()
        while True:
            page = await self._storage.list(_WORK, after=after)
            for one in page.objects:
                owner, job_id = one.key.split("/")[1:3]
                if (owner, job_id) not in seen:
                    seen.add((owner, job_id))
                    await self._remove(jobs, owner, job_id)
            if (after := page.after) is None:
                return

    async def _remove(self, jobs: Jobs, owner: str, job_id: str) -> None:
        with suppress(NotFound):
            job = await jobs.get(owner, job_id)
            if not job.terminal:
                return
            await self._remove_results(job, jobs.kinds[job.kind].folder if job.kind in jobs.kinds else None)
        await self._storage.delete_prefix(work_prefix(owner, job_id))

    async def _remove_results(self, job: Job, folder: str | None) -> None:
        """Those that nobody has registered, and nobody will."""
        prefix = results_prefix(job.owner, job.id, folder)
        if job.state is not JobState.SUCCEEDED:
            await self._storage.delete_prefix(prefix)
            return
        attempts = (job.attempt, *([job.remote["attempt"]] if job.remote else []))  # work elsewhere outlives attempts
        kept = tuple(f"{prefix}/{attempt}." for attempt in attempts)
        for one in (await self._storage.list(prefix)).objects:
            if not one.key.startswith(kept):
                await self._storage.delete(one.key)

    async def _remove_for_ever(self, jobs: Jobs) -> None:
        while True:
            try:
                await self.sweep(jobs)
                async with asyncio.timeout(_SWEEP_SECONDS):
                    await self._remove_ended(jobs)
            except TimeoutError:
                continue
            except BacklineError as error:
                get_logger().warning("jobs.leftovers_failed", code=error.code)
            except Exception as error:  # noqa: BLE001 - the next round may succeed, and must be tried
                get_logger().error("jobs.leftovers_failed", exc_info=error)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _remove_ended(self, jobs: Jobs) -> None:
        while True:
            self._news.clear()
            while self._ended:
                await asyncio.sleep(_SOON_SECONDS)
                await self._remove(jobs, *self._ended.popleft())
            await self._news.wait()
