"""Statements that both databases have, each in words of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from backline.db.database import Tx


async def insert_if_absent(tx: Tx, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert one row, unless a unique column has such a value already; whether it was inserted.

    On Postgres it waits for another transaction that is inserting the same, to see whether that one commits.
    """
    dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing()
    counted = statement.execution_options(preserve_rowcount=True)  # psycopg forgets it with the cursor otherwise
    return (await tx.execute(counted, dict(values))).rowcount == 1
