"""Entries, and the account rows that guard them. Nothing else writes either."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, and_, bindparam, insert, select, update

from backline.clock import Clock
from backline.credits.models import credit_accounts, credit_entries, credit_transactions
from backline.db.database import Tx
from backline.db.statements import insert_if_absent
from backline.errors import Conflict
from backline.ids import new_id

_GUARDED = ("posted", "held", "expiring")
_columns = credit_accounts.c

Account = Mapping[str, Any]
"""A row of `credit_accounts`, as it was read or written under its lock."""

_LOCK = select(credit_accounts).where(_columns.id == bindparam("its_id")).with_for_update()
_SET = (
    update(credit_accounts)
    .where(and_(_columns.id == bindparam("its_id"), *(_columns[name] == bindparam(f"was_{name}") for name in _GUARDED)))
    .values({name: bindparam(f"is_{name}") for name in _GUARDED})
)


@dataclass(frozen=True, slots=True)
class Movement:
    """An amount that an account gets from another, in micro-credits; below 0 it goes the other way.

    key: idempotency key. asked: what it stands for.
    """

    account_id: str
    other_id: str
    amount: int
    kind: str
    key: str
    asked: tuple[object, ...]
    actor: str = "system"
    reference: str | None = None
    product: str | None = None


class Book:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def lock(self, tx: Tx, account_id: str) -> Account:
        """The account's row; nobody else changes it before this transaction ends. Made when missing."""
        row = (await tx.execute(_LOCK, {"its_id": account_id})).mappings().first()
        if row is None:
            await insert_if_absent(tx, credit_accounts, {"id": account_id, "posted": 0, "held": 0, "expiring": 0})
            row = (await tx.execute(_LOCK, {"its_id": account_id})).mappings().one()
        return account_of(row)

    async def move(self, tx: Tx, movement: Movement) -> bool:
        """Two entries that cancel out; False when the key has done it before. The account's row is the caller's.

        Raises Conflict when the key stands for something else.
        """
        row = _transaction(movement, self._clock())
        if not await insert_if_absent(tx, credit_transactions, row):
            return not await self.is_repeat(tx, movement.key, movement.asked)
        await tx.execute(insert(credit_entries), _entries(movement, row))
        return True

    async def move_all(self, tx: Tx, movements: Sequence[Movement]) -> None:
        """As `move`, for keys that cannot have been used."""
        now = self._clock()
        rows = [_transaction(movement, now) for movement in movements]
        if rows:
            pairs = zip(movements, rows, strict=True)
            await tx.execute(insert(credit_transactions), rows)
            await tx.execute(insert(credit_entries), [entry for pair in pairs for entry in _entries(*pair)])

    async def is_repeat(self, tx: Tx, key: str, asked: tuple[object, ...]) -> bool:
        """Raises Conflict when the key stands for something else."""
        query = select(credit_transactions.c.fingerprint).where(credit_transactions.c.idempotency_key == key)
        known = (await tx.execute(query)).scalar()
        if known is not None and known != _fingerprint(asked):
            raise Conflict("This idempotency key was used for something else.", code="idempotency_key_reused")
        return known is not None


def account_of(row: RowMapping) -> Account:
    return {name: row[name] for name in ("id", *_GUARDED)}


async def set_account(tx: Tx, account: Account, **changed: int) -> Account:
    """The account as it is then."""
    after = {**account, **changed}
    await set_accounts(tx, [account], [after])
    return after


async def set_accounts(tx: Tx, before: Sequence[Account], after: Sequence[Account]) -> None:
    """The guard: each row must still be what was read, and its CHECKs must hold."""
    rows = [
        {"its_id": was["id"]} | {f"was_{name}": was[name] for name in _GUARDED} | {f"is_{n}": now[n] for n in _GUARDED}
        for was, now in zip(before, after, strict=True)
    ]
    if rows:
        result = await tx.execute(_SET, rows)
        assert result.rowcount == len(rows), "an account changed under its lock"


def _transaction(movement: Movement, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id("txn"),
        "idempotency_key": movement.key,
        "fingerprint": _fingerprint(movement.asked),
        "kind": movement.kind,
        "actor": movement.actor,
        "reference": movement.reference,
        "product": movement.product,
        "day": now.date().isoformat(),
        "created_at": now,
    }


def _entries(movement: Movement, transaction: dict[str, Any]) -> list[dict[str, Any]]:
    sides = ((movement.account_id, movement.amount), (movement.other_id, -movement.amount))
    return [{"transaction_id": transaction["id"], "account_id": side, "amount": amount} for side, amount in sides]


def _fingerprint(asked: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(asked).encode()).hexdigest()
