"""Jobs as everybody but the loop sees them: make one, look at it, cancel it; and the one place where they change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime

from backline.clock import Clock, utc_now
from backline.db.database import Database, Tx
from backline.errors import Conflict, NotFound
from backline.ids import new_id
from backline.jobs import repository
from backline.jobs.advance import CancelAsked, Hook, Observation, Transition, advance
from backline.jobs.hints import Hint, Hints, News
from backline.jobs.job import Data, Job, JobEvent, JobState
from backline.jobs.kinds import JobKinds


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants what. owner: the user; billed: whether they pay. key: the client's Idempotency-Key.
    priority: the smallest goes first. run_after: not before; None is now. asked: what the client sent, where the input
    is made of that and of what may change; the same key is good for the same."""

    kind: str
    owner: str
    input: Data
    billed: bool = True
    key: str | None = None
    priority: int = 0
    run_after: datetime | None = None
    asked: Data | None = None

    @property
    def fingerprint(self) -> str:
        """The same for the same order, whatever the order of its fields."""
        asked = self.input if self.asked is None else self.asked
        said = json.dumps([self.kind, asked, self.priority], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(said.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Observed:
    """job: the row as it was found, None where there is none. transition: what was made of it, None: nothing."""

    job: Job | None
    transition: Transition | None

    def belongs_to(self, attempt: int) -> bool:
        """Whether the row is, or was until now, in the hands of this attempt."""
        return self.job is not None and self.job.state is JobState.RUNNING and self.job.attempt == attempt


def _nothing(_job: Job, _transition: Transition) -> None:
    return None


class Jobs:
    """kinds: those that this process knows. Everything that is made or changed here is told to `hints`.

    on_change: called with a job as it was and what has become of it, once that is committed.
    """

    def __init__(
        self,
        database: Database,
        kinds: JobKinds,
        hints: Hints,
        clock: Clock = utc_now,
        on_change: Callable[[Job, Transition], None] = _nothing,
    ) -> None:
        self.database = database
        self.kinds = kinds
        self.hints = hints
        self.clock = clock
        self._on_change = on_change

    async def submit(self, order: Order) -> Job:
        """Make a job in a transaction of its own. See `create`."""
        async with self.database.write() as tx:
            job = await self.create(tx, order)
        self.announce(job)
        return job

    async def create(self, tx: Tx, order: Order) -> Job:
        """Make a job, with its hold, in the caller's transaction; call `announce` once that is committed.

        The same key and the same order again: the job that there is. Raises Conflict (idempotency_conflict) for another
        order under a used key, NotFound for an unknown kind, and what the kind's validate and hold hooks raise.
        """
        job = self._new(order)
        if not await repository.add(tx, job, str(Hint(News.QUEUED, job.id))):
            known = await self.known(tx, order)
            assert known is not None
            return known
        hold = await self.kinds[order.kind].hold(tx, job)
        if hold is not None:
            await repository.set_hold(tx, job.id, hold)
        await repository.write_events(tx, [JobEvent(job.id, 1, JobState.QUEUED, {}, job.created)])
        return replace(job, hold=hold)

    async def known(self, tx: Tx, order: Order) -> Job | None:
        """The job that was made with this key already. Raises Conflict (idempotency_conflict) for another order."""
        found = None if order.key is None else await repository.by_key(tx, order.owner, order.key)
        if found is not None and found.fingerprint != order.fingerprint:
            raise Conflict("This Idempotency-Key was used for another order.", code="idempotency_conflict")
        return found

    def announce(self, job: Job) -> None:
        """Wake the loop of this process."""
        self.hints.tell(Hint(News.QUEUED, job.id))

    async def get(self, owner: str, job_id: str) -> Job:
        """Raises NotFound, also for somebody else's."""
        async with self.database.read() as tx:
            job = await repository.get(tx, job_id)
        if job is None or job.owner != owner:
            raise NotFound("There is no such job.", code="job_not_found")
        return job

    async def of_owner(
        self,
        owner: str,
        *,
        states: Collection[str] = (),
        kinds: Collection[str] = (),
        before: str | None = None,
        limit: int = 20,
    ) -> list[Job]:
        """The newest first, without input and checkpoint; before: the id of a job, only older ones."""
        async with self.database.read() as tx:
            return await repository.of_owner(tx, owner, states=states, kinds=kinds, before=before, limit=limit)

    async def of_ids(self, owner: str, job_ids: Collection[str]) -> dict[str, Job]:
        """Those of them that are the owner's, by id; without input and checkpoint."""
        async with self.database.read() as tx:
            return {job.id: job for job in await repository.of_ids(tx, owner, job_ids)}

    async def cancel(self, owner: str, job_id: str) -> Job:
        """Ask for the end of a job; asking twice, or too late, changes nothing. Returns it as it then is: a waiting job
        is cancelled at once, a running one when its work has stopped. Raises NotFound."""
        job = await self.get(owner, job_id)
        await self.observe(job_id, CancelAsked(can_release=job.kind in self.kinds))
        return await self.get(owner, job_id)

    async def observe(self, job_id: str, observation: Observation) -> Observed:
        """Tell what was seen of a job: its row, its log and what its kind does about it change in one transaction, or
        nothing does. May be repeated. Raises Unavailable when the database is away; then it should be."""
        async with self.database.write() as tx:
            job = await repository.get_locked(tx, job_id)
            now = self.clock()
            transition = advance(job, observation, now) if job else None
            if job is None or transition is None:
                return Observed(job, None)
            transition = await self._with_hook(tx, job, transition)
            hint = Hint(_news(transition), job_id)
            news = str(hint) if transition.state or hint.news is News.CANCEL else None  # steps in between can wait
            if not await repository.change(tx, job, transition, now, news):
                raise Conflict("The job has moved on.", code="job_moved")  # undoes what the hook did
        self.hints.tell(hint)
        self._on_change(job, transition)
        return Observed(job, transition)

    async def _with_hook(self, tx: Tx, job: Job, transition: Transition) -> Transition:
        if transition.hook is Hook.RELEASE:
            await self.kinds[job.kind].release(tx, job)
        elif transition.hook is Hook.FINISH:
            result = await self.kinds[job.kind].finish(tx, job, transition.values["result"])
            return replace(transition, values={**transition.values, "result": result})
        return transition

    def _new(self, order: Order) -> Job:
        kind = self.kinds.get(order.kind)
        if kind is None:
            raise NotFound(f"There is no kind of job called {order.kind}.", code="unknown_job_kind")
        now = self.clock()
        return Job(
            id=new_id("job"),
            kind=kind.name,
            version=kind.version,
            owner=order.owner,
            billed=order.billed,
            queue=kind.queue,
            state=JobState.QUEUED,
            phase=None,
            attempt=0,
            failures=0,
            max_attempts=kind.max_attempts,
            priority=order.priority,
            run_after=order.run_after or now,
            lease_by=None,
            lease_seconds=None,
            lease_until=None,
            remote=None,
            input=kind.validate(order.input),
            checkpoint=None,
            progress=0.0,
            message=None,
            result=None,
            error_code=None,
            error_detail=None,
            cancel_requested=False,
            hold=None,
            idempotency_key=order.key,
            fingerprint=order.fingerprint if order.key else None,
            seq=1,
            created=now,
            started=None,
            finished=None,
        )


def _news(transition: Transition) -> News:
    if transition.event == "cancel_requested":
        return News.CANCEL
    return News.QUEUED if transition.state is JobState.QUEUED else News.EVENT
