"""Tables of jobs and of what happened to them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from backline.db.base import Json, Timestamp, metadata

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("version", String(64), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("billed", Boolean, nullable=False),
    Column("queue", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("phase", String(16)),
    Column("attempt", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("run_after", Timestamp, nullable=False),
    Column("lease_by", String(64)),
    Column("lease_seconds", Float),
    Column("lease_until", Timestamp),
    Column("remote", Json),
    Column("input", Json, nullable=False),
    Column("checkpoint", Json),
    Column("progress", Float, nullable=False),
    Column("message", Text),
    Column("result", Json),
    Column("error_code", String(64)),
    Column("error_detail", Text),
    Column("cancel_requested", Boolean, nullable=False),
    Column("hold", String(128)),
    Column("idempotency_key", String(255)),
    Column("fingerprint", String(64)),
    Column("seq", Integer, nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("started", Timestamp),
    Column("finished", Timestamp),
    UniqueConstraint("owner", "idempotency_key"),
    Index(None, "state", "priority", "id"),
    Index(None, "owner", "id"),
    Index(None, "finished", "id"),
)
"""One row a job. `job.Job` says what the columns mean."""

job_events = Table(
    "job_events",
    metadata,
    Column("job_id", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("data", Json, nullable=False),
    Column("at", Timestamp, nullable=False),
)
"""What happened, in order; `jobs.seq` is the number of the last one."""
