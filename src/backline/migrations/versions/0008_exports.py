"""Exports and their projects."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backline.db.base import Timestamp

revision = "0008_exports"
down_revision = "0007_job_retention"


def upgrade() -> None:
    op.create_table(
        "export_projects",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(200)),
        sa.Column("working_versions", sa.Integer, nullable=False),
        sa.Column("final_versions", sa.Integer, nullable=False),
        sa.Column("created", Timestamp, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_export_projects"),
        sa.UniqueConstraint("owner", "number", name="uq_export_projects_owner_number"),
    )
    op.create_table(
        "exports",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("project", sa.String(64), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("created", Timestamp, nullable=False),
        sa.Column("acknowledged", Timestamp),
        sa.Column("file_id", sa.String(64)),
        sa.Column("file_name", sa.String(200)),
        sa.PrimaryKeyConstraint("job_id", name="pk_exports"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_exports_job_id_jobs", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["project"], ["export_projects.id"], name="fk_exports_project_export_projects", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_exports_owner_created", "exports", ["owner", "created"])
    op.create_index("ix_exports_project", "exports", ["project"])
