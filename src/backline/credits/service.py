"""Accounts of credit, as routes and commands see them: each call is one transaction."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime

from sqlalchemy import text

from backline.clock import Clock, utc_now
from backline.credits import queries
from backline.credits.ledger import Ledger
from backline.credits.queries import Balance, Movement
from backline.db.database import Database, Tx
from backline.errors import Conflict


class Credits:
    """welcome: micro-credits that a new user is given."""

    def __init__(self, database: Database, ledger: Ledger, *, welcome: int, clock: Clock = utc_now) -> None:
        self._database = database
        self._ledger = ledger
        self._welcome = welcome
        self._clock = clock

    async def welcome(self, tx: Tx, user_id: str) -> None:
        """What a new user is given, in the transaction that makes the user; once, also when they come back after they
        were deleted, and the welcome has changed since."""
        if self._welcome:
            key = f"welcome:{user_id}"
            with suppress(Conflict):
                await self._ledger.grant(tx, user_id, self._welcome, idempotency_key=key, actor="system")

    async def grant(
        self,
        account_id: str,
        amount: int,
        *,
        idempotency_key: str,
        actor: str,
        expires_at: datetime | None = None,
        priority: int = 0,
    ) -> None:
        """As `Ledger.grant`."""
        async with self._database.write() as tx:
            await self._ledger.grant(
                tx,
                account_id,
                amount,
                idempotency_key=idempotency_key,
                actor=actor,
                expires_at=expires_at,
                priority=priority,
            )

    async def balance(self, account_id: str) -> Balance:
        async with self._database.read() as tx:
            return await queries.balance(tx, account_id)

    async def history(self, account_id: str, *, before: int | None, limit: int) -> list[Movement]:
        async with self._database.read() as tx:
            return await queries.history(tx, account_id, before=before, limit=limit)

    async def usage(self, account_id: str, *, days: int) -> dict[date, dict[str, int]]:
        async with self._database.read() as tx:
            return await queries.usage(tx, account_id, today=self._clock().date(), days=days)

    async def verify(self) -> list[str]:
        """Findings, one sentence each; empty when every balance equals its entries. Sees one moment, whoever writes."""
        async with self._database.read() as tx:
            if tx.dialect.name == "postgresql":
                await tx.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            return await queries.verify(tx)
