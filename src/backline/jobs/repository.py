"""The statements: the same on SQLite and Postgres. Nothing here commits, and nothing here decides.

Those that every job needs are built once: to build one takes as long as to run it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from backline.db.database import Tx
from backline.jobs.advance import MAX_DELAY_SECONDS, Claimed, Transition
from backline.jobs.job import TERMINAL, Data, Job, JobEvent, JobState
from backline.jobs.models import job_events, jobs

_CLAIMS = 0x6A6F6273
"""Number of the lock under which claims take turns on Postgres."""

CHANNEL = "backline_jobs"
"""Where Postgres tells what has happened."""

_JOB_FIELDS = [field.name for field in fields(Job)]
_EVENT_FIELDS = [field.name for field in fields(JobEvent)]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many jobs of one queue may run at once: of one owner, and of all; `queues` names exceptions to `queue`."""

    owner: int
    queue: int
    queues: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Lease:
    job_id: str
    attempt: int
    seconds: float
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that is over. events: how many it has in its log."""

    id: str
    finished: datetime
    hold: str | None
    events: int


def _insert_new(make: Any) -> ReturningInsert[Any]:
    statement: ReturningInsert[Any] = make(jobs).on_conflict_do_nothing(index_elements=["owner", "idempotency_key"])
    return statement.returning(jobs.c.id)


_TELL = func.pg_notify(CHANNEL, bindparam("news"))
"""Postgres tells whoever listens, once the transaction is committed. As part of another statement it costs nothing."""

_INSERT = {"postgresql": _insert_new(insert_postgresql).returning(_TELL), "sqlite": _insert_new(insert_sqlite)}
_INSERT_EVENTS = insert(job_events)
_BY_ID = select(jobs).where(jobs.c.id == bindparam("job_id"))
_BY_ID_LOCKED = _BY_ID.with_for_update()
_BY_KEY = select(jobs).where(jobs.c.owner == bindparam("owner"), jobs.c.idempotency_key == bindparam("key"))
_LOCK_CLAIMS = text("SELECT pg_advisory_xact_lock(:number)")
_EVENTS_AFTER = (
    select(job_events)
    .where(job_events.c.job_id == bindparam("job_id"), job_events.c.seq > bindparam("after"))
    .order_by(job_events.c.seq)
    .limit(bindparam("count"))
)
_CHANGE = (
    update(jobs)
    .where(
        jobs.c.id == bindparam("the_id"),
        jobs.c.state == bindparam("the_state"),
        jobs.c.attempt == bindparam("the_attempt"),
        jobs.c.cancel_requested == bindparam("was_cancel_requested"),
    )
    .returning(jobs.c.seq)
)
_PROGRESS = (
    update(jobs)
    .where(
        jobs.c.id == bindparam("the_id"),
        jobs.c.attempt == bindparam("the_attempt"),
        jobs.c.state == JobState.RUNNING,
    )
    .returning(jobs.c.seq)
)
_RENEW = (
    update(jobs)
    .where(jobs.c.state == JobState.RUNNING, jobs.c.lease_by == bindparam("loop"))
    .values(lease_until=bindparam("until"))
    .returning(jobs.c.id, jobs.c.attempt, jobs.c.cancel_requested)
)
_LEASES = select(jobs.c.id, jobs.c.attempt, jobs.c.lease_seconds, jobs.c.lease_until).where(
    jobs.c.state == JobState.RUNNING,
    jobs.c.lease_by != bindparam("loop"),
    jobs.c.kind.in_(bindparam("kinds", expanding=True)),
)


async def add(tx: Tx, job: Job, news: str) -> bool:
    """False, and nothing written, when the owner has used this idempotency key before. news: for whoever listens."""
    values = {name: getattr(job, name) for name in _JOB_FIELDS}
    if tx.dialect.name == "postgresql":
        values["news"] = news
    return (await tx.execute(_INSERT[tx.dialect.name], values)).first() is not None


async def set_hold(tx: Tx, job_id: str, hold: str) -> None:
    await tx.execute(update(jobs).where(jobs.c.id == job_id).values(hold=hold))


async def by_key(tx: Tx, owner: str, key: str) -> Job | None:
    row = (await tx.execute(_BY_KEY, {"owner": owner, "key": key})).first()
    return Job.of(row._mapping) if row else None


async def get(tx: Tx, job_id: str) -> Job | None:
    row = (await tx.execute(_BY_ID, {"job_id": job_id})).first()
    return Job.of(row._mapping) if row else None


async def get_locked(tx: Tx, job_id: str) -> Job | None:
    """For a change: on Postgres the row waits for nobody else, on SQLite the whole transaction does."""
    row = (await tx.execute(_BY_ID_LOCKED, {"job_id": job_id})).first()
    return Job.of(row._mapping) if row else None


_NOT_LISTED: Mapping[str, Any] = {"input": {}, "checkpoint": None}
"""They may have a megabyte each, and a hundred of those in one answer would stop the event loop for a second."""

_LISTED = [column for column in jobs.c if column.name not in _NOT_LISTED]


async def of_ids(tx: Tx, owner: str, job_ids: Collection[str]) -> list[Job]:
    """Those of them that there are, and that are the owner's; without input and checkpoint."""
    rows = await tx.execute(select(*_LISTED).where(jobs.c.id.in_(job_ids), jobs.c.owner == owner))
    return [Job.of({**row._mapping, **_NOT_LISTED}) for row in rows]


