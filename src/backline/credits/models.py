"""Tables of the ledger. Entries are the truth; what an account row says is a guard that is kept equal to them."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table

from backline.db.base import Micro, Timestamp, metadata

_Sequence = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only for INTEGER

credit_accounts = Table(
    "credit_accounts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("posted", Micro, nullable=False),
    Column("held", Micro, nullable=False),
    Column("expiring", Micro, nullable=False),  # what is left of grants that expire; 0 saves looking for them
    CheckConstraint("posted >= 0", "posted"),
    CheckConstraint("held >= 0 AND held <= posted", "held"),
    CheckConstraint("expiring >= 0 AND expiring <= posted", "expiring"),
)
"""One row a user. The other side of a movement (`system:...`) has entries only: a row of its own would be written by
every charge of every user, one after the other."""

credit_transactions = Table(
    "credit_transactions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("idempotency_key", String(255), nullable=False, unique=True),
    Column("fingerprint", String(64), nullable=False),  # of what was asked for under that key
    Column("kind", String(16), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("reference", String(255)),
    Column("product", String(32)),
    Column("day", String(10), nullable=False, index=True),  # in UTC, for the chart of usage
    Column("created_at", Timestamp, nullable=False),
)

credit_entries = Table(
    "credit_entries",
    metadata,
    Column("id", _Sequence, primary_key=True, autoincrement=True),
    Column("transaction_id", String(64), ForeignKey("credit_transactions.id"), nullable=False, index=True),
    Column("account_id", String(64), nullable=False),
    Column("amount", Micro, nullable=False),
    Index(None, "account_id", "id"),
)

credit_holds = Table(
    "credit_holds",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("credit_accounts.id"), nullable=False),
    Column("reference", String(255), nullable=False, unique=True),
    Column("product", String(32), nullable=False),
    Column("unit", String(16), nullable=False),
    Column("micro_per_unit", Micro, nullable=False),
    Column("opened_with", Micro, nullable=False),
    Column("amount", Micro, nullable=False),
    Column("captured", Micro, nullable=False),
    Column("last_total", Micro, nullable=False),
    Column("refunded", Micro, nullable=False),
    Column("unbilled", Micro, nullable=False),
    Column("state", String(8), nullable=False),
    Column("expires_at", Timestamp, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    Column("closed_at", Timestamp),
    CheckConstraint("captured >= 0 AND captured <= amount", "captured"),
    CheckConstraint("refunded >= 0 AND refunded <= captured", "refunded"),
    CheckConstraint("state IN ('open', 'settled', 'released')", "state"),
    Index(None, "state", "expires_at"),
    Index(None, "account_id", "state"),
)

credit_grants = Table(
    "credit_grants",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), ForeignKey("credit_accounts.id"), nullable=False),
    Column("source", String(255), nullable=False, unique=True),
    Column("amount", Micro, nullable=False),
    Column("remaining", Micro, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("expires_at", Timestamp, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    CheckConstraint("remaining >= 0 AND remaining <= amount", "remaining"),
    Index(None, "account_id", "expires_at"),
    Index(None, "expires_at"),
)
"""Grants that expire. What was granted for good is simply part of the balance."""
