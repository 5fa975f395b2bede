"""Tables of exports. How one stands is not here: its job knows."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from backline.db.base import Timestamp, metadata

export_projects = Table(
    "export_projects",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("number", BigInteger, nullable=False),  # the client's own `project_id`
    Column("name", String(200)),
    Column("working_versions", Integer, nullable=False),
    Column("final_versions", Integer, nullable=False),
    Column("created", Timestamp, nullable=False),
    UniqueConstraint("owner", "number"),
)
"""How many versions of each kind a project has had: numbers are not given twice, whatever is deleted."""

exports = Table(
    "exports",
    metadata,
    Column("job_id", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("project", String(64), ForeignKey("export_projects.id", ondelete="CASCADE"), nullable=False),
    Column("type", String(16), nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("acknowledged", Timestamp),
    Column("file_id", String(64)),  # of the output, once there is one
    Column("file_name", String(200)),
    Index(None, "owner", "created"),
    Index(None, "project"),
)
