"""What can be a job: a slice describes its kind of work here, and jobs know nothing else about it.

EXPORT = JobKind(
    name="export",
    work=InChild("backline.exports.render:render"),
    validate=ExportInput.check,
    hold=exports.hold, finish=exports.finish, release=exports.release,
)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from backline.compute.in_child import ChildLimits
from backline.compute.remote import Remote
from backline.db.database import Tx
from backline.jobs.job import Data, Job


class Work(Protocol):
    """What a handler in this process is given. It is cancelled as a task; nothing else ends it."""

    @property
    def job(self) -> Job:
        """As it was claimed: `job.checkpoint` is where an earlier attempt left off."""
        ...

    def report(self, progress: float, message: str | None = None, **more: Any) -> None:
        """Progress, 0 to 1. May be called as often as one likes; written a few times a second at most. more: for
        whoever follows the job, such as the seconds that are left."""
        ...

    def note(self, kind: str, **data: Any) -> None:
        """A line for the event log that the client follows. kind: one word of the product, such as `chapter`."""
        ...

    async def checkpoint(self, data: Data) -> None:
        """Write down where the next attempt would go on; returns once it is committed. Raises LeaseLost when this
        attempt is no longer the one that counts: end, without storing anything."""
        ...


@dataclass(frozen=True, slots=True)
class InProcess:
    """An async function of this process: for work that waits for others, or streams through `compute`.

    handler: returns the output. stall_seconds: how long it may neither report nor return; None waits for ever.
    """

    handler: Callable[[Work], Awaitable[Data]]
    stall_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class InChild:
    """A plain function `package.module:function(data, progress)` in a child process: for ffmpeg, torch, and what
    crashes. data: the job's input, and job_id, attempt, checkpoint. `progress(progress=0.5, message="...")` tells
    progress (and whatever else it says there), `progress(note="chapter", ...)` writes to the log,
    `progress(checkpoint={...})` says where to go on.
    """

    function: str
    limits: ChildLimits = field(default_factory=ChildLimits)


async def _input(job: Job) -> Data:
    return job.input


async def _nothing_left(_job: Job) -> Data | None:
    return None


@dataclass(frozen=True, slots=True)
class Remotely:
    """A function of a provider: for GPUs.

    order: what the function is given, made when it is started: links are signed then. look: what a call that nobody can
    be asked about any more has left, as its result; None where it has left nothing. The job's `remote` says which call:
    its attempt may be an earlier one than the job's.
    patience_seconds: how long the provider may answer *unknown* without a break until the job has failed.
    cancel_seconds: how long it may take to agree to a cancel.
    """

    provider: str
    remote: Remote
    function: str
    order: Callable[[Job], Awaitable[Data]] = _input
    look: Callable[[Job], Awaitable[Data | None]] = _nothing_left
    patience_seconds: float = 3600.0
    cancel_seconds: float = 60.0
    first_poll_seconds: float = 0.02
    last_poll_seconds: float = 5.0


def _unchanged(data: Data) -> Data:
    return data


async def _no_hold(_tx: Tx, _job: Job) -> str | None:
    return None


async def _nothing_more(_tx: Tx, _job: Job, result: Data) -> Data:
    return result


async def _nothing_held(_tx: Tx, _job: Job) -> None:
    return None


@dataclass(frozen=True, slots=True)
class JobKind:
    """name, version: version changes with the code's meaning; an attempt's is in the log.
    validate: what a client sent to what the work is given; raises Invalid. Runs before anything is written.
    hold: reserves credit, in the transaction that makes the job; returns a reference, kept as `job.hold`.
    store: puts the output where it stays, under `{owner}/{job}/{attempt}`, outside any transaction; returns the result.
        None: there is nothing to store, and no phase of its own for it.
    finish: settles and registers, in the transaction in which the job succeeds: exactly once. Returns the result that
        the client sees.
    release: settles what was used or gives all back, in the transaction in which the job fails or is cancelled: exactly
        once.
    folder: of its owner's, in which its outputs are: `{owner}/{folder}/{job}/{attempt}`; None: right in the owner's.
    queue: whose limit it counts against. max_attempts: how often it may fail. retry_seconds: pause after the first
        failure, doubled with each.
    """

    name: str
    work: InProcess | InChild | Remotely
    version: str = "1"
    validate: Callable[[Data], Data] = _unchanged
    hold: Callable[[Tx, Job], Awaitable[str | None]] = _no_hold
    store: Callable[[Job, Data], Awaitable[Data]] | None = None
    finish: Callable[[Tx, Job, Data], Awaitable[Data]] = _nothing_more
    release: Callable[[Tx, Job], Awaitable[None]] = _nothing_held
    folder: str | None = None
    queue: str = "default"
    max_attempts: int = 3
    retry_seconds: float = 2.0


class JobKinds(Mapping[str, JobKind]):
    """Every kind that this process knows, by name. Raises ValueError for two of one name."""

    def __init__(self, kinds: Iterable[JobKind] = ()) -> None:
        self._kinds: dict[str, JobKind] = {}
        for kind in kinds:
            if kind.name in self._kinds:
                raise ValueError(f"there are two kinds of job called {kind.name}")
            self._kinds[kind.name] = kind

    def __getitem__(self, name: str) -> JobKind:
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)
