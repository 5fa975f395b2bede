"""Jobs by when they ended, for those that go."""

from __future__ import annotations

from alembic import op

revision = "0007_job_retention"
down_revision = "0006_speech_orders"


def upgrade() -> None:
    op.create_index("ix_jobs_finished_id", "jobs", ["finished", "id"])
