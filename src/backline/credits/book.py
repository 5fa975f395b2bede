"""Entries, and the account rows that guard them. Nothing else writes either."""

from __future__ import annotations

import hashlib

from sqlalchemy import RowMapping, insert, select, update

from backline.clock import Clock
from backline.credits.models import credit_accounts, credit_entries, credit_transactions
from backline.db.database import Tx
from backline.db.statements import insert_if_absent
from backline.errors import Conflict
from backline.ids import new_id


class Book:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def lock(self, tx: Tx, account_id: str) -> RowMapping:
        """The account's row; nobody else changes it before this transaction ends. Made when missing."""
        query = select(credit_accounts).where(credit_accounts.c.id == account_id).with_for_update()
        row = (await tx.execute(query)).mappings().first()
        if row is None:
            await insert_if_absent(tx, credit_accounts, {"id": account_id, "posted": 0, "held": 0, "expiring": 0})
            row = (await tx.execute(query)).mappings().one()
        return row

    async def move(
        self,
        tx: Tx,
        account_id: str,
        other_id: str,
        amount: int,
        kind: str,
        key: str,
        asked: tuple[object, ...],
        *,
        actor: str = "system",
        reference: str | None = None,
        product: str | None = None,
    ) -> bool:
        """Two entries that cancel out; False when the key has done it before. The account's row is the caller's.

        Raises Conflict when the key stands for something else.
        """
        now = self._clock()
        transaction = {
            "id": new_id("txn"),
            "idempotency_key": key,
            "fingerprint": _fingerprint(asked),
            "kind": kind,
            "actor": actor,
            "reference": reference,
            "product": product,
            "day": now.date().isoformat(),
            "created_at": now,
        }
        if not await insert_if_absent(tx, credit_transactions, transaction):
            return not await self.is_repeat(tx, key, asked)
        sides = ((account_id, amount), (other_id, -amount))
        await tx.execute(
            insert(credit_entries),
            [{"transaction_id": transaction["id"], "account_id": side, "amount": part} for side, part in sides],
        )
        return True

    async def is_repeat(self, tx: Tx, key: str, asked: tuple[object, ...]) -> bool:
        """Raises Conflict when the key stands for something else."""
        query = select(credit_transactions.c.fingerprint).where(credit_transactions.c.idempotency_key == key)
        known = (await tx.execute(query)).scalar()
        if known is not None and known != _fingerprint(asked):
            raise Conflict("This idempotency key was used for something else.", code="idempotency_key_reused")
        return known is not None


async def set_account(tx: Tx, account: RowMapping, **changed: int) -> RowMapping:
    """The guard: the row must still be what was read, and its CHECKs must hold."""
    before = {name: account[name] for name in ("posted", "held", "expiring")}
    columns = credit_accounts.c
    same = [columns[name] == value for name, value in before.items()]
    result = await tx.execute(
        update(credit_accounts).where(columns.id == account["id"], *same).values(**changed).returning(credit_accounts)
    )
    row: RowMapping = result.mappings().one()
    return row


def _fingerprint(asked: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(asked).encode()).hexdigest()
