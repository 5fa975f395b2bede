"""Queries on API keys. Each runs in the caller's transaction and never commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, or_, select, update

from backline.accounts.models import api_keys, users
from backline.db.database import Tx


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is remembered of a key; the key itself is not.

    start, last4: by which a person tells it from others. requests_per_minute, max_streams: None for the server's own.
    """

    id: str
    user_id: str
    name: str
    start: str
    last4: str
    scopes: Sequence[str]
    requests_per_minute: int | None
    max_streams: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    rotated_from: str | None

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


_KEY = [api_keys.c[field.name] for field in fields(ApiKey)]


async def insert_key(tx: Tx, key: ApiKey, digest: str) -> None:
    values = {field.name: getattr(key, field.name) for field in fields(ApiKey)}
    await tx.execute(insert(api_keys).values(**{**values, "scopes": list(key.scopes), "digest": digest}))


async def key_by_digest(tx: Tx, digest: str) -> tuple[ApiKey, str] | None:
    """The key, and the issuer of its user."""
    query = select(*_KEY, users.c.issuer).join(users, users.c.id == api_keys.c.user_id)
    row = (await tx.execute(query.where(api_keys.c.digest == digest))).one_or_none()
    return None if row is None else (_key(row), str(row.issuer))


async def key_by_id(tx: Tx, key_id: str, user_id: str | None) -> ApiKey | None:
    """user_id: whose it must be; None for anybody's."""
    query = select(*_KEY).where(api_keys.c.id == key_id)
    if user_id is not None:
        query = query.where(api_keys.c.user_id == user_id)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else _key(row)


async def list_keys(tx: Tx, user_id: str | None, *, revoked: bool, limit: int) -> list[ApiKey]:
    """The newest first. user_id: None for everybody's. revoked: whether those are listed too."""
    query = select(*_KEY).order_by(api_keys.c.created_at.desc(), api_keys.c.id.desc()).limit(limit)
    if user_id is not None:
        query = query.where(api_keys.c.user_id == user_id)
    if not revoked:
        query = query.where(api_keys.c.revoked_at.is_(None))
    return [_key(row) for row in await tx.execute(query)]


async def count_live(tx: Tx, user_id: str, now: datetime) -> int:
    """How many keys of theirs are good."""
    query = select(func.count()).where(api_keys.c.user_id == user_id, *_live(now))
    return (await tx.execute(query)).scalar_one()


async def revoke_key(tx: Tx, key_id: str, now: datetime) -> None:
    """Once: the first moment stays."""
    await tx.execute(
        update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
    )


async def end_key_at(tx: Tx, key_id: str, moment: datetime) -> None:
    """It expires then, unless it would anyway before."""
    await tx.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > moment))
        .values(expires_at=moment)
    )


def _live(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return api_keys.c.revoked_at.is_(None), or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now)


def _key(row: Row[*tuple[Any, ...]]) -> ApiKey:
    return ApiKey(**{field.name: row._mapping[field.name] for field in fields(ApiKey)})
