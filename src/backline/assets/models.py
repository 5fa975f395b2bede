"""Tables: what is stored, what is being uploaded, and how much of it each owner has."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, String, Table

from backline.db.base import Timestamp, metadata

assets = Table(
    "assets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    Column("key", String(512), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("content_type", String(255), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("source", String(64)),  # the job that made it; NULL for an upload
    Column("created_at", Timestamp, nullable=False),
    Column("expires_at", Timestamp),
    Index(None, "owner_id", "id"),
    Index(None, "expires_at"),
)

asset_uploads = Table(
    "asset_uploads",
    metadata,
    Column("id", String(64), primary_key=True),  # also the id of the asset that it becomes
    Column("storage_id", String(64), nullable=False),
    Column("owner_id", String(64), nullable=False),
    Column("key", String(512), nullable=False),
    Column("name", String(200), nullable=False),
    Column("content_type", String(255), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("expires_at", Timestamp, nullable=False),
    Index(None, "expires_at"),
)

asset_usage = Table(
    "asset_usage",
    metadata,
    Column("owner_id", String(64), primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    CheckConstraint("size_bytes >= 0", "size_bytes"),
)
"""What an owner's assets and running uploads take up: a guard, changed with their rows in one transaction."""
