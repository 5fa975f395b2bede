"""The one place where a session's state and its money change: by what its worker says, in one transaction.

    warming ──┬── active ──── closed    what was played is charged, by the worker's own clock
              └── closed                nothing is charged

Totals only grow, and a closed session stays as it is: whoever calls this twice, or late, changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from backline.clock import Clock, utc_now
from backline.credits.hold import Hold
from backline.credits.ledger import Ledger
from backline.credits.queries import balance
from backline.db.database import Tx
from backline.engines.jam.orders import JamStatus
from backline.errors import BacklineError, NotFound
from backline.jam import repository
from backline.jam.session import JamSession, warning_of
from backline.observability.logging import get_logger

Seen = JamStatus | BacklineError
"""What a worker told; NotFound: it does not know the session; any other error: it cannot be asked now."""

AHEAD = 15_000_000
"""How far the hold reaches past what was used, in millionths of a second: three visits of the
meter at its usual pace."""

_SLACK = 1_000_000
_HOUR = 3_600_000_000


class Advance:
    """unreachable_visits: after so many visits in a row without an answer a session is ended."""

    def __init__(self, ledger: Ledger, unreachable_visits: int, clock: Clock = utc_now) -> None:
        self._ledger = ledger
        self._unreachable_visits = unreachable_visits
        self._clock = clock

    async def __call__(
        self, tx: Tx, session_id: str, seen: Seen, closing: str | None = None, visits: int = 1
    ) -> JamSession | None:
        """The session as it is afterwards; None for an unknown one.

        closing: the reason why it is to end now, whatever the worker says; its last word is still believed.
        visits: how many there would have been in the time for which one waited in vain.
        """
        session = await repository.lock(tx, session_id)
        if session is None or session.state == "closed":
            return session
        if isinstance(seen, BacklineError):
            return await self._without_answer(tx, session, seen, closing, visits)
        total = max(session.total, min(round((seen.billable_elapsed_seconds or 0.0) * 1_000_000), self._most(session)))
        told = replace(session, misses=0, billable_start=session.billable_start or _moment(seen.billable_start_ts))
        if closing or seen.billing_state == "closed":
            return await self._close(tx, told, total, closing or seen.close_reason or "closed")
        if seen.warmed and told.state == "warming":
            told = replace(told, state="active")
            get_logger().info("jam.active", session=session.id, engine=seen.tag)
        return await self._tick(tx, told, total)

    def _most(self, session: JamSession) -> int:
        """What a session can have used since it was made: whatever a worker says, nobody pays for more. Where our clock
        was set back behind what is billed already, it can say little."""
        lived = round((self._clock() - session.created).total_seconds() * 1_000_000)
        return lived + _SLACK if lived >= session.total else session.total + _HOUR

    async def _without_answer(
        self, tx: Tx, session: JamSession, error: BacklineError, closing: str | None, visits: int
    ) -> JamSession:
        """Unknown is not dead, unless it stays unknown for too long. What was told last is what is charged."""
        if isinstance(error, NotFound):
            return await self._close(tx, session, session.total, closing or "worker_lost")
        missed = replace(session, misses=session.misses + visits)
        if closing or missed.misses >= self._unreachable_visits:
            return await self._close(tx, missed, session.total, closing or "worker_unreachable")
        return await self._tick(tx, missed, session.total)

    async def _tick(self, tx: Tx, session: JamSession, total: int) -> JamSession:
        if session.hold is None:
            return await _keep(tx, replace(session, total=total))
        ahead = AHEAD if session.state == "active" else 0
        hold = await self._ledger.tick(tx, session.hold, total, ahead=ahead)
        if hold.state != "open":  # nobody ticked it for a minute, and a sweep has settled it
            return await self._close(tx, session, hold.last_total, "hold_expired")
        left = await left_of(tx, hold)
        _say_warning(session, left, hold)
        return await _keep(tx, replace(session, total=total, left_micro=left, charged_micro=hold.captured))

    async def _close(self, tx: Tx, session: JamSession, total: int, reason: str) -> JamSession:
        now, charged, left = self._clock(), 0, None
        if session.state == "warming":  # nobody has played on it
            total = 0
        if session.hold is not None:
            await self._ledger.tick(tx, session.hold, total)  # it may not reach so far yet
            hold = await self._ledger.settle(tx, session.hold, total)
            charged, left = hold.captured - hold.refunded, (await balance(tx, hold.account_id)).available
            total = min(total, hold.last_total)
        started = session.billable_start
        get_logger().info("jam.closed", session=session.id, reason=reason, seconds=total / 1_000_000)
        return await _keep(
            tx,
            replace(
                session,
                state="closed",
                total=total,
                charged_micro=charged,
                left_micro=left,
                billable_end=started and started + timedelta(microseconds=total),
                closed=now,
                close_reason=reason[:32],
                holder=None,
                held_until=None,
            ),
        )


async def left_of(tx: Tx, hold: Hold) -> int:
    """Micro-credits that the session can still use: its hold's rest, and what nothing else has set aside."""
    return (await balance(tx, hold.account_id)).available + hold.amount - hold.captured


def seconds_of(left_micro: int | None, micro_per_unit: int) -> float | None:
    """How long that lasts; None where nothing is billed."""
    return None if left_micro is None or not micro_per_unit else left_micro / micro_per_unit


def _say_warning(session: JamSession, left: int, hold: Hold) -> None:
    before = warning_of(seconds_of(session.left_micro, hold.price.micro_per_unit))
    now = warning_of(seconds_of(left, hold.price.micro_per_unit))
    if now is not None and now != before:
        get_logger().info("jam.credits_low", session=session.id, seconds_left=now)


_CHANGING = (
    "state total left_micro charged_micro misses holder held_until billable_start billable_end closed close_reason"
).split()


async def _keep(tx: Tx, session: JamSession) -> JamSession:
    values: dict[str, Any] = {name: getattr(session, name) for name in _CHANGING}
    await repository.change(tx, session.id, **values)
    return session


def _moment(ts: float | None) -> datetime | None:
    return None if ts is None else datetime.fromtimestamp(ts, tz=UTC)
