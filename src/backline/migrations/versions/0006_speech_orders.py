"""What running jobs are to say."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backline.db.base import Json

revision = "0006_speech_orders"
down_revision = "0005_assets"


def upgrade() -> None:
    op.create_table(
        "speech_orders",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("title", sa.String(200)),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("lexicon", Json, nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_speech_orders"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_speech_orders_job_id_jobs", ondelete="CASCADE"),
    )
    op.create_index("ix_speech_orders_owner_id", "speech_orders", ["owner_id"])
