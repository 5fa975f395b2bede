"""How a job changes state: one pure function, for everybody.

    queued ──claimed──▶ running ──finalising──▶ (phase) ──succeeded──▶ succeeded
      ▲                   │  │                                  broke──▶ failed
      └─broke, lease died,┘  └──stopped, lease died after a request──▶ cancelled
        given back

`advance(job, observation, now)` says what an observation makes of a job, or None where it makes nothing of it: the job
is over, or the observation comes from an attempt that has lost it. Whoever applies it does so in one transaction with
the event and the kind's hook, on the row as it was read. So everything may be said twice, late, or by two at once.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from backline.jobs.job import FINALIZING, Data, Job, JobState


class Cause(StrEnum):
    """Why an attempt failed. transient: the same again may work; lasting: it never will; unknown: nobody can say, so a
    handle elsewhere is asked before anything is done again."""

    TRANSIENT = "transient"
    LASTING = "lasting"
    UNKNOWN = "unknown"


class Hook(StrEnum):
    """What the kind does in the same transaction. finish: settle and register; release: give back what was held."""

    NONE = "none"
    FINISH = "finish"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Claimed:
    """Somebody takes a queued job, under a lease."""

    by: str
    lease_seconds: float


@dataclass(frozen=True, slots=True)
class Spawning:
    """Work elsewhere is about to be started; written before it is."""

    attempt: int
    provider: str
    function: str


@dataclass(frozen=True, slots=True)
class Spawned:
    """It was, and this is its handle."""

    attempt: int
    call: str


@dataclass(frozen=True, slots=True)
class Finalising:
    """The work is done; its output is being stored."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Succeeded:
    attempt: int
    result: Data


@dataclass(frozen=True, slots=True)
class Broke:
    """delay_seconds: how long to wait before the next attempt, if there is one."""

    attempt: int
    cause: Cause
    code: str
    detail: str
    delay_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Stopped:
    """What was asked to stop has stopped."""

    attempt: int


@dataclass(frozen=True, slots=True)
class GivenBack:
    """The process goes away and leaves the work to another; nobody's failure."""

    attempt: int


@dataclass(frozen=True, slots=True)
class LeaseDied:
    """Nobody has renewed this very lease in its time."""

    attempt: int
    lease_until: datetime | None


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """can_release: whether whoever applies this knows the kind, and so can give back what it holds."""

    can_release: bool = True


OfAttempt = Spawning | Spawned | Finalising | Succeeded | Broke | Stopped | GivenBack | LeaseDied
Observation = Claimed | CancelAsked | OfAttempt


@dataclass(frozen=True, slots=True)
class Transition:
    """values: columns that change; event and data: what the log says; hook: what the kind does."""

    values: Mapping[str, Any]
    event: str
    data: Data = field(default_factory=dict)
    hook: Hook = Hook.NONE

    @property
    def state(self) -> JobState | None:
        """The new state, where there is one."""
        return self.values.get("state")


def advance(job: Job, observation: Observation, now: datetime) -> Transition | None:
    if job.terminal:
        return None
    if isinstance(observation, CancelAsked):
        return _cancel_asked(job, observation, now)
    if isinstance(observation, Claimed):
        return _claimed(job, observation, now) if job.state is JobState.QUEUED and _due(job, now) else None
    if job.state is not JobState.RUNNING or job.attempt != observation.attempt:
        return None
    return _of_attempt(job, observation, now)


def _of_attempt(job: Job, seen: OfAttempt, now: datetime) -> Transition | None:
    match seen:
        case Succeeded():
            return _cancelled(now) if job.cancel_requested else _succeeded(seen, now)
        case Broke():
            return _broke(job, seen, now)
        case Stopped():
            return _cancelled(now) if job.cancel_requested else None
        case GivenBack():
            return _given_back(job, now)
        case LeaseDied():
            return _lease_died(job, now) if seen.lease_until == job.lease_until else None
        case Finalising():
            return None if job.phase == FINALIZING else Transition({"phase": FINALIZING}, FINALIZING)
        case Spawning():
            return _spawning(job, seen)
        case Spawned():
            return _spawned(job, seen)


def _due(job: Job, now: datetime) -> bool:
    """A pause before another attempt is never longer than its limit: if it looks longer, the clock was set back."""
    return job.run_after <= now or (job.attempt > 0 and job.run_after > now + timedelta(seconds=MAX_DELAY_SECONDS))


