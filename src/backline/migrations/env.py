"""Alembic's entrance: it runs this file with the connection that `schema` has put into its configuration."""

from __future__ import annotations

from alembic import context

import backline.migrations.schema  # noqa: F401 - brings in every table
from backline.db.base import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
