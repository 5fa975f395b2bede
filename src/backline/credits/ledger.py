"""The ledger: double entry, append-only, in whole micro-credits.

Running work has a *hold*: credit that nobody else can spend. It is charged by the total used so far, never by a
delta, so that a report that is lost, repeated or late changes nothing. Every verb takes the caller's transaction, so
that money and what it pays for change together; every movement has an idempotency key.

    open ──tick──tick──┬── settle   the total is charged, the rest goes back
                       └── release  nothing is charged; what ticks had charged goes back too

One order of locks everywhere, so that nothing can wait in a circle: the account's row, then the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import RowMapping, and_, select, update

from backline.clock import Clock, utc_now
from backline.credits.book import Book, set_account
from backline.credits.expiring import GRANTS, ExpiringGrants
from backline.credits.models import credit_accounts, credit_holds
from backline.credits.pricing import Price, as_seconds
from backline.db.database import Tx
from backline.db.statements import insert_if_absent
from backline.errors import Conflict, Invalid, NotFound, PaymentRequired
from backline.ids import new_id

REVENUE = "system:revenue"
ADJUSTMENTS = "system:adjustments"

MAX_AMOUNT = 10**15
"""Of one movement, in micro-credits: a billion credits, far below what a column holds."""

State = Literal["open", "settled", "released"]


@dataclass(frozen=True, slots=True)
class Hold:
    """Credit set aside for running work; amounts in micro-credits, last_total in millionths of the price's unit.

    amount: what may be charged in all. captured: what has been charged. unbilled: what was used beyond the amount, at
    the end: our loss.
    """

    reference: str
    account_id: str
    price: Price
    opened_with: int
    amount: int
    captured: int
    last_total: int
    refunded: int
    unbilled: int
    state: State
    expires_at: datetime

    @property
    def reach(self) -> int | None:
        """The largest total that the hold pays for; None when the work costs nothing."""
        return self.price.reach(self.amount)


class Ledger:
    """hold_seconds: how long a hold lives without a tick, before a sweep may close it."""

    def __init__(self, *, hold_seconds: float = 60.0, top_up_url: str | None = None, clock: Clock = utc_now) -> None:
        self._life = timedelta(seconds=hold_seconds)
        self._top_up_url = top_up_url
        self._clock = clock
        self._book = Book(clock)
        self._grants = ExpiringGrants(self._book, clock)

    async def grant(
        self,
        tx: Tx,
        account_id: str,
        amount: int,
        *,
        idempotency_key: str,
        actor: str,
        expires_at: datetime | None = None,
        priority: int = 0,
    ) -> None:
        """Give credit. idempotency_key: the payment provider's event, for one; the same again changes nothing.

        expires_at: what is left then is taken back; of several, the soonest is used first, then the lowest priority.
        Raises Conflict when the key was used for something else.
        """
        _check_amount(amount)
        account = await self._book.lock(tx, account_id)
        asked = ("grant", account_id, amount, expires_at, priority)
        if not await self._book.move(tx, account_id, GRANTS, amount, "grant", idempotency_key, asked, actor=actor):
            return
        account = await set_account(tx, account, posted=account["posted"] + amount)
        if expires_at is not None:
            await self._grants.add(tx, account, amount, idempotency_key, expires_at, priority)

    async def open(self, tx: Tx, account_id: str, *, reference: str, price: Price, estimate: int) -> Hold:
        """Set aside what an estimated total costs. estimate: in millionths of the price's unit.

        The same reference again gives the same hold, whatever became of it. Raises PaymentRequired when less is
        available, and Conflict when the reference was used for something else.
        """
        amount = price.cost(estimate)
        account = await self._book.lock(tx, account_id)
        existing = await self.find(tx, reference)
        if existing is not None:
            if (existing.account_id, existing.price, existing.opened_with) != (account_id, price, amount):
                raise _reference_reused()
            return existing
        account = await self._grants.expire(tx, account)
        available = account["posted"] - account["held"]
        if amount > available:
            raise self._too_little(amount, available)
        now = self._clock()
        hold = Hold(reference, account_id, price, amount, amount, 0, 0, 0, 0, "open", now + self._life)
        row = {
            "id": new_id("hold"),
            "account_id": account_id,
            "reference": reference,
            "product": price.product,
            "unit": price.unit,
            "micro_per_unit": price.micro_per_unit,
            "opened_with": amount,
            "amount": amount,
            "captured": 0,
            "last_total": 0,
            "refunded": 0,
            "unbilled": 0,
            "state": "open",
            "expires_at": hold.expires_at,
            "created_at": now,
        }
        if not await insert_if_absent(tx, credit_holds, row):  # another account's, a moment ago
            raise _reference_reused()
        if amount:
            await set_account(tx, account, held=account["held"] + amount)
        return hold

    async def tick(self, tx: Tx, reference: str, total: int, *, ahead: int = 0) -> Hold:
        """Charge the total used so far, let the hold live on, and make it reach `ahead` further where credit is left.

        total, ahead: in millionths of the price's unit. A closed hold stays as it is. What the hold that comes back
        reaches is all that may be delivered before the next tick.
        """
        account, hold = await self._locked_hold(tx, reference)
        if hold.state != "open":
            return hold
        account = await self._grants.expire(tx, account)
        account, hold = await self._charge(tx, account, hold, total)
        more = hold.price.cost(hold.last_total + ahead) - hold.amount
        more = max(0, min(more, account["posted"] - account["held"]))
        if more:
            account = await set_account(tx, account, held=account["held"] + more)
        return await self._save(tx, replace(hold, amount=hold.amount + more, expires_at=self._clock() + self._life))

    async def settle(self, tx: Tx, reference: str, total: int) -> Hold:
        """Charge the final total and give the rest back. A total of 0 is a release. Once closed, it stays so."""
        account, hold = await self._locked_hold(tx, reference)
        if hold.state != "open":
            return hold
        account, hold = await self._charge(tx, account, hold, total)
        unbilled = max(0, hold.price.cost(hold.last_total) - hold.amount)
        state: State = "settled" if hold.last_total else "released"
        return await self._close(tx, account, replace(hold, unbilled=unbilled, state=state))

    async def release(self, tx: Tx, reference: str) -> Hold:
        """Charge nothing: the rest goes back, and what ticks have charged is refunded. Once closed, it stays so."""
        account, hold = await self._locked_hold(tx, reference)
        if hold.state != "open":
            return hold
        if hold.captured:
            account, hold = await self._refund(tx, account, hold, hold.captured, f"{reference}:release", "system")
        return await self._close(tx, account, replace(hold, state="released"))

    async def refund(self, tx: Tx, reference: str, amount: int, *, idempotency_key: str, actor: str) -> Hold:
        """Give back part of what a closed hold has charged. Raises Conflict for more than that, or an open hold."""
        _check_amount(amount)
        account, hold = await self._locked_hold(tx, reference)
        if hold.state == "open":
            raise Conflict("Settle or release this hold first.", code="hold_open")
        if await self._book.is_repeat(tx, idempotency_key, ("refund", reference, amount)):
            return hold
        if amount > hold.captured - hold.refunded:
            raise Conflict("More cannot be given back than was charged.", code="refund_too_large")
        _, hold = await self._refund(tx, account, hold, amount, idempotency_key, actor)
        return await self._save(tx, hold)

    async def adjust(self, tx: Tx, account_id: str, amount: int, *, idempotency_key: str, actor: str) -> None:
        """Correct a balance by hand, up or down. Raises PaymentRequired when that much is not there to be taken."""
        _check_amount(abs(amount))
        account = await self._book.lock(tx, account_id)
        asked = ("adjust", account_id, amount)
        if await self._book.is_repeat(tx, idempotency_key, asked):
            return
        account = await self._grants.expire(tx, account)
        available = account["posted"] - account["held"]
        if -amount > available:
            raise self._too_little(-amount, available)
        await self._book.move(tx, account_id, ADJUSTMENTS, amount, "adjust", idempotency_key, asked, actor=actor)
        if amount < 0:
            account = await self._grants.draw(tx, account, -amount)
        await set_account(tx, account, posted=account["posted"] + amount)

    async def close_expired(self, tx: Tx, reference: str) -> Hold:
        """Settle a hold that nobody ticks any more, at the last total that was. A living one stays as it is."""
        _, hold = await self._locked_hold(tx, reference)
        if hold.state != "open" or hold.expires_at > self._clock():
            return hold
        return await self.settle(tx, reference, hold.last_total)

    async def expire_grants(self, tx: Tx, account_id: str) -> None:
        """Take back what is left of grants whose time is over, as far as no hold has set it aside."""
        await self._grants.expire(tx, await self._book.lock(tx, account_id))

    async def find(self, tx: Tx, reference: str) -> Hold | None:
        row = (await tx.execute(select(credit_holds).where(credit_holds.c.reference == reference))).mappings().first()
        return None if row is None else _hold_of(row)

    async def _charge(self, tx: Tx, account: RowMapping, hold: Hold, total: int) -> tuple[RowMapping, Hold]:
        """What a total costs beyond what was charged; a total that is behind the last one changes nothing."""
        total = max(total, hold.last_total)
        due = min(hold.price.cost(total), hold.amount) - hold.captured
        if due > 0:
            captured = hold.captured + due
            key = f"{hold.reference}:{captured}"
            await self._book.move(
                tx,
                hold.account_id,
                REVENUE,
                -due,
                "charge",
                key,
                (key,),
                reference=hold.reference,
                product=hold.price.product,
            )
            account = await self._grants.draw(tx, account, due)
            account = await set_account(tx, account, posted=account["posted"] - due, held=account["held"] - due)
            hold = replace(hold, captured=captured)
        return account, replace(hold, last_total=total)

    async def _refund(
        self, tx: Tx, account: RowMapping, hold: Hold, amount: int, key: str, actor: str
    ) -> tuple[RowMapping, Hold]:
        asked = ("refund", hold.reference, amount)
        await self._book.move(
            tx,
            hold.account_id,
            REVENUE,
            amount,
            "refund",
            key,
            asked,
            actor=actor,
            reference=hold.reference,
            product=hold.price.product,
        )
        account = await set_account(tx, account, posted=account["posted"] + amount)
        return account, replace(hold, refunded=hold.refunded + amount)

    async def _close(self, tx: Tx, account: RowMapping, hold: Hold) -> Hold:
        rest = hold.amount - hold.captured
        if rest:
            await set_account(tx, account, held=account["held"] - rest)
        return await self._save(tx, replace(hold, amount=hold.captured), closed_at=self._clock())

    async def _save(self, tx: Tx, hold: Hold, closed_at: datetime | None = None) -> Hold:
        """The one place where a hold changes: only an open one does, but for what is given back afterwards."""
        still = credit_holds.c.state == "open" if closed_at or hold.state == "open" else credit_holds.c.state != "open"
        changed = {
            "amount": hold.amount,
            "captured": hold.captured,
            "last_total": hold.last_total,
            "refunded": hold.refunded,
            "unbilled": hold.unbilled,
            "state": hold.state,
            "expires_at": hold.expires_at,
        } | ({"closed_at": closed_at} if closed_at else {})
        where = and_(credit_holds.c.reference == hold.reference, still)
        result = await tx.execute(update(credit_holds).where(where).values(**changed))
        assert result.rowcount == 1, "a hold changed under its account's lock"
        return hold

    async def _locked_hold(self, tx: Tx, reference: str) -> tuple[RowMapping, Hold]:
        owner = select(credit_holds.c.account_id).where(credit_holds.c.reference == reference).scalar_subquery()
        query = select(credit_accounts).where(credit_accounts.c.id == owner).with_for_update()
        account = (await tx.execute(query)).mappings().first()
        hold = await self.find(tx, reference)
        if account is None or hold is None:
            raise NotFound("There is no such hold.", code="hold_not_found")
        return account, hold

    def _too_little(self, required: int, available: int) -> PaymentRequired:
        return PaymentRequired(
            f"This needs {as_seconds(required)} seconds of credit; {as_seconds(max(0, available))} are available.",
            code="insufficient_credits",
            more={
                "required": as_seconds(required),
                "available": as_seconds(max(0, available)),
                "top_up": self._top_up_url,
            },
        )


def _hold_of(row: RowMapping) -> Hold:
    names = ("opened_with", "amount", "captured", "last_total", "refunded", "unbilled", "state", "expires_at")
    price = Price(row["product"], row["unit"], row["micro_per_unit"])
    return Hold(row["reference"], row["account_id"], price, **{name: row[name] for name in names})


def _reference_reused() -> Conflict:
    return Conflict("This reference was used for another hold.", code="idempotency_key_reused")


def _check_amount(amount: int) -> None:
    if not 0 < amount <= MAX_AMOUNT:
        raise Invalid("The amount must be more than 0, and at most a billion credits.", code="bad_amount")