def _claimed(job: Job, claim: Claimed, now: datetime) -> Transition:
    values = {
        "state": JobState.RUNNING,
        "attempt": job.attempt + 1,
        "started": job.started or now,
        "lease_by": claim.by,
        "lease_seconds": claim.lease_seconds,
        "lease_until": now + timedelta(seconds=claim.lease_seconds),
    }
    return Transition(values, "started", {"attempt": job.attempt + 1})


def _cancel_asked(job: Job, asked: CancelAsked, now: datetime) -> Transition | None:
    if job.state is JobState.QUEUED and job.remote is None and asked.can_release:
        return _cancelled(now)
    if job.cancel_requested:
        return None
    values: dict[str, Any] = {"cancel_requested": True}
    if job.state is JobState.QUEUED:
        values["run_after"] = now  # whoever claims it only stops what is left of it, and need not wait for that
    return Transition(values, "cancel_requested")


def _spawning(job: Job, seen: Spawning) -> Transition | None:
    if job.call is not None or (job.remote and job.remote["attempt"] == seen.attempt):
        return None
    remote = {"provider": seen.provider, "function": seen.function, "attempt": seen.attempt}
    return Transition({"remote": remote}, "spawning", {"attempt": seen.attempt})


def _spawned(job: Job, seen: Spawned) -> Transition | None:
    if job.remote is None or job.call is not None:
        return None
    return Transition({"remote": {**job.remote, "call": seen.call}}, "spawned", {"attempt": seen.attempt})


def _succeeded(seen: Succeeded, now: datetime) -> Transition:
    values = {**_ended(JobState.SUCCEEDED, now), "progress": 1.0, "result": seen.result}
    return Transition(values, "succeeded", {}, Hook.FINISH)


def _broke(job: Job, seen: Broke, now: datetime) -> Transition:
    unasked = seen.cause is Cause.UNKNOWN and job.call is not None
    if job.cancel_requested and not unasked:
        return _cancelled(now)
    data = {"code": seen.code, "cause": seen.cause, "attempt": seen.attempt}
    failures = job.failures + 1
    if seen.cause is Cause.LASTING or failures >= job.max_attempts:
        return _failed(seen.code, seen.detail, data, failures, now)
    run_after = now + timedelta(seconds=seen.delay_seconds)
    values = {**_queued(run_after), "failures": failures}
    if not unasked:
        values["remote"] = None
    return Transition(values, "retrying", {**data, "run_after": run_after.isoformat()})


def _given_back(job: Job, now: datetime) -> Transition:
    if job.cancel_requested and job.remote is None:
        return _cancelled(now)
    return Transition(_queued(now), "given_back", {"cause": "shutdown", "attempt": job.attempt})


def _lease_died(job: Job, now: datetime) -> Transition:
    if job.cancel_requested and job.remote is None:
        return _cancelled(now)
    data = {"attempt": job.attempt}
    if job.call is not None:  # the work itself is elsewhere and well: only whoever waited for it is gone
        return Transition(_queued(now), "lease_died", data)
    failures = job.failures + 1
    if failures >= job.max_attempts:
        detail = "The work ended without a word, as often as it may be tried."
        return _failed("job_lost", detail, data, failures, now)
    return Transition({**_queued(now), "failures": failures}, "lease_died", data)


def _cancelled(now: datetime) -> Transition:
    return Transition({**_ended(JobState.CANCELLED, now), "cancel_requested": True}, "cancelled", {}, Hook.RELEASE)


def _failed(code: str, detail: str, data: Data, failures: int, now: datetime) -> Transition:
    values = {**_ended(JobState.FAILED, now), "failures": failures, "error_code": code, "error_detail": detail}
    return Transition(values, "failed", {**data, "code": code, "detail": detail}, Hook.RELEASE)


def _queued(run_after: datetime) -> dict[str, Any]:
    return {"state": JobState.QUEUED, "run_after": run_after, **_NO_LEASE}


def _ended(state: JobState, now: datetime) -> dict[str, Any]:
    return {"state": state, "finished": now, **_NO_LEASE}


_NO_LEASE: Mapping[str, Any] = {"phase": None, "lease_by": None, "lease_seconds": None, "lease_until": None}

MAX_DELAY_SECONDS = 120.0
"""The longest pause before another attempt, its spread included."""


def delay_seconds(job_id: str, failures: int, first_seconds: float) -> float:
    """Doubles with each failure, up to a minute; spread by up to a half, so that what broke together does not come back
    together. The same job gets the same spread each time."""
    spread = 1 + (zlib.crc32(job_id.encode()) % 1000) / 2000
    return min(first_seconds * float(2**failures), MAX_DELAY_SECONDS / 2) * spread
