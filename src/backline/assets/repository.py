"""The queries of assets. Each works in its caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update

from backline.assets.models import asset_uploads, asset_usage, assets
from backline.db.database import Tx
from backline.db.statements import insert_if_absent

_assets, _uploads, _usage = assets.c, asset_uploads.c, asset_usage.c


@dataclass(frozen=True, slots=True)
class Asset:
    """Something that is stored. name: under which it is saved. source: the job that made it; None for an upload.

    expires_at: when it is removed; None keeps it until its owner deletes it.
    """

    id: str
    owner_id: str
    key: str
    name: str
    content_type: str
    size_bytes: int
    sha256: str
    source: str | None
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that has not ended. id: also of the asset that it becomes. storage_id: what the store calls it."""

    id: str
    storage_id: str
    owner_id: str
    key: str
    name: str
    content_type: str
    size_bytes: int
    created_at: datetime
    expires_at: datetime


async def add_asset(tx: Tx, asset: Asset) -> bool:
    """False when it is there already."""
    return await insert_if_absent(tx, assets, asdict(asset))


async def find_asset(tx: Tx, asset_id: str) -> Asset | None:
    row = (await tx.execute(select(assets).where(_assets.id == asset_id))).mappings().first()
    return None if row is None else Asset(**row)


async def find_by_keys(tx: Tx, owner_id: str, keys: Collection[str]) -> list[Asset]:
    rows = (await tx.execute(select(assets).where(_assets.key.in_(keys), _assets.owner_id == owner_id))).mappings()
    return [Asset(**row) for row in rows]


async def list_assets(tx: Tx, owner_id: str, *, before: str | None, limit: int) -> list[Asset]:
    """The newest first: ids sort by time."""
    query = select(assets).where(_assets.owner_id == owner_id).order_by(_assets.id.desc()).limit(limit)
    if before is not None:
        query = query.where(_assets.id < before)
    return [Asset(**row) for row in (await tx.execute(query)).mappings()]


async def expired_assets(tx: Tx, now: datetime, limit: int) -> list[Asset]:
    query = select(assets).where(_assets.expires_at <= now).limit(limit)
    return [Asset(**row) for row in (await tx.execute(query)).mappings()]


async def remove_asset(tx: Tx, asset_id: str) -> bool:
    """False when somebody else has done it."""
    statement = delete(assets).where(_assets.id == asset_id).returning(_assets.id)
    return (await tx.execute(statement)).first() is not None


async def known_keys(tx: Tx, keys: Collection[str]) -> set[str]:
    """Those of the keys that belong to an asset or to a running upload."""
    found = set((await tx.execute(select(_assets.key).where(_assets.key.in_(keys)))).scalars())
    return found | set((await tx.execute(select(_uploads.key).where(_uploads.key.in_(keys)))).scalars())


async def add_upload(tx: Tx, upload: Upload) -> None:
    await tx.execute(insert(asset_uploads).values(**asdict(upload)))


async def find_upload(tx: Tx, upload_id: str) -> Upload | None:
    row = (await tx.execute(select(asset_uploads).where(_uploads.id == upload_id))).mappings().first()
    return None if row is None else Upload(**row)


async def expired_uploads(tx: Tx, now: datetime, limit: int) -> list[Upload]:
    query = select(asset_uploads).where(_uploads.expires_at <= now).limit(limit)
    return [Upload(**row) for row in (await tx.execute(query)).mappings()]


async def prolong_upload(tx: Tx, upload_id: str, expires_at: datetime) -> bool:
    """False when it is gone."""
    statement = update(asset_uploads).where(_uploads.id == upload_id).values(expires_at=expires_at)
    return (await tx.execute(statement.returning(_uploads.id))).first() is not None


async def remove_upload(tx: Tx, upload_id: str) -> bool:
    """False when somebody else has done it."""
    statement = delete(asset_uploads).where(_uploads.id == upload_id).returning(_uploads.id)
    return (await tx.execute(statement)).first() is not None


async def delete_user_data(tx: Tx, user_id: str, now: datetime) -> None:
    """All files and uploads of a user have expired; the sweep removes them, bytes first."""
    for table in (assets, asset_uploads):
        await tx.execute(update(table).where(table.c.owner_id == user_id).values(expires_at=now))


async def used_bytes(tx: Tx, owner_id: str) -> int:
    return (await tx.execute(select(_usage.size_bytes).where(_usage.owner_id == owner_id))).scalar() or 0


async def take_room(tx: Tx, owner_id: str, size_bytes: int, quota_bytes: int | None) -> bool:
    """Count bytes as used; False, and nothing changed, when they do not fit. quota_bytes: None takes any number."""
    await insert_if_absent(tx, asset_usage, {"owner_id": owner_id, "size_bytes": 0})
    fits = [] if quota_bytes is None else [_usage.size_bytes + size_bytes <= quota_bytes]
    statement = (
        update(asset_usage)
        .where(_usage.owner_id == owner_id, *fits)
        .values(size_bytes=_usage.size_bytes + size_bytes)
        .returning(_usage.size_bytes)
    )
    return (await tx.execute(statement)).first() is not None


async def give_room(tx: Tx, owner_id: str, size_bytes: int) -> None:
    statement = update(asset_usage).where(_usage.owner_id == owner_id)
    await tx.execute(statement.values(size_bytes=_usage.size_bytes - size_bytes))


async def counted_bytes(tx: Tx, owner_id: str) -> int:
    """What the rows say that `used_bytes` must be."""
    total = 0
    for table in (assets, asset_uploads):
        query = select(func.coalesce(func.sum(table.c.size_bytes), 0)).where(table.c.owner_id == owner_id)
        total += int((await tx.execute(query)).scalar_one())
    return total
