"""Live sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backline.db.base import Micro, Timestamp

revision = "0009_jam"
down_revision = "0008_exports"


def upgrade() -> None:
    op.create_table(
        "jam_sessions",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("worker", sa.String(64), nullable=False),
        sa.Column("hold", sa.String(255)),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("left_micro", Micro),
        sa.Column("charged_micro", Micro, nullable=False),
        sa.Column("misses", sa.Integer, nullable=False),
        sa.Column("holder", sa.String(64)),
        sa.Column("held_until", Timestamp),
        sa.Column("created", Timestamp, nullable=False),
        sa.Column("billable_start", Timestamp),
        sa.Column("billable_end", Timestamp),
        sa.Column("closed", Timestamp),
        sa.Column("close_reason", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name="pk_jam_sessions"),
        sa.CheckConstraint("state IN ('warming', 'active', 'closed')", name="ck_jam_sessions_state"),
    )
    op.create_index("ix_jam_sessions_owner_created", "jam_sessions", ["owner", "created"])
    op.create_index("ix_jam_sessions_state", "jam_sessions", ["state"])
