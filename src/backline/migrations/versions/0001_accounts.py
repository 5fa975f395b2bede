"""Users, their keys, and the tickets that open sockets."""

from __future__ import annotations

revision = "0001_accounts"
down_revision = None


def upgrade() -> None:
    pass