async def of_owner(
    tx: Tx, owner: str, *, states: Collection[str], kinds: Collection[str], before: str | None, limit: int
) -> list[Job]:
    """The newest first, without input and checkpoint. before: an id; only what is older."""
    where: list[ColumnElement[bool]] = [jobs.c.owner == owner]
    if states:
        where.append(jobs.c.state.in_(states))
    if kinds:
        where.append(jobs.c.kind.in_(kinds))
    if before:
        where.append(jobs.c.id < before)
    rows = await tx.execute(select(*_LISTED).where(*where).order_by(jobs.c.id.desc()).limit(limit))
    return [Job.of({**row._mapping, **_NOT_LISTED}) for row in rows]


async def delete_user_data(tx: Tx, user_id: str, now: datetime) -> None:
    """What is over goes, with its events; what is not is asked to end, and whoever claims it gives back its hold."""
    mine = jobs.c.owner == user_id
    await tx.execute(delete(jobs).where(mine, jobs.c.state.in_(TERMINAL)))
    await tx.execute(update(jobs).where(mine).values(cancel_requested=True))
    await tx.execute(update(jobs).where(mine, jobs.c.state == JobState.QUEUED).values(run_after=now))


async def ended_before(tx: Tx, before: datetime, after: Ended | None, limit: int) -> list[Ended]:
    """Jobs that were over then, the first to end first. after: only those that come behind this one."""
    columns = jobs.c
    query = select(columns.id, columns.finished, columns.hold, columns.seq).where(
        columns.finished < before, columns.state.in_(TERMINAL)
    )
    if after is not None:
        behind = and_(columns.finished == after.finished, columns.id > after.id)
        query = query.where(or_(columns.finished > after.finished, behind))
    rows = await tx.execute(query.order_by(columns.finished, columns.id).limit(limit))
    return [Ended(*row) for row in rows]


async def remove(tx: Tx, job_ids: Collection[str]) -> int:
    """Jobs that are over, with their events; how many there were."""
    statement = delete(jobs).where(jobs.c.id.in_(job_ids), jobs.c.state.in_(TERMINAL)).returning(jobs.c.id)
    return len((await tx.execute(statement)).all())


async def lock_claims(tx: Tx) -> None:
    """Until the end of the transaction nobody else claims, so that limits count what is there (SQLite has one writer
    anyway)."""
    if tx.dialect.name == "postgresql":
        await tx.execute(_LOCK_CLAIMS, {"number": _CLAIMS})


class Claims:
    """One statement that takes the next job: `advance` of `Claimed`, for the first row that is due and within
    limits."""

    def __init__(self, limits: Limits) -> None:
        self._statement = _claim(limits)

    async def next(self, tx: Tx, claim: Claimed, kinds: Collection[str], now: datetime) -> Job | None:
        values = {
            "kinds": list(kinds),
            "now": now,
            "too_late": now + timedelta(seconds=MAX_DELAY_SECONDS),
            "by": claim.by,
            "seconds": claim.lease_seconds,
            "until": now + timedelta(seconds=claim.lease_seconds),
        }
        row = (await tx.execute(self._statement, values)).first()
        return Job.of(row._mapping) if row else None


