"""The table of live sessions."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, String, Table

from backline.db.base import Micro, Timestamp, metadata

jam_sessions = Table(
    "jam_sessions",
    metadata,
    Column("id", String(64), primary_key=True),  # the worker knows the session by it, too
    Column("owner", String(64), nullable=False),
    Column("state", String(8), nullable=False),
    Column("worker", String(64), nullable=False),  # who plays it: a process of ours, or the worker behind an address
    Column("hold", String(255)),  # None: its owner is not billed
    Column("total", BigInteger, nullable=False),  # millionths of a second that are billed, as last told by the worker
    Column("left_micro", Micro),  # credit that was left then; None where nothing is billed
    Column("charged_micro", Micro, nullable=False),
    Column("misses", Integer, nullable=False),  # visits of the meter, in a row, for which the worker was silent
    Column("holder", String(64)),  # who looks after it, and until when
    Column("held_until", Timestamp),
    Column("created", Timestamp, nullable=False),
    Column("billable_start", Timestamp),
    Column("billable_end", Timestamp),
    Column("closed", Timestamp),
    Column("close_reason", String(32)),
    CheckConstraint("state IN ('warming', 'active', 'closed')", "state"),
    Index(None, "owner", "created"),
    Index(None, "state"),
)
