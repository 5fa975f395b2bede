"""The ledger: double entry, append-only, in whole micro-credits.

Running work has a *hold*: credit that nobody else can spend. It is charged by the total used so far, never by a
delta, so that a report that is lost, repeated or late changes nothing. Every verb takes the caller's transaction, so
that money and what it pays for change together; every movement has an idempotency key.

    open ──tick──tick──┬── settle   the total is charged, the rest goes back
                       └── release  nothing is charged; what ticks had charged goes back too

One order of locks everywhere, so that nothing can wait in a circle: the account's row, then the rest; of several
accounts, by their ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, select, update

from backline.clock import Clock, utc_now
from backline.credits.book import Account, Book, Movement, account_of, set_account, set_accounts
from backline.credits.expiring import GRANTS, ExpiringGrants
from backline.credits.hold import CHANGING, Hold, State, changing, hold_of, new_row
from backline.credits.models import credit_accounts, credit_holds
from backline.credits.pricing import Price, as_seconds
from backline.db.database import Tx
from backline.db.statements import insert_if_absent
from backline.errors import Conflict, Invalid, NotFound, PaymentRequired

REVENUE = "system:revenue"
ADJUSTMENTS = "system:adjustments"

MAX_AMOUNT = 10**15
"""Of one movement, in micro-credits: a billion credits, far below what a column holds."""

_columns = credit_holds.c
_IT = _columns.reference == bindparam("its_reference")
_FIND = select(credit_holds).where(_IT)
_LOCK_OWNER = (
    select(credit_accounts)
    .where(credit_accounts.c.id == select(_columns.account_id).where(_IT).scalar_subquery())
    .with_for_update()
)
_CHANGED: dict[str, Any] = {name: bindparam(name) for name in CHANGING}
_CHANGE = update(credit_holds).where(and_(_IT, _columns.state == "open")).values(_CHANGED)
_CLOSE = _CHANGE.values(closed_at=bindparam("closed_at"))
_GIVE_BACK = update(credit_holds).where(and_(_IT, _columns.state != "open")).values(refunded=bindparam("refunded"))

_LOCK_BROKEN = "a hold changed under its account's lock"


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
        ends = expires_at and expires_at.astimezone(UTC)
        asked = ("grant", account_id, amount, ends, priority)
        movement = Movement(account_id, GRANTS, amount, "grant", idempotency_key, asked, actor)
        if not await self._book.move(tx, movement):
            return
        account = await set_account(tx, account, posted=account["posted"] + amount)
        if ends is not None:
            await self._grants.add(tx, account, amount, idempotency_key, ends, priority)

    async def open(
        self,
        tx: Tx,
        account_id: str,
        *,
        reference: str,
        price: Price,
        estimate: int,
        expires_seconds: float | None = None,
    ) -> Hold:
        """Set aside what an estimated total costs. estimate: in millionths of the price's unit. expires_seconds: how
        long it lives at least, for work that is not ticked, such as a job; None: as long as after a tick.

        The same reference again gives the same hold, whatever became of it. Raises PaymentRequired when less is
        available, and Conflict when the reference was used for something else.
        """
        if estimate < 0:
            raise Invalid("An estimate cannot be below 0.", code="bad_amount")
        amount, now = price.cost(estimate), self._clock()
        account = await self._grants.expire(tx, await self._book.lock(tx, account_id))
        available = account["posted"] - account["held"]
        ends = now + (self._life if expires_seconds is None else timedelta(seconds=expires_seconds))
        hold = Hold(reference, account_id, price, amount, amount, 0, 0, 0, 0, "open", ends)
        if amount > available or not await insert_if_absent(tx, credit_holds, new_row(hold, now)):
            existing = await self.find(tx, reference)
            if existing is None:
                raise self._too_little(amount, available)
            if (existing.account_id, existing.price, existing.opened_with) != (account_id, price, amount):
                raise Conflict("This reference was used for another hold.", code="idempotency_key_reused")
            return existing
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
        charged = hold.charged(total)
        due = charged.captured - hold.captured
        available = account["posted"] - account["held"]
        more = max(0, min(hold.price.cost(charged.last_total + ahead) - hold.amount, available))
        account = await self._take(tx, account, charged, due)
        if due or more:
            await set_account(tx, account, posted=account["posted"] - due, held=account["held"] + more - due)
        ticked = replace(charged, amount=hold.amount + more, expires_at=self._renewed(hold))
        await _change(tx, [ticked])
        return ticked

    async def tick_many(self, tx: Tx, totals: Mapping[str, int]) -> dict[str, Hold]:
        """`tick` for many holds, by reference, in about as many statements as for one. Unknown ones are left out."""
        here = credit_holds.c.reference.in_(list(totals))
        owners = select(credit_holds.c.account_id).where(here)
        columns = credit_accounts.c
        query = select(credit_accounts).where(columns.id.in_(owners)).order_by(columns.id).with_for_update()
        accounts = {row["id"]: account_of(row) for row in (await tx.execute(query)).mappings()}
        rows = (await tx.execute(select(credit_holds).where(here).order_by(credit_holds.c.reference))).mappings().all()
        holds = {row["reference"]: hold_of(row) for row in rows if row["account_id"] in accounts}  # others are too new
        living = [hold for hold in holds.values() if hold.state == "open"]
        plain = [hold for hold in living if not accounts[hold.account_id]["expiring"]]
        for hold in living:
            if accounts[hold.account_id]["expiring"]:  # which grant pays is a question for each
                holds[hold.reference] = await self.tick(tx, hold.reference, totals[hold.reference])
        return holds | await self._tick_plain(tx, accounts, plain, totals)

    async def _tick_plain(
        self, tx: Tx, accounts: Mapping[str, Account], holds: list[Hold], totals: Mapping[str, int]
    ) -> dict[str, Hold]:
        after = {hold.account_id: dict(accounts[hold.account_id]) for hold in holds}
        ticked, charges = {}, []
        for hold in holds:
            charged, account = hold.charged(totals[hold.reference]), after[hold.account_id]
            due = charged.captured - hold.captured
            more = max(0, min(hold.price.cost(charged.last_total) - hold.amount, account["posted"] - account["held"]))
            account["posted"] -= due
            account["held"] += more - due
            charges += [_charge_of(charged, due)] if due else []
            ticked[hold.reference] = replace(charged, amount=hold.amount + more, expires_at=self._renewed(hold))
        await self._book.move_all(tx, charges)
        moved = [name for name, account in after.items() if account != dict(accounts[name])]
        await set_accounts(tx, [accounts[name] for name in moved], [after[name] for name in moved])
        await _change(tx, ticked.values())
        return ticked

    async def settle(self, tx: Tx, reference: str, total: int) -> Hold:
        """Charge the final total and give the rest back. A total of 0 is a release. Once closed, it stays so."""
        account, hold = await self._locked_hold(tx, reference)
        if hold.state != "open":
            return hold
        charged = hold.charged(total)
        due, rest = charged.captured - hold.captured, hold.amount - charged.captured
        account = await self._take(tx, account, charged, due)
        if due or rest:
            await set_account(tx, account, posted=account["posted"] - due, held=account["held"] - due - rest)
        unbilled = max(0, hold.price.cost(charged.last_total) - hold.amount)
        state: State = "settled" if charged.last_total else "released"
        return await self._close(tx, replace(charged, unbilled=unbilled, state=state))

    async def release(self, tx: Tx, reference: str) -> Hold:
        """Charge nothing: the rest goes back, and what ticks have charged is refunded. Once closed, it stays so."""
        account, hold = await self._locked_hold(tx, reference)
        if hold.state != "open":
            return hold
        rest = hold.amount - hold.captured
        if rest:
            account = await set_account(tx, account, held=account["held"] - rest)
        if hold.captured:
            hold = await self._refund(tx, account, hold, hold.captured, f"{reference}:release", "system")
        return await self._close(tx, replace(hold, state="released"))

    async def refund(self, tx: Tx, reference: str, amount: int, *, idempotency_key: str, actor: str) -> Hold:
        """Give back part of what a closed hold has charged. Raises Conflict for more than that, or an open hold."""
        _check_amount(amount)
        account, hold = await self._locked_hold(tx, reference)
        if hold.state == "open":
            raise Conflict("Settle or release this hold first.", code="hold_open")
        if await self._book.is_repeat(tx, idempotency_key, _refund_asked(hold, amount)):
            return hold
        if amount > hold.captured - hold.refunded:
            raise Conflict("More cannot be given back than was charged.", code="refund_too_large")
        hold = await self._refund(tx, account, hold, amount, idempotency_key, actor)
        await tx.execute(_GIVE_BACK, {"its_reference": reference, "refunded": hold.refunded})
        return hold

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
        await self._book.move(tx, Movement(account_id, ADJUSTMENTS, amount, "adjust", idempotency_key, asked, actor))
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
        row = (await tx.execute(_FIND, {"its_reference": reference})).mappings().first()
        return None if row is None else hold_of(row)

    def _renewed(self, hold: Hold) -> datetime:
        return max(hold.expires_at, self._clock() + self._life)

    async def _take(self, tx: Tx, account: Account, charged: Hold, due: int) -> Account:
        """The entries of a charge, and the grants that pay for it. The balance is left to the caller."""
        if not due:
            return account
        await self._book.move_all(tx, [_charge_of(charged, due)])
        return await self._grants.draw(tx, account, due)

    async def _refund(self, tx: Tx, account: Account, hold: Hold, amount: int, key: str, actor: str) -> Hold:
        product, asked = hold.price.product, _refund_asked(hold, amount)
        await self._book.move(
            tx, Movement(hold.account_id, REVENUE, amount, "refund", key, asked, actor, hold.reference, product)
        )
        await set_account(tx, account, posted=account["posted"] + amount)
        return replace(hold, refunded=hold.refunded + amount)

    async def _close(self, tx: Tx, hold: Hold) -> Hold:
        closed = replace(hold, amount=hold.captured)
        changed = {"its_reference": hold.reference, "closed_at": self._clock(), **changing(closed)}
        result = await tx.execute(_CLOSE, changed)
        assert result.rowcount == 1, _LOCK_BROKEN
        return closed

    async def _locked_hold(self, tx: Tx, reference: str) -> tuple[Account, Hold]:
        account = (await tx.execute(_LOCK_OWNER, {"its_reference": reference})).mappings().first()
        hold = await self.find(tx, reference)
        if account is None or hold is None:
            raise NotFound("There is no such hold.", code="hold_not_found")
        return account_of(account), hold

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


async def _change(tx: Tx, holds: Iterable[Hold]) -> None:
    """Of open ones."""
    rows = [{"its_reference": hold.reference, **changing(hold)} for hold in holds]
    if rows:
        result = await tx.execute(_CHANGE, rows)
        assert result.rowcount == len(rows), _LOCK_BROKEN


def _charge_of(charged: Hold, due: int) -> Movement:
    """Its key is what has been charged with it: no total is charged twice."""
    key = f"{charged.reference}:{charged.captured}"
    reference, product = charged.reference, charged.price.product
    return Movement(charged.account_id, REVENUE, -due, "charge", key, (key,), reference=reference, product=product)


def _refund_asked(hold: Hold, amount: int) -> tuple[object, ...]:
    return ("refund", hold.reference, amount)


def _check_amount(amount: int) -> None:
    if not 0 < amount <= MAX_AMOUNT:
        raise Invalid("The amount must be more than 0, and at most a billion credits.", code="bad_amount")