def _claim(limits: Limits) -> ReturningUpdate[Any]:
    running = select(jobs.c.queue).where(jobs.c.state == JobState.RUNNING)
    of_queue = case(limits.queues, value=jobs.c.queue, else_=limits.queue) if limits.queues else limits.queue
    full_queues = running.group_by(jobs.c.queue).having(func.count() >= of_queue)
    full_owners = running.add_columns(jobs.c.owner).group_by(jobs.c.queue, jobs.c.owner)
    now = bindparam("now", type_=jobs.c.run_after.type)
    late = and_(jobs.c.attempt > 0, jobs.c.run_after > bindparam("too_late", type_=jobs.c.run_after.type))
    first = (
        select(jobs.c.id)
        .where(
            jobs.c.state == JobState.QUEUED,
            jobs.c.kind.in_(bindparam("kinds", expanding=True)),
            or_(jobs.c.run_after <= now, late),
            jobs.c.queue.not_in(full_queues),
            tuple_(jobs.c.queue, jobs.c.owner).not_in(full_owners.having(func.count() >= limits.owner)),
        )
        .order_by(jobs.c.priority, jobs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (
        update(jobs)
        .where(jobs.c.id == first.scalar_subquery(), jobs.c.state == JobState.QUEUED)
        .values(
            state=JobState.RUNNING,
            attempt=jobs.c.attempt + 1,
            seq=jobs.c.seq + 1,
            started=func.coalesce(jobs.c.started, now),
            lease_by=bindparam("by"),
            lease_seconds=bindparam("seconds"),
            lease_until=bindparam("until"),
        )
        .returning(*jobs.c)
    )


async def change(tx: Tx, job: Job, transition: Transition, now: datetime, news: str | None) -> bool:
    """Apply what `advance` said about this very row, and write it down. False when the row has moved on meanwhile.
    news: for whoever listens."""
    same: dict[str, Any] = {
        "the_id": job.id,
        "the_state": job.state,
        "the_attempt": job.attempt,
        "was_cancel_requested": job.cancel_requested,
    }
    statement = _CHANGE.values(seq=jobs.c.seq + 1, **transition.values)
    if news is not None and tx.dialect.name == "postgresql":
        statement, same["news"] = statement.returning(_TELL), news
    seq = (await tx.execute(statement, same)).scalar()
    if seq is None:
        return False
    await write_events(tx, [JobEvent(job.id, seq, transition.event, transition.data, now)])
    return True


async def write_progress(
    tx: Tx, job: Job, values: Mapping[str, Any], events: Sequence[tuple[str, Data]], now: datetime
) -> bool:
    """Columns and log lines of a running attempt, in the same transaction. False when it has lost the job."""
    statement = _PROGRESS.values(seq=jobs.c.seq + len(events), **values)
    seq = (await tx.execute(statement, {"the_id": job.id, "the_attempt": job.attempt})).scalar()
    if seq is None:
        return False
    first = seq - len(events) + 1
    await write_events(tx, [JobEvent(job.id, first + n, kind, data, now) for n, (kind, data) in enumerate(events)])
    return True


async def write_events(tx: Tx, events: Sequence[JobEvent]) -> None:
    if events:
        await tx.execute(_INSERT_EVENTS, [{name: getattr(event, name) for name in _EVENT_FIELDS} for event in events])


async def events_after(tx: Tx, job_id: str, seq: int, limit: int) -> list[JobEvent]:
    rows = await tx.execute(_EVENTS_AFTER, {"job_id": job_id, "after": seq, "count": limit})
    return [JobEvent(**row._mapping) for row in rows]


async def renew(tx: Tx, loop: str, seconds: float, now: datetime) -> dict[str, tuple[int, bool]]:
    """Push the end of every lease of this loop; (attempt, whether a cancel was requested) by job.

    A loop's name is new with each start, and each of its leases belongs to one (job, attempt): whoever renews compares
    what comes back with what it works on.
    """
    rows = await tx.execute(_RENEW, {"loop": loop, "until": now + timedelta(seconds=seconds)})
    return {job_id: (attempt, cancel) for job_id, attempt, cancel in rows}


async def leases_of_others(tx: Tx, loop: str, kinds: Collection[str]) -> list[Lease]:
    rows = await tx.execute(_LEASES, {"loop": loop, "kinds": list(kinds)})
    return [Lease(*row) for row in rows]


async def counts(tx: Tx) -> list[tuple[str, str, int, datetime]]:
    """Of what is not over, by kind and state: how many, and when the first of them was due."""
    columns = jobs.c
    query = (
        select(columns.kind, columns.state, func.count(), func.min(columns.run_after))
        .where(columns.state.in_([JobState.QUEUED, JobState.RUNNING]))
        .group_by(columns.kind, columns.state)
    )
    return [(kind, state, count, due) for kind, state, count, due in await tx.execute(query)]


async def unknown_kinds(tx: Tx, kinds: Collection[str]) -> list[str]:
    """Of jobs that nobody here can run."""
    where = (jobs.c.state.in_([JobState.QUEUED, JobState.RUNNING]), jobs.c.kind.not_in(kinds))
    return list(await tx.scalars(select(jobs.c.kind).where(*where).distinct()))
