"""Tickets: a browser cannot send a header with a WebSocket, and a lasting token has no business in an address.

A ticket is good once, for 60 s, for what its owner may do.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from backline.accounts import repository
from backline.accounts.principal import LOCAL, Principal
from backline.clock import Clock, utc_now
from backline.db.database import Database

TICKET_SECONDS = 60

_FIELDS = ("id", "key_id", "billed", "requests_per_minute", "max_streams")


class Tickets:
    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def issue(self, caller: Principal) -> str:
        ticket, now = secrets.token_urlsafe(32), self._clock()
        async with self._database.write() as tx:
            await repository.delete_expired_tickets(tx, now)
            expires = now + timedelta(seconds=TICKET_SECONDS)
            await repository.insert_ticket(tx, _digest(ticket), _as_data(caller), expires)
        return ticket

    async def redeem(self, ticket: str) -> Principal | None:
        """Whose it was; None for one that is unknown, used or expired, or whose owner's key or account has ended since.

        Used up by this, whatever comes of it.
        """
        now = self._clock()
        async with self._database.write() as tx:
            data = await repository.take_ticket(tx, _digest(ticket), now)
            if data is None:
                return None
            caller = _from_data(data)
            known = caller == LOCAL or await repository.still_known(tx, caller.id, caller.key_id, now)
        return caller if known else None


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()


def _as_data(caller: Principal) -> dict[str, Any]:
    return {**{name: getattr(caller, name) for name in _FIELDS}, "scopes": sorted(caller.scopes)}


def _from_data(data: Mapping[str, Any]) -> Principal:
    return Principal(scopes=frozenset(data["scopes"]), **{name: data[name] for name in _FIELDS})
