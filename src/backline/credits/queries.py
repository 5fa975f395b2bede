"""What the ledger can be asked. Nothing here changes anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import and_, func, or_, select

from backline.credits.models import (
    credit_accounts,
    credit_entries,
    credit_grants,
    credit_holds,
    credit_transactions,
)
from backline.db.database import Tx

_accounts, _transactions, _entries = credit_accounts.c, credit_transactions.c, credit_entries.c
_holds, _grants = credit_holds.c, credit_grants.c


@dataclass(frozen=True, slots=True)
class Balance:
    """In micro-credits. posted: what the account has; a hold does not lower it. held: set aside for running work."""

    posted: int
    held: int

    @property
    def available(self) -> int:
        return self.posted - self.held


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry of an account. amount: in micro-credits, below 0 for what was used."""

    id: int
    kind: str
    amount: int
    product: str | None
    reference: str | None
    created_at: datetime


async def balance(tx: Tx, account_id: str) -> Balance:
    """Of an account that has had no movement yet, too: zero."""
    query = select(_accounts.posted, _accounts.held).where(_accounts.id == account_id)
    row = (await tx.execute(query)).first()
    return Balance(0, 0) if row is None else Balance(row.posted, row.held)


async def history(tx: Tx, account_id: str, *, before: int | None, limit: int) -> list[Movement]:
    """The newest first. before: the id of the last one that was seen."""
    query = (
        select(
            _entries.id,
            _transactions.kind,
            _entries.amount,
            _transactions.product,
            _transactions.reference,
            _transactions.created_at,
        )
        .join(credit_transactions, _transactions.id == _entries.transaction_id)
        .where(_entries.account_id == account_id)
        .order_by(_entries.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(_entries.id < before)
    return [Movement(**row) for row in (await tx.execute(query)).mappings()]


async def usage(tx: Tx, account_id: str, *, today: date, days: int) -> dict[date, dict[str, int]]:
    """Micro-credits used, by day (UTC) and product; every day of the last `days` is there."""
    first = today - timedelta(days=days - 1)
    query = (
        select(_transactions.day, _transactions.product, func.sum(-_entries.amount))
        .join(credit_transactions, _transactions.id == _entries.transaction_id)
        .where(
            _entries.account_id == account_id,
            _transactions.kind.in_(("charge", "refund")),
            _transactions.day >= first.isoformat(),
        )
        .group_by(_transactions.day, _transactions.product)
    )
    used: dict[date, dict[str, int]] = {first + timedelta(days=day): {} for day in range(days)}
    for day, product, amount in (await tx.execute(query)).all():
        used.setdefault(date.fromisoformat(day), {})[product] = int(amount)
    return used


async def verify(tx: Tx) -> list[str]:
    """Proves that the guards agree with the entries; each finding is a sentence. Empty is right."""
    findings = [f"transaction {one}: its entries do not cancel out" for one in await _unbalanced(tx)]
    posted = await _sums(tx, select(_entries.account_id, func.sum(_entries.amount)).group_by(_entries.account_id))
    if total := sum(posted.values()):
        findings.append(f"all entries together are {total} micro-credits, not 0")
    is_open = _holds.state == "open"
    held = await _sums(
        tx,
        select(_holds.account_id, func.sum(_holds.amount - _holds.captured)).where(is_open).group_by(_holds.account_id),
    )
    expiring = await _sums(tx, select(_grants.account_id, func.sum(_grants.remaining)).group_by(_grants.account_id))
    accounts = (await tx.execute(select(credit_accounts))).mappings().all()
    for row in accounts:
        for name, truth in (("posted", posted), ("held", held), ("expiring", expiring)):
            if row[name] != truth[row["id"]]:
                findings.append(f"account {row['id']}: {name} is {row[name]}, its rows say {truth[row['id']]}")
    known = {row["id"] for row in accounts}
    findings += [
        f"account {one} has entries and no row" for one in sorted(posted) if one not in known and ":" not in one
    ]
    return findings + await _wrong_holds(tx)


async def expired_holds(tx: Tx, now: datetime, limit: int) -> list[str]:
    """References of holds that nobody ticks any more."""
    query = select(_holds.reference).where(_holds.state == "open", _holds.expires_at <= now).limit(limit)
    return list((await tx.execute(query)).scalars())


async def open_holds(tx: Tx, references: Collection[str]) -> set[str]:
    """Those of the references whose hold is open."""
    query = select(_holds.reference).where(_holds.reference.in_(references), _holds.state == "open")
    return set((await tx.execute(query)).scalars())


async def accounts_with_expired_grants(tx: Tx, now: datetime, limit: int) -> list[str]:
    """Those of which something can be taken back now."""
    query = (
        select(_grants.account_id)
        .join(credit_accounts, _accounts.id == _grants.account_id)
        .where(_grants.remaining > 0, _grants.expires_at <= now, _accounts.posted > _accounts.held)
        .distinct()
        .limit(limit)
    )
    return list((await tx.execute(query)).scalars())


async def _unbalanced(tx: Tx) -> list[str]:
    query = (
        select(_transactions.id)
        .outerjoin(credit_entries, _entries.transaction_id == _transactions.id)
        .group_by(_transactions.id)
        .having(or_(func.count(_entries.id) != 2, func.coalesce(func.sum(_entries.amount), 1) != 0))
    )
    return list((await tx.execute(query)).scalars())


async def _wrong_holds(tx: Tx) -> list[str]:
    """Each hold's charges, less what was given back, are what its row says."""
    per_reference = (
        select(_transactions.reference, func.sum(-_entries.amount).label("net"))
        .join(credit_entries, _entries.transaction_id == _transactions.id)
        .where(_transactions.kind.in_(("charge", "refund")), _entries.account_id.not_like("system:%"))
        .group_by(_transactions.reference)
        .subquery()
    )
    query = (
        select(_holds.reference)
        .outerjoin(per_reference, per_reference.c.reference == _holds.reference)
        .where(
            or_(
                func.coalesce(per_reference.c.net, 0) != _holds.captured - _holds.refunded,
                and_(_holds.state != "open", _holds.amount != _holds.captured),
            )
        )
    )
    return [f"hold {one}: its charges are not what its row says" for one in (await tx.execute(query)).scalars()]


async def _sums(tx: Tx, query: object) -> defaultdict[str, int]:
    rows = (await tx.execute(query)).all()  # type: ignore[call-overload]
    return defaultdict(int, {account: int(amount) for account, amount in rows})
