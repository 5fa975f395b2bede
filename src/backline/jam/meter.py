"""Who looks after live sessions: bills them every few seconds, warns, and ends those whose credit is used up.

Any number of gateways may do this at once. Each session is looked after by one of them, by a lease; that two did so
for a moment would change nothing, for a session is charged by its total.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from backline.clock import Clock, monotonic, utc_now
from backline.compute.base import JamLink
from backline.credits.pricing import Price
from backline.db.database import Database
from backline.errors import BacklineError, NotFound
from backline.jam import figures, repository
from backline.jam.advance import Advance, Seen, seconds_of
from backline.jam.session import REMOTE, JamSession
from backline.jobs.leases import LeaseWatch
from backline.jobs.repository import Lease
from backline.jobs.rounds import every, guarded
from backline.observability.logging import get_logger
from backline.observability.metrics import Metrics

_AT_ONCE = 64
"""Sessions that are visited at the same time."""

_LEASE_ROUNDS = 3

_FAREWELL_SECONDS = 3.0
"""At least so long before the end of the credit the music stops, so that its last chunk can still be fetched."""


class JamMeter:
    """me: of this process. worker: who plays the sessions that are made here (`JamSession.worker`)."""

    def __init__(
        self,
        database: Database,
        link: JamLink,
        advance: Advance,
        price: Price,
        metrics: Metrics,
        *,
        me: str,
        worker: str,
        poll_seconds: float,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._link = link
        self._advance = advance
        self._price = price
        self._metrics = metrics
        self._told_sessions = 0
        self._me = me
        self._worker = worker
        self._poll_seconds = poll_seconds
        self._clock = clock
        self._watch = LeaseWatch(poll_seconds)
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._visits: dict[str, asyncio.Task[None]] = {}
        self._endings: dict[str, asyncio.Task[None]] = {}
        self._warming: set[str] = set()

    @property
    def lease_seconds(self) -> float:
        return _LEASE_ROUNDS * self._poll_seconds

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Meanwhile sessions are billed. Afterwards those that this process plays have ended, and others are free for
        whoever comes next."""
        rounds = asyncio.create_task(every(self._poll_seconds, "jam_meter", self.round))
        try:
            yield
        finally:
            tasks = [rounds, *self._visits.values(), *self._endings.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await guarded("jam_leave", self._leave)

    async def round(self) -> None:
        """Begin a visit of every session that is ours to look after, and is not being visited. Waits for none."""
        async with self._database.read() as tx:
            found = await repository.open_sessions(tx)
        if not found:
            self._count(0)
            return
        now = self._clock()
        leases = [_lease_of(one, self.lease_seconds) for one in found if one.holder not in (None, self._me)]
        dead = {lease.job_id for lease in self._watch.dead(leases, now)}
        until = now + timedelta(seconds=self.lease_seconds)
        async with self._database.write() as tx:
            mine = await repository.claim(tx, [one.id for one in found], self._me, until, dead)
        self._count(len(mine))
        for session in found:
            if session.id in mine and session.id not in {*self._visits, *self._warming}:
                self._begin(self._visits, session.id, self._visit_in_turn(session))

    @contextmanager
    def warming(self, session_id: str) -> Iterator[None]:
        """Meanwhile nobody looks: a worker that has not heard of the session yet would say that there is none."""
        self._warming.add(session_id)
        try:
            yield
        finally:
            self._warming.discard(session_id)

    async def visit(self, session: JamSession) -> JamSession | None:
        """Ask the worker, and write down what it says; None when the session is gone."""
        began = monotonic()
        seen = await self._look(session)
        visits = max(1, round((monotonic() - began) / self._poll_seconds))
        now = await self.write_down(session, seen, visits=visits)
        soon_seconds = max(1.5 * self._poll_seconds, _FAREWELL_SECONDS)
        if now is not None and now.id not in self._endings and self._used_up(now, soon_seconds):
            self._begin(self._endings, now.id, self._end(now))
        return now

    async def close(self, session: JamSession, reason: str) -> JamSession | None:
        """End it, and charge what its worker says was used. Where the worker cannot be asked, what it said last is
        charged, and its session ends there by itself."""
        seen: Seen
        try:
            seen = await self._link.close(session.id, reason)
        except BacklineError as error:
            seen = error
        return await self.write_down(session, seen, closing=reason)

    async def write_down(
        self, session: JamSession, seen: Seen, closing: str | None = None, visits: int = 1
    ) -> JamSession | None:
        """What a worker told of a session, as it stood before; see `Advance`."""
        async with self._database.write() as tx:
            before = await repository.lock(tx, session.id)
            now = await self._advance(tx, session.id, seen, closing, visits)
        if before is not None and now is not None and before.state != now.state == "closed":
            self._metrics.count(figures.CLOSED, figures.reason_label(now.close_reason))
            self._metrics.count(figures.BILLED, by=now.total / 1_000_000)
        return now

    def _count(self, sessions: int) -> None:
        self._metrics.gauge(figures.SESSIONS, sessions - self._told_sessions)
        self._told_sessions = sessions

    async def _visit_in_turn(self, session: JamSession) -> None:
        async with self._at_once:
            await guarded("jam_visit", lambda: self.visit(session))

    async def _look(self, session: JamSession) -> Seen:
        if session.worker not in (self._worker, REMOTE):  # the process that played it is gone, and the music with it
            return NotFound("Whoever played this session is gone.", code="session_not_found")
        try:
            return await self._link.peek(session.id)
        except BacklineError as error:
            if not isinstance(error, NotFound):
                get_logger().warning("jam.worker_unknown", session=session.id, code=error.code)
            return error

    def _used_up(self, session: JamSession, within_seconds: float) -> bool:
        left = seconds_of(session.left_micro, self._price.micro_per_unit)
        return session.state == "active" and left is not None and left <= within_seconds

    async def _end(self, session: JamSession) -> None:
        """The music stops at the next bar line, what is made can still be fetched, and with the last of the credit the
        session closes - unless there is more by then."""
        await guarded("jam_stop", lambda: self._link.stop(session.id))
        left = seconds_of(session.left_micro, self._price.micro_per_unit) or 0.0
        await asyncio.sleep(left)
        await guarded("jam_end", lambda: self._end_if_used_up(session))

    async def _end_if_used_up(self, session: JamSession) -> None:
        now = await self.visit(session)
        if now is not None and self._used_up(now, 0.05):
            await self.close(now, "credits_exhausted")

    async def _leave(self) -> None:
        if self._worker != REMOTE:
            async with self._database.read() as tx:
                found = await repository.open_sessions(tx)
            played_here = [one for one in found if one.worker == self._worker]
            ends = (partial(self.close, one, "server_stopped") for one in played_here)
            await asyncio.gather(*(guarded("jam_leave", end) for end in ends))
        async with self._database.write() as tx:
            await repository.let_go(tx, self._me)

    def _begin(self, tasks: dict[str, asyncio.Task[None]], key: str, work: Coroutine[Any, Any, None]) -> None:
        task = tasks[key] = asyncio.create_task(work)
        task.add_done_callback(lambda _task: tasks.pop(key))


def _lease_of(session: JamSession, seconds: float) -> Lease:
    return Lease(session.id, 0, seconds, session.held_until)
