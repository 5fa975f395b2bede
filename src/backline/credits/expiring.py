"""Grants that expire: which is used first, and what becomes of the rest."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import RowMapping, and_, insert, select, update

from backline.clock import Clock
from backline.credits.book import Account, Book, Movement, set_account
from backline.credits.models import credit_grants
from backline.db.database import Tx
from backline.ids import new_id

GRANTS = "system:grants"


class ExpiringGrants:
    """Works on an account that the caller has locked, and gives back its row as it is then."""

    def __init__(self, book: Book, clock: Clock) -> None:
        self._book = book
        self._clock = clock

    async def add(
        self, tx: Tx, account: Account, amount: int, source: str, expires_at: datetime, priority: int
    ) -> Account:
        grant = {
            "id": new_id("grant"),
            "account_id": account["id"],
            "source": source,
            "amount": amount,
            "remaining": amount,
            "priority": priority,
            "expires_at": expires_at,
            "created_at": self._clock(),
        }
        await tx.execute(insert(credit_grants).values(**grant))
        return await set_account(tx, account, expiring=account["expiring"] + amount)

    async def draw(self, tx: Tx, account: Account, amount: int) -> Account:
        """Use up grants that expire, the soonest first; what was granted for good comes last."""
        rest = min(amount, account["expiring"])
        if not rest:
            return account
        drawn = rest
        for grant in await self._open(tx, account["id"]):
            part = min(rest, grant["remaining"])
            if part:
                await _set_remaining(tx, grant, grant["remaining"] - part)
            rest -= part
        return await set_account(tx, account, expiring=account["expiring"] - drawn)

    async def expire(self, tx: Tx, account: Account) -> Account:
        if not account["expiring"]:
            return account
        now = self._clock()
        for grant in await self._open(tx, account["id"]):
            amount = min(grant["remaining"], account["posted"] - account["held"])
            if grant["expires_at"] > now or not amount:
                continue
            key = f"{grant['id']}:expire:{grant['remaining']}"
            taken = Movement(account["id"], GRANTS, -amount, "expire", key, (key,), reference=grant["source"])
            await self._book.move_all(tx, [taken])
            await _set_remaining(tx, grant, grant["remaining"] - amount)
            account = await set_account(
                tx, account, posted=account["posted"] - amount, expiring=account["expiring"] - amount
            )
        return account

    async def _open(self, tx: Tx, account_id: str) -> list[RowMapping]:
        columns = credit_grants.c
        where = and_(columns.account_id == account_id, columns.remaining > 0)
        order = (columns.expires_at, columns.priority, columns.id)
        return list((await tx.execute(select(credit_grants).where(where).order_by(*order))).mappings())


async def _set_remaining(tx: Tx, grant: RowMapping, remaining: int) -> None:
    same = and_(credit_grants.c.id == grant["id"], credit_grants.c.remaining == grant["remaining"])
    result = await tx.execute(update(credit_grants).where(same).values(remaining=remaining))
    assert result.rowcount == 1, "a grant changed under its account's lock"
