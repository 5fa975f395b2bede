"""Jobs put together, for whoever serves and for `backline jobs`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

from backline.db.database import Database
from backline.jobs.figures import Census, Changes
from backline.jobs.following import Following
from backline.jobs.hints import Hints
from backline.jobs.kinds import JobKind, JobKinds
from backline.jobs.loop import JobLoop, LoopOptions
from backline.jobs.queue import Jobs
from backline.jobs.retention import Retention
from backline.observability.metrics import Metrics
from backline.settings import JobsSettings


@asynccontextmanager
async def open_jobs(
    settings: JobsSettings,
    database: Database,
    kinds: Iterable[JobKind],
    metrics: Metrics,
    *,
    loop: bool | None = None,
) -> AsyncIterator[dict[type[Any], Any]]:
    """Jobs, and the loop that works on them, while the block runs. loop: None does as the settings say."""
    jobs = Jobs(database, JobKinds(kinds), Hints(), on_change=Changes(metrics))
    following = Following(jobs)
    parts: dict[type[Any], Any] = {Jobs: jobs, Following: following, Census: Census(jobs, metrics)}
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(Retention(database, timedelta(days=settings.keep_days)).swept())
        stack.enter_context(jobs.hints.told_to(following.on_hint))
        if settings.loop if loop is None else loop:
            running = JobLoop(jobs, options_of(settings)).running()
            parts[JobLoop] = await stack.enter_async_context(running)
        yield parts


def options_of(settings: JobsSettings) -> LoopOptions:
    return LoopOptions(
        lease_seconds=settings.lease_seconds,
        local=settings.workers,
        remote=settings.max_remote,
        owner_limit=settings.owner_limit,
        queue_limit=settings.queue_limit,
        queue_limits=settings.queue_limits,
    )
