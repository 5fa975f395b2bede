"""The ledger."""

from __future__ import annotations

revision = "0002_credits"
down_revision = "0001_accounts"


def upgrade() -> None:
    pass
