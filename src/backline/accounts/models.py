"""Tables: who is known, the keys they made, and the tickets that open sockets."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table, UniqueConstraint

from backline.db.base import Json, Timestamp, metadata

users = Table(
    "users",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("issuer", String(255), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("email", String(320)),
    Column("handle", String(30)),
    Column("handle_key", String(30), unique=True),  # the handle in lower case: "Anna" cannot pass for "anna"
    Column("display_name", String(100)),
    Column("avatar_url", String(2000)),
    Column("created_at", Timestamp, nullable=False, index=True),
    Column("updated_at", Timestamp, nullable=False),
    UniqueConstraint("issuer", "subject"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("user_id", String(64), ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(100), nullable=False),
    Column("start", String(8), nullable=False),
    Column("last4", String(4), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("scopes", Json, nullable=False),
    Column("requests_per_minute", Integer),
    Column("max_streams", Integer),
    Column("created_at", Timestamp, nullable=False),
    Column("expires_at", Timestamp),
    Column("revoked_at", Timestamp),
    Column("rotated_from", String(64)),
)

tickets = Table(
    "tickets",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("principal", Json, nullable=False),
    Column("expires_at", Timestamp, nullable=False, index=True),
)
