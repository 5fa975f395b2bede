"""The loop: claims jobs while it has room, keeps their leases, and finds those that others have left behind.

Any number of loops may run, in any number of processes; the table alone decides. Looking at the table every second is
the truth, hints only make it quicker.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module

from backline.clock import Monotonic, monotonic
from backline.ids import new_id
from backline.jobs import repository
from backline.jobs.advance import Claimed, LeaseDied
from backline.jobs.attempt import Attempt, Stop
from backline.jobs.hints import Hint, News
from backline.jobs.job import Job, JobEvent
from backline.jobs.kinds import Remotely
from backline.jobs.leases import LeaseWatch
from backline.jobs.queue import Jobs
from backline.jobs.repository import Claims, Lease, Limits
from backline.jobs.rounds import every, guarded, spread
from backline.observability.logging import get_logger

_CLAIMS_AT_ONCE = 16
"""In one transaction: enough to be quick, few enough to let others write in between."""

_UNKNOWN_KINDS_SECONDS = 30.0
"""How often it is looked for jobs that nobody here can run."""


@dataclass(frozen=True, slots=True)
class LoopOptions:
    """lease_seconds: what a job that lost its process waits for, at most. local: jobs at once that work here, remote:
    jobs at once that only wait for work elsewhere. stop_seconds: how long work may take to be given back."""

    lease_seconds: float = 15.0
    local: int = 2
    remote: int = 1000
    owner_limit: int = 4
    queue_limit: int = 1000
    queue_limits: Mapping[str, int] = field(default_factory=dict)
    poll_seconds: float = 1.0
    stop_seconds: float = 10.0

    @property
    def limits(self) -> Limits:
        return Limits(self.owner_limit, self.queue_limit, self.queue_limits)


class JobLoop:
    """name: new with every start; leases are written under it."""

    def __init__(self, jobs: Jobs, options: LoopOptions, clock: Monotonic = monotonic) -> None:
        self.name = new_id("loop")
        self._jobs = jobs
        self._options = options
        self._clock = clock
        self._active: dict[str, Attempt] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._claims = Claims(options.limits)
        self._batch = 1  # grows while there is more: a job that comes alone does not wait for a look for the next
        self._wake = asyncio.Event()
        self._stopping = False
        self._strays: set[tuple[str, int]] = set()
        self._sweep_seconds = min(options.poll_seconds, options.lease_seconds / 6)
        self._leases = LeaseWatch(self._sweep_seconds, clock)
        self._told_of: set[str] = set()

    @property
    def active(self) -> int:
        """Jobs that are in hand."""
        return len(self._active)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[JobLoop]:
        """Runs until the block ends; then what is in hand is given back."""
        options = self._options
        tasks = [
            asyncio.create_task(self._keep_claiming()),
            asyncio.create_task(every(options.lease_seconds / 3, "renew", self._renew)),
            asyncio.create_task(every(self._sweep_seconds, "sweep", self._sweep)),
            asyncio.create_task(every(_UNKNOWN_KINDS_SECONDS, "look", self._tell_unknown_kinds)),
        ]
        if self._jobs.database.dialect == "postgresql":
            listen = import_module("backline.jobs.postgres_hints").listen  # its driver is an extra
            tasks.append(asyncio.create_task(listen(self._jobs.database.url, self._jobs.hints)))
        try:
            with self._jobs.hints.told_to(self._on_hint):
                yield self
                await self._give_back(tasks[0])
        finally:
            tasks += self._tasks
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _on_hint(self, hint: Hint) -> None:
        if hint.news is News.CANCEL and hint.job_id in self._active:
            self._active[hint.job_id].stop(Stop.CANCEL)
        elif hint.news is not News.EVENT:
            self._wake.set()

    async def _keep_claiming(self) -> None:
        while not self._stopping:
            await guarded("claim", self._claim_while_there_is_room)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(spread(self._options.poll_seconds)):
                    await self._wake.wait()

    async def _claim_while_there_is_room(self) -> None:
        claimed = True
        while claimed and not self._stopping:
            self._wake.clear()
            claimed = await self._claim()

    async def _claim(self) -> bool:
        """One transaction's worth. Whether there may be more."""
        kinds = self._with_room()
        if not kinds:
            return False
        jobs, now = self._jobs, self._jobs.clock()
        claim = Claimed(self.name, self._options.lease_seconds)
        claimed: list[Job] = []
        async with jobs.database.write() as tx:
            await repository.lock_claims(tx)
            while kinds and len(claimed) < self._batch:
                job = await self._claims.next(tx, claim, kinds, now)
                if job is None:
                    break
                claimed.append(job)
                kinds = self._with_room(claimed)
            await repository.write_events(tx, [self._started(job) for job in claimed])
        self._batch = min(2 * self._batch, _CLAIMS_AT_ONCE) if len(claimed) == self._batch else 1
        for job in claimed:
            self._start(job)
        return bool(claimed)

    def _started(self, job: Job) -> JobEvent:
        version = self._jobs.kinds[job.kind].version
        return JobEvent(job.id, job.seq, "started", {"attempt": job.attempt, "version": version}, self._jobs.clock())

    def _with_room(self, claimed: list[Job] | None = None) -> list[str]:
        """Kinds of which another job could be taken on."""
        kinds = self._jobs.kinds
        in_hand = [attempt.job.kind for attempt in self._active.values()] + [job.kind for job in claimed or ()]
        remote = sum(isinstance(kinds[name].work, Remotely) for name in in_hand)
        room = {True: self._options.remote - remote, False: self._options.local - (len(in_hand) - remote)}
        return [kind.name for kind in kinds.values() if room[isinstance(kind.work, Remotely)] > 0]

    def _start(self, job: Job) -> None:
        attempt = Attempt(job, self._jobs.kinds[job.kind], self._jobs, self._clock)
        if old := self._active.get(job.id):
            old.stop(Stop.LOST)  # we were thought dead, and took it over from ourselves
        task = asyncio.create_task(attempt.run())
        self._active[job.id] = attempt
        self._tasks.add(task)
        self._jobs.hints.tell(Hint(News.EVENT, job.id))
        task.add_done_callback(lambda task: self._ended(attempt, task))

    def _ended(self, attempt: Attempt, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._active.get(attempt.job.id) is attempt:
            del self._active[attempt.job.id]
        self._wake.set()

    async def _renew(self) -> None:
        """Keep our leases; hear of cancels that no hint has told; let go of what others have."""
        in_hand = dict(self._active)
        async with self._jobs.database.write() as tx:
            ours = await repository.renew(tx, self.name, self._options.lease_seconds, self._jobs.clock())
        for job_id, attempt in in_hand.items():
            number, cancel = ours.get(job_id, (None, False))
            if number != attempt.job.attempt:
                attempt.stop(Stop.LOST)
            elif cancel:
                attempt.stop(Stop.CANCEL)
        await self._let_go({(job_id, number) for job_id, (number, _) in ours.items() if job_id not in self._active})

    async def _let_go(self, strays: set[tuple[str, int]]) -> None:
        """Leases of ours that nobody works under: seen twice, so that it is not one that was claimed a moment ago."""
        again, self._strays = strays & self._strays, strays
        for job_id, attempt in again:
            async with self._jobs.database.read() as tx:
                job = await repository.get(tx, job_id)
            if job is not None and job_id not in self._active:
                await self._tell_dead(Lease(job_id, attempt, self._options.lease_seconds, job.lease_until))

    async def _sweep(self) -> None:
        """Find what others have left behind."""
        async with self._jobs.database.read() as tx:
            leases = await repository.leases_of_others(tx, self.name, list(self._jobs.kinds))
        for lease in self._leases.dead(leases, self._jobs.clock()):
            await self._tell_dead(lease)

    async def _tell_dead(self, lease: Lease) -> None:
        """One whose kind fails to release what it holds must not keep the others waiting."""

        async def tell() -> None:
            observed = await self._jobs.observe(lease.job_id, LeaseDied(lease.attempt, lease.until))
            if observed.transition:
                get_logger().warning("jobs.lease_died", job_id=lease.job_id, attempt=lease.attempt)

        await guarded("sweep", tell)

    async def _tell_unknown_kinds(self) -> None:
        async with self._jobs.database.read() as tx:
            unknown = await repository.unknown_kinds(tx, list(self._jobs.kinds))
        for kind in set(unknown) - self._told_of:
            get_logger().warning("jobs.unknown_kind", kind=kind)
        self._told_of = set(unknown)

    async def _give_back(self, claiming: asyncio.Task[None]) -> None:
        """Nothing new is claimed; what runs here is ended and its lease released; leases are kept meanwhile."""
        self._stopping = True
        self._wake.set()
        await asyncio.wait([claiming], timeout=self._options.stop_seconds)  # what it has just claimed is in hand then
        for attempt in self._active.values():
            attempt.stop(Stop.SHUTDOWN)
        if tasks := set(self._tasks):
            _, late = await asyncio.wait(tasks, timeout=self._options.stop_seconds)
            get_logger().info("jobs.given_back", jobs=len(tasks), late=len(late))
