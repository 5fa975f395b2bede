"""What is stored, what is being uploaded, and how much each owner has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backline.db.base import Timestamp

revision = "0005_assets"
down_revision = "0004_jobs"


def upgrade() -> None:
    op.create_table(
        "assets",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("key", sa.String(512), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("content_type", sa.String(255), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("source", sa.String(64)),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("expires_at", Timestamp),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assets")),
        sa.UniqueConstraint("key", name=op.f("uq_assets_key")),
    )
    op.create_index(op.f("ix_assets_owner_id_id"), "assets", ["owner_id", "id"])
    op.create_index(op.f("ix_assets_expires_at"), "assets", ["expires_at"])
    op.create_table(
        "asset_uploads",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("storage_id", sa.String(64), nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("key", sa.String(512), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("content_type", sa.String(255), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("expires_at", Timestamp, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asset_uploads")),
    )
    op.create_index(op.f("ix_asset_uploads_expires_at"), "asset_uploads", ["expires_at"])
    op.create_table(
        "asset_usage",
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.CheckConstraint("size_bytes >= 0", name=op.f("ck_asset_usage_size_bytes")),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_asset_usage")),
    )
