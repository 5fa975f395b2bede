"""Live sessions as their owners use them: warmed up, played, kept alive, closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from backline.accounts.principal import Principal
from backline.clock import Clock, monotonic, utc_now
from backline.compute.base import JamLink
from backline.credits.ledger import Ledger
from backline.credits.pricing import Price
from backline.db.database import Database
from backline.engines.jam.orders import ChunkFormat, JamChange, JamChunk, JamOptions, JamStatus
from backline.errors import BacklineError, Conflict, NotFound, PaymentRequired, Unavailable
from backline.ids import new_id
from backline.jam import figures, repository
from backline.jam.advance import left_of, seconds_of
from backline.jam.meter import JamMeter
from backline.jam.session import REMOTE, JamSession
from backline.observability.logging import get_logger
from backline.observability.metrics import Metrics

T = TypeVar("T")

MINIMUM = 60_000_000
"""What must be there, and is set aside, before a session warms up; in millionths of a second."""

_WARMING_SECONDS = 660.0
"""How long the hold of a session lives while it warms up: a worker gives up after ten minutes."""


@dataclass(frozen=True, slots=True)
class JamView:
    """A session as it stands. status: what its worker says; None when it is closed, or cannot be asked now.
    left_seconds: how long the credit lasts; None where nothing is billed."""

    session: JamSession
    status: JamStatus | None
    left_seconds: float | None

    @property
    def elapsed_seconds(self) -> float | None:
        """What is billed for so far; None while it warms up."""
        if self.session.state == "warming":
            return None
        told = None if self.status is None else self.status.billable_elapsed_seconds
        return max(self.session.total / 1_000_000, told or 0.0)


class Jam:
    def __init__(
        self,
        database: Database,
        link: JamLink,
        ledger: Ledger,
        price: Price,
        meter: JamMeter,
        metrics: Metrics,
        *,
        worker: str,
        me: str,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._link = link
        self._ledger = ledger
        self._price = price
        self._meter = meter
        self._metrics = metrics
        self._worker = worker
        self._me = me
        self._clock = clock

    async def warm_up(self, caller: Principal) -> JamView:
        """A new session, warm or still warming. Raises PaymentRequired below a minute of credit, and what its worker
        says; then there is no session, and nothing is charged."""
        session_id = new_id("jam")
        with self._meter.warming(session_id):
            return await self._warm_up(caller, session_id)

    async def _warm_up(self, caller: Principal, session_id: str) -> JamView:
        session = await self._make(caller, session_id)
        try:
            status = await self._link.warm_up(session_id)
        except BacklineError as error:
            get_logger().warning("jam.warm_up_failed", session=session.id, code=error.code)
            await self._meter.close(session, "warm_up_failed")
            raise
        now = await self._meter.write_down(session, status) or session
        return JamView(now, status, self._left(now))

    async def status(self, caller: Principal, session_id: str, *, keepalive: bool = True) -> JamView:
        """How it stands, also when it is closed. keepalive: the owner asks, and is there."""
        session = await self._find(caller, session_id)
        if session.state == "closed" or not self._is_here(session):
            return JamView(session, None, self._left(session))
        ask = self._link.status if keepalive else self._link.peek
        try:
            status = await self._told(caller, session, ask(session_id))
        except (Unavailable, Conflict, PaymentRequired):  # it cannot be asked, or has ended by itself
            return await self.session(caller, session_id)
        if status.warmed != (session.state == "active"):
            session = await self._meter.visit(session) or session
        return JamView(session, status, await self._left_now(session, status))

    async def start(self, caller: Principal, session_id: str, loop: bytes, options: JamOptions) -> None:
        await self._do(caller, session_id, lambda: self._link.start(session_id, loop, options))

    async def next(
        self, caller: Principal, session_id: str, timeout_seconds: float, chunk_format: ChunkFormat, index: int | None
    ) -> JamChunk | None:
        begun = monotonic()
        chunk = await self._do(
            caller, session_id, lambda: self._link.next(session_id, timeout_seconds, chunk_format, index)
        )
        self._metrics.observe(figures.NEXT, monotonic() - begun, "late" if chunk is None else "chunk")
        return chunk

    async def consume(self, caller: Principal, session_id: str, index: int) -> None:
        await self._do(caller, session_id, lambda: self._link.consume(session_id, index))

    async def update(self, caller: Principal, session_id: str, change: JamChange) -> None:
        await self._do(caller, session_id, lambda: self._link.update(session_id, change))

    async def reseed(self, caller: Principal, session_id: str, loop: bytes | None) -> None:
        await self._do(caller, session_id, lambda: self._link.reseed(session_id, loop))

    async def reseed_splice(self, caller: Principal, session_id: str, loop: bytes | None, anchor_bars: float) -> None:
        await self._do(caller, session_id, lambda: self._link.reseed_splice(session_id, loop, anchor_bars))

    async def stop(self, caller: Principal, session_id: str) -> None:
        await self._do(caller, session_id, lambda: self._link.stop(session_id))

    async def close(self, caller: Principal, session_id: str, reason: str = "manual_close") -> JamSession:
        """Settled exactly, by the worker's clock. Again: the same answer."""
        session = await self._find(caller, session_id)
        if session.state == "closed":
            return session
        self._check_here(session)
        return await self._meter.close(session, reason) or session

    async def session(self, caller: Principal, session_id: str) -> JamView:
        """As the account knows it, without asking the worker. Raises NotFound."""
        session = await self._find(caller, session_id)
        return JamView(session, None, self._left(session))

    async def _make(self, caller: Principal, session_id: str) -> JamSession:
        now = self._clock()
        async with self._database.write() as tx:
            hold, left = None, None
            if caller.billed and self._price.micro_per_unit:
                hold = f"jam:{session_id}"
                opened = await self._ledger.open(
                    tx,
                    caller.id,
                    reference=hold,
                    price=self._price,
                    estimate=MINIMUM,
                    expires_seconds=_WARMING_SECONDS,
                )
                left = await left_of(tx, opened)
            session = JamSession(
                id=session_id,
                owner=caller.id,
                state="warming",
                worker=self._worker,
                hold=hold,
                total=0,
                left_micro=left,
                charged_micro=0,
                misses=0,
                holder=self._me,
                held_until=now + timedelta(seconds=self._meter.lease_seconds),
                created=now,
                billable_start=None,
                billable_end=None,
                closed=None,
                close_reason=None,
            )
            await repository.add(tx, session)
        return session

    async def _find(self, caller: Principal, session_id: str) -> JamSession:
        async with self._database.read() as tx:
            session = await repository.find(tx, caller.id, session_id)
        if session is None:
            raise NotFound("There is no such session.", code="session_not_found")
        return session

    async def _do(self, caller: Principal, session_id: str, call: Callable[[], Awaitable[T]]) -> T:
        session = await self._find(caller, session_id)
        if session.state == "closed":
            raise _closed(session)
        self._check_here(session)
        return await self._told(caller, session, call())

    async def _told(self, caller: Principal, session: JamSession, answer: Awaitable[T]) -> T:
        """What the worker says; that a session is over there is written down here at once."""
        try:
            return await answer
        except (NotFound, Conflict) as error:
            if error.code not in ("session_not_found", "session_closed"):
                raise
            await self._meter.visit(session)
            raise _closed(await self._find(caller, session.id)) from None

    def _is_here(self, session: JamSession) -> bool:
        return session.worker in (self._worker, REMOTE)

    def _check_here(self, session: JamSession) -> None:
        if not self._is_here(session):
            raise Unavailable(
                "Another server plays this session. Ask that one, or let all of them use one worker.",
                code="session_elsewhere",
                retryable=False,
            )

    def _left(self, session: JamSession) -> float | None:
        return seconds_of(session.left_micro, self._price.micro_per_unit)

    async def _left_now(self, session: JamSession, status: JamStatus) -> float | None:
        """Counting what was used since it was last written down."""
        async with self._database.read() as tx:
            hold = None if session.hold is None else await self._ledger.find(tx, session.hold)
            left = None if hold is None or hold.state != "open" else await left_of(tx, hold)
        if hold is None or left is None:
            return self._left(session)
        unwritten = max(0, round((status.billable_elapsed_seconds or 0.0) * 1_000_000) - hold.last_total)
        return seconds_of(max(0, left - self._price.cost(unwritten)), self._price.micro_per_unit)


def _closed(session: JamSession) -> BacklineError:
    if session.close_reason == "credits_exhausted":
        return PaymentRequired("The credit was used up, and the session is closed.", code="credits_exhausted")
    return Conflict(
        "This session is closed. Warm up another one.",
        code="session_closed",
        more={"close_reason": session.close_reason},
    )
