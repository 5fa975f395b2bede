"""The ledger: accounts, transactions and their entries, holds, and grants that expire."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backline.db.base import Micro, Timestamp

revision = "0002_credits"
down_revision = "0001_accounts"

_APPEND_ONLY = ("credit_transactions", "credit_entries")


def upgrade() -> None:
    _accounts()
    _transactions()
    _entries()
    _holds()
    _grants()
    for table in _APPEND_ONLY:
        _append_only(table)


def _accounts() -> None:
    op.create_table(
        "credit_accounts",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("posted", Micro, nullable=False),
        sa.Column("held", Micro, nullable=False),
        sa.Column("expiring", Micro, nullable=False),
        sa.CheckConstraint("posted >= 0", name=op.f("ck_credit_accounts_posted")),
        sa.CheckConstraint("held >= 0 AND held <= posted", name=op.f("ck_credit_accounts_held")),
        sa.CheckConstraint("expiring >= 0 AND expiring <= posted", name=op.f("ck_credit_accounts_expiring")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_accounts")),
    )


def _transactions() -> None:
    op.create_table(
        "credit_transactions",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("idempotency_key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("reference", sa.String(255)),
        sa.Column("product", sa.String(32)),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_transactions")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_credit_transactions_idempotency_key")),
    )
    op.create_index(op.f("ix_credit_transactions_day"), "credit_transactions", ["day"])


def _entries() -> None:
    op.create_table(
        "credit_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, autoincrement=True),
        sa.Column("transaction_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("amount", Micro, nullable=False),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["credit_transactions.id"], op.f("fk_credit_entries_transaction_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_entries")),
    )
    op.create_index(op.f("ix_credit_entries_transaction_id"), "credit_entries", ["transaction_id"])
    op.create_index(op.f("ix_credit_entries_account_id_id"), "credit_entries", ["account_id", "id"])


def _holds() -> None:
    op.create_table(
        "credit_holds",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("reference", sa.String(255), nullable=False),
        sa.Column("product", sa.String(32), nullable=False),
        sa.Column("unit", sa.String(16), nullable=False),
        *(
            sa.Column(name, Micro, nullable=False)
            for name in ("micro_per_unit", "opened_with", "amount", "captured", "last_total", "refunded", "unbilled")
        ),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("expires_at", Timestamp, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("closed_at", Timestamp),
        sa.CheckConstraint("captured >= 0 AND captured <= amount", name=op.f("ck_credit_holds_captured")),
        sa.CheckConstraint("refunded >= 0 AND refunded <= captured", name=op.f("ck_credit_holds_refunded")),
        sa.CheckConstraint("state IN ('open', 'settled', 'released')", name=op.f("ck_credit_holds_state")),
        sa.ForeignKeyConstraint(["account_id"], ["credit_accounts.id"], op.f("fk_credit_holds_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_holds")),
        sa.UniqueConstraint("reference", name=op.f("uq_credit_holds_reference")),
    )
    op.create_index(op.f("ix_credit_holds_state_expires_at"), "credit_holds", ["state", "expires_at"])
    op.create_index(op.f("ix_credit_holds_account_id_state"), "credit_holds", ["account_id", "state"])


def _grants() -> None:
    op.create_table(
        "credit_grants",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("source", sa.String(255), nullable=False),
        sa.Column("amount", Micro, nullable=False),
        sa.Column("remaining", Micro, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("expires_at", Timestamp, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.CheckConstraint("remaining >= 0 AND remaining <= amount", name=op.f("ck_credit_grants_remaining")),
        sa.ForeignKeyConstraint(["account_id"], ["credit_accounts.id"], op.f("fk_credit_grants_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_grants")),
        sa.UniqueConstraint("source", name=op.f("uq_credit_grants_source")),
    )
    op.create_index(op.f("ix_credit_grants_account_id_expires_at"), "credit_grants", ["account_id", "expires_at"])
    op.create_index(op.f("ix_credit_grants_expires_at"), "credit_grants", ["expires_at"])


def _append_only(table: str) -> None:
    """What was written stays as it was written, whoever holds the connection."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
    )
