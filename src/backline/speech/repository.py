"""Queries on requests and their texts. Each runs in the caller's transaction and never commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Row, Table, delete, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from backline.db.database import Tx
from backline.speech.models import (
    speech_forgotten,
    speech_lexicon,
    speech_orders,
    speech_requests,
    speech_texts,
    speech_voices,
)
from backline.speech.records import Outcome, SpeechRecord

_NAMES = [field.name for field in fields(SpeechRecord)]
_VALUES = attrgetter(*_NAMES)
_REQUEST = [speech_requests.c[name] for name in _NAMES]
_LOCK = "hashtext('backline.speech.texts')"


@dataclass(frozen=True, slots=True)
class StoredText:
    """A text with what is known of the request it came with. text: as received."""

    text: str
    record: SpeechRecord


async def insert_requests(tx: Tx, records: Sequence[SpeechRecord]) -> None:
    """Those that are there already stay as they are, so that a batch may be written again."""
    rows = [dict(zip(_NAMES, _VALUES(record), strict=True)) for record in records]
    await _insert(tx, speech_requests, rows)


async def insert_texts(tx: Tx, texts: Sequence[StoredText], copy_at: datetime | None) -> int:
    """Store texts of requests that are there, except those that their owners had deleted meanwhile; how many.

    copy_at: when to send their copy; None for never.
    """
    await _lock_texts(tx, "pg_advisory_xact_lock_shared")
    owners = {one.record.owner_id for one in texts}
    query = select(speech_forgotten.c.owner_id, speech_forgotten.c.at).where(speech_forgotten.c.owner_id.in_(owners))
    forgotten: Mapping[str, datetime] = {row.owner_id: row.at for row in await tx.execute(query)}
    rows = [
        {"id": one.record.id, "owner_id": one.record.owner_id, "text": one.text, "copy_at": copy_at}
        for one in texts
        if one.record.owner_id not in forgotten or one.record.created_at > forgotten[one.record.owner_id]
    ]
    if rows:
        await _insert(tx, speech_texts, rows)
    return len(rows)


async def find_request(tx: Tx, request_id: str, owner_id: str) -> SpeechRecord | None:
    """The newest with this id."""
    table = speech_requests.c
    query = select(*_REQUEST).where(table.owner_id == owner_id, table.request_id == request_id)
    row = (await tx.execute(query.order_by(table.id.desc()).limit(1))).first()
    return None if row is None else _record(row)


async def list_requests(
    tx: Tx, owner_id: str, *, outcome: Outcome | None, before: str | None, limit: int
) -> list[SpeechRecord]:
    """The newest first. before: an id; only what is older."""
    table = speech_requests.c
    query = select(*_REQUEST).where(table.owner_id == owner_id).order_by(table.id.desc()).limit(limit)
    if outcome is not None:
        query = query.where(table.outcome == outcome)
    if before is not None:
        query = query.where(table.id < before)
    return [_record(row) for row in await tx.execute(query)]


async def list_texts(tx: Tx, owner_id: str, *, search: str, before: str | None, limit: int) -> list[StoredText]:
    """The newest first. search: what the text must hold, in any case; empty for any. before: a record's id."""
    query = (
        select(speech_texts.c.text, *_REQUEST)
        .join(speech_requests, speech_requests.c.id == speech_texts.c.id)
        .where(speech_texts.c.owner_id == owner_id)
        .order_by(speech_texts.c.id.desc())
        .limit(limit)
    )
    if search:
        query = query.where(speech_texts.c.text.icontains(search, autoescape=True))
    if before is not None:
        query = query.where(speech_texts.c.id < before)
    return [_stored(row) for row in await tx.execute(query)]


async def forget_texts(tx: Tx, owner_id: str, now: datetime) -> None:
    """Delete every text of an owner; those of requests that began before `now` and are on their way are not stored."""
    await _lock_texts(tx, "pg_advisory_xact_lock")
    insert = _dialect(tx).insert(speech_forgotten).values(owner_id=owner_id, at=now, copy_at=now)
    await tx.execute(insert.on_conflict_do_update(index_elements=["owner_id"], set_={"at": now, "copy_at": now}))
    await tx.execute(delete(speech_texts).where(speech_texts.c.owner_id == owner_id))


