"""Queries on users and tickets. Each runs in the caller's transaction and never commits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from backline.accounts.models import api_keys, tickets, users
from backline.db.database import Tx


@dataclass(frozen=True, slots=True)
class User:
    """issuer: who vouches for them; subject: what that one calls them. handle, display_name, avatar_url: the profile
    that they chose."""

    id: str
    issuer: str
    subject: str
    email: str | None
    handle: str | None
    display_name: str | None
    avatar_url: str | None
    created_at: datetime
    updated_at: datetime


_USER = [users.c[field.name] for field in fields(User)]


def _user(row: Row[Any] | None) -> User | None:
    return None if row is None else User(**row._mapping)


async def insert_unless_taken(tx: Tx, user: User) -> bool:
    """False when this issuer and subject (or this id) are there already; waits for another who is inserting them."""
    try:
        async with tx.begin_nested():
            await tx.execute(insert(users).values(**asdict(user)))
    except IntegrityError:
        return False
    return True


async def user_by_identity(tx: Tx, issuer: str, subject: str) -> User | None:
    found = await tx.execute(select(*_USER).where(users.c.issuer == issuer, users.c.subject == subject))
    return _user(found.one_or_none())


async def user_by_id(tx: Tx, user_id: str) -> User | None:
    return _user((await tx.execute(select(*_USER).where(users.c.id == user_id))).one_or_none())


async def lock_user(tx: Tx, user_id: str) -> bool:
    """Whether the user is there; until the end of the transaction nobody else gets past here for the same one."""
    found = await tx.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
    return found.one_or_none() is not None


async def list_users(tx: Tx, limit: int) -> list[User]:
    """The newest first."""
    found = await tx.execute(select(*_USER).order_by(users.c.created_at.desc(), users.c.id.desc()).limit(limit))
    return [User(**row._mapping) for row in found]


async def update_profile(tx: Tx, user_id: str, values: Mapping[str, Any]) -> bool:
    """False when the handle is somebody else's."""
    try:
        async with tx.begin_nested():
            await tx.execute(update(users).where(users.c.id == user_id).values(**values))
    except IntegrityError:
        return False
    return True


async def delete_user(tx: Tx, user_id: str) -> bool:
    """Their keys go with them. Whether there was one."""
    deleted = await tx.execute(delete(users).where(users.c.id == user_id).returning(users.c.id))
    return deleted.one_or_none() is not None


async def insert_ticket(tx: Tx, digest: str, principal: Mapping[str, Any], expires_at: datetime) -> None:
    await tx.execute(insert(tickets).values(digest=digest, principal=dict(principal), expires_at=expires_at))


async def delete_expired_tickets(tx: Tx, now: datetime) -> None:
    await tx.execute(delete(tickets).where(tickets.c.expires_at <= now))


async def take_ticket(tx: Tx, digest: str, now: datetime) -> dict[str, Any] | None:
    """The principal it was made for. Gone afterwards: of two who take it at once, one gets it."""
    taken = await tx.execute(
        delete(tickets).where(tickets.c.digest == digest).returning(tickets.c.principal, tickets.c.expires_at)
    )
    row = taken.one_or_none()
    return None if row is None or row.expires_at <= now else dict(row.principal)


async def still_known(tx: Tx, user_id: str, key_id: str | None, now: datetime) -> bool:
    """Whether the user is there, and the key, if one is meant, still good."""
    if key_id is None:
        return await user_by_id(tx, user_id) is not None
    found = await tx.execute(
        select(api_keys.c.id).where(
            api_keys.c.id == key_id,
            api_keys.c.user_id == user_id,
            api_keys.c.revoked_at.is_(None),
            or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now),
        )
    )
    return found.one_or_none() is not None
