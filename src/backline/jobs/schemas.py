"""A job as its owner sees it. What was sent in is not repeated: it may be long, and may be a user's text."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel

from backline.jobs.job import Job, JobEvent, JobState

_SOON_MS = 1000
_LATER_MS = 5000
_LATER_SECONDS = 300.0


class JobError(BaseModel):
    code: str
    detail: str


class JobView(BaseModel):
    id: str
    kind: str
    state: JobState
    phase: str | None
    progress: float
    message: str | None
    attempt: int
    cancel_requested: bool
    result: dict[str, Any] | None
    error: JobError | None
    created: datetime
    started: datetime | None
    finished: datetime | None
    last_event: int
    poll_after_ms: int | None
    """When to ask again; null once it is over."""

    @classmethod
    def of(cls, job: Job, now: datetime) -> Self:
        error = JobError(code=job.error_code, detail=job.error_detail or "") if job.error_code else None
        return cls(
            id=job.id,
            kind=job.kind,
            state=job.state,
            phase=job.phase,
            progress=job.progress,
            message=job.message,
            attempt=job.attempt,
            cancel_requested=job.cancel_requested,
            result=dict(job.result) if job.result is not None else None,
            error=error,
            created=job.created,
            started=job.started,
            finished=job.finished,
            last_event=job.seq,
            poll_after_ms=None if job.terminal else poll_after_ms(job, now),
        )


class JobList(BaseModel):
    jobs: list[JobView]
    next_cursor: str | None
    """Ask again with `cursor` for what is older; null at the end."""


class JobEventView(BaseModel):
    seq: int
    kind: str
    data: dict[str, Any]
    at: datetime

    @classmethod
    def of(cls, event: JobEvent) -> Self:
        return cls(seq=event.seq, kind=event.kind, data=dict(event.data), at=event.at)


def poll_after_ms(job: Job, now: datetime) -> int:
    """A second at first; up to five for a job that takes minutes anyway."""
    age = max(0.0, (now - job.created).total_seconds())
    return round(_SOON_MS + (_LATER_MS - _SOON_MS) * min(1.0, age / _LATER_SECONDS))
