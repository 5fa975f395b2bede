"""A job as data: one row, read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

Data = Mapping[str, Any]
"""A JSON object."""


class JobState(StrEnum):
    """`queued` and `running` go on; the other three are final and never change again."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})

FINALIZING = "finalizing"
"""The phase of a running job whose work is done and whose output is being stored."""


@dataclass(frozen=True, slots=True)
class Job:
    """id, kind, version, owner: who asked for what; version: the kind's, when the job was made.
    billed: whether the owner pays. hold: the credits that are reserved, as the kind's hold hook called them.
    attempt: how often it was claimed; with the id it is the fencing token, and never decreases.
    failures: attempts that count against max_attempts; giving work back does not.
    priority: the smallest goes first. run_after: not before.
    lease_by, lease_seconds, lease_until: who works on it, how long a lease lasts, and when this one ends.
    remote: the handle of work elsewhere: provider, function, attempt, and `call` once it is known.
    checkpoint: where an attempt would go on. progress: 0 to 1. message: about the progress, in a few words.
    seq: number of its last event.
    """

    id: str
    kind: str
    version: str
    owner: str
    billed: bool
    queue: str
    state: JobState
    phase: str | None
    attempt: int
    failures: int
    max_attempts: int
    priority: int
    run_after: datetime
    lease_by: str | None
    lease_seconds: float | None
    lease_until: datetime | None
    remote: Data | None
    input: Data
    checkpoint: Data | None
    progress: float
    message: str | None
    result: Data | None
    error_code: str | None
    error_detail: str | None
    cancel_requested: bool
    hold: str | None
    idempotency_key: str | None
    fingerprint: str | None
    seq: int
    created: datetime
    started: datetime | None
    finished: datetime | None

    @property
    def terminal(self) -> bool:
        return self.state in TERMINAL

    @property
    def call(self) -> str | None:
        """The id of the work elsewhere, once it is known."""
        return self.remote.get("call") if self.remote else None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Job:
        return cls(**{**row, "state": JobState(row["state"])})


@dataclass(frozen=True, slots=True)
class JobEvent:
    """seq: 1, 2, 3 ... within its job. kind: `queued`, `started`, `progress`, ..., or a word of the job's kind."""

    job_id: str
    seq: int
    kind: str
    data: Data
    at: datetime
