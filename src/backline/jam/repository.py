"""The queries of live sessions. Each works in its caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, or_, select, update

from backline.db.database import Tx
from backline.db.statements import insert_if_absent
from backline.jam.models import jam_sessions
from backline.jam.session import JamSession

_c = jam_sessions.c


async def add(tx: Tx, session: JamSession) -> None:
    await insert_if_absent(tx, jam_sessions, asdict(session))


async def find(tx: Tx, owner: str, session_id: str) -> JamSession | None:
    """None for an unknown one and for somebody else's."""
    row = (await tx.execute(select(jam_sessions).where(_c.id == session_id, _c.owner == owner))).mappings().first()
    return None if row is None else JamSession(**row)


async def lock(tx: Tx, session_id: str) -> JamSession | None:
    """The row, which nobody else changes until the end of the transaction."""
    query = select(jam_sessions).where(_c.id == session_id).with_for_update()
    row = (await tx.execute(query)).mappings().first()
    return None if row is None else JamSession(**row)


async def change(tx: Tx, session_id: str, **values: Any) -> None:
    """Of a session that is not closed."""
    await tx.execute(update(jam_sessions).where(_c.id == session_id, _c.state != "closed").values(**values))


async def open_sessions(tx: Tx) -> list[JamSession]:
    rows = await tx.execute(select(jam_sessions).where(_c.state != "closed").order_by(_c.id))
    return [JamSession(**row) for row in rows.mappings()]


async def claim(tx: Tx, session_ids: Collection[str], holder: str, until: datetime, dead: Collection[str]) -> set[str]:
    """Look after these until then: those that nobody else looks after, and those whose keeper is dead. Which it are."""
    free = or_(_c.holder.is_(None), _c.holder == holder, _c.id.in_(list(dead)))
    mine = and_(_c.id.in_(list(session_ids)), _c.state != "closed", free)
    await tx.execute(update(jam_sessions).where(mine).values(holder=holder, held_until=until))
    query = select(_c.id).where(_c.id.in_(list(session_ids)), _c.holder == holder, _c.state != "closed")
    return set((await tx.execute(query)).scalars())


async def let_go(tx: Tx, holder: str) -> None:
    """Whoever comes next may look after them at once."""
    mine = and_(_c.holder == holder, _c.state != "closed")
    await tx.execute(update(jam_sessions).where(mine).values(holder=None, held_until=None))


async def delete_user_data(tx: Tx, owner: str) -> None:
    await tx.execute(delete(jam_sessions).where(_c.owner == owner))