async def delete_user_data(tx: Tx, user_id: str, now: datetime) -> None:
    """Everything that speech keeps of a user: texts, records, voices, words. Their copies elsewhere follow."""
    await forget_texts(tx, user_id, now)
    for table in (speech_requests, speech_orders, speech_voices, speech_lexicon):
        await tx.execute(delete(table).where(table.c.owner_id == user_id))


async def delete_requests_before(tx: Tx, moment: datetime, limit: int) -> int:
    """At most so many, with their texts; how many there were."""
    old = select(speech_requests.c.id).where(speech_requests.c.created_at < moment).limit(limit)
    return (await tx.execute(delete(speech_requests).where(speech_requests.c.id.in_(old)))).rowcount


async def delete_texts_before(tx: Tx, moment: datetime, limit: int) -> int:
    """At most so many; how many there were."""
    old = (
        select(speech_texts.c.id)
        .join(speech_requests, speech_requests.c.id == speech_texts.c.id)
        .where(speech_requests.c.created_at < moment)
        .limit(limit)
    )
    return (await tx.execute(delete(speech_texts).where(speech_texts.c.id.in_(old)))).rowcount


async def delete_forgotten_before(tx: Tx, moment: datetime, *, copied: bool) -> None:
    """Deletions that nothing can come after any more. copied: only those that the place of the copies knows of."""
    query = delete(speech_forgotten).where(speech_forgotten.c.at < moment)
    await tx.execute(query.where(speech_forgotten.c.copy_at.is_(None)) if copied else query)


async def claim_copies(tx: Tx, now: datetime, until: datetime, limit: int) -> list[StoredText]:
    """Texts whose copies are due; nobody else is given them before `until`."""
    due = (
        select(speech_texts.c.id)
        .where(speech_texts.c.copy_at <= now)
        .order_by(speech_texts.c.copy_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list((await tx.execute(due)).scalars())
    if not ids:
        return []
    await copies_due(tx, ids, until)
    query = select(speech_texts.c.text, *_REQUEST).join(speech_requests, speech_requests.c.id == speech_texts.c.id)
    return [_stored(row) for row in await tx.execute(query.where(speech_texts.c.id.in_(ids)))]


async def copies_due(tx: Tx, ids: Sequence[str], moment: datetime | None) -> None:
    """When to send these copies next; None once they are there."""
    await tx.execute(update(speech_texts).where(speech_texts.c.id.in_(ids)).values(copy_at=moment))


async def forgotten_due(tx: Tx, now: datetime, limit: int) -> list[tuple[str, datetime]]:
    """Owners whose copies are to be deleted, up to which moment."""
    table = speech_forgotten.c
    query = select(table.owner_id, table.at).where(table.copy_at <= now).order_by(table.copy_at).limit(limit)
    return [(row.owner_id, row.at) for row in await tx.execute(query)]


async def forgotten_told(tx: Tx, owner_id: str, at: datetime, next_at: datetime | None) -> None:
    """The copies of an owner up to `at` are deleted; nothing happens if they asked again meanwhile."""
    table = speech_forgotten.c
    await tx.execute(update(speech_forgotten).where(table.owner_id == owner_id, table.at == at).values(copy_at=next_at))


async def lock_owner(tx: Tx, owner_id: str) -> None:
    """Until the end of the transaction nobody else changes what this owner keeps (SQLite has one writer anyway)."""
    if tx.dialect.name == "postgresql":
        key = func.hashtext(f"backline.speech.{owner_id}")
        await tx.execute(select(func.pg_advisory_xact_lock(key)))


async def _lock_texts(tx: Tx, function: str) -> None:
    """Texts are stored side by side, but not beside a deletion, which would not see them."""
    if tx.dialect.name == "postgresql":
        await tx.execute(text(f"SELECT {function}({_LOCK})"))


async def _insert(tx: Tx, table: Table, rows: list[dict[str, Any]]) -> None:
    await tx.execute(_dialect(tx).insert(table).on_conflict_do_nothing(), rows)


def _dialect(tx: Tx) -> Any:
    return postgresql if tx.dialect.name == "postgresql" else sqlite


def _stored(row: Row[*tuple[Any, ...]]) -> StoredText:
    return StoredText(row._mapping["text"], _record(row))


def _record(row: Row[*tuple[Any, ...]]) -> SpeechRecord:
    return SpeechRecord(**{name: row._mapping[name] for name in _NAMES})
