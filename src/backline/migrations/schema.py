"""The schema's history: bring a database forward, and tell whether the code and a database fit each other."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

import backline.accounts.models
import backline.assets.models
import backline.credits.models
import backline.exports.models
import backline.jam.models
import backline.jobs.models
import backline.speech.models  # noqa: F401 - they are imported for their tables
from backline.db.base import metadata
from backline.db.database import as_unavailable, open_synchronous
from backline.errors import Conflict

Fit = Literal["current", "empty", "behind", "unknown"]
"""How a database stands to this code. unknown: made by a later release, or by something else."""


class SchemaMismatch(Conflict):
    """The database has another schema than the code; the message says what to do."""

    default_code = "schema_mismatch"


def upgrade(url: str) -> tuple[str | None, str]:
    """Bring the database forward to this code's schema; from where to where. Nothing happens when it is there.

    All in one transaction, so that it is done or not begun. Raises SchemaMismatch for a schema that is not ours.
    """
    engine = open_synchronous(url)
    try:
        with as_unavailable(), engine.begin() as connection:
            _lock(connection)
            before, fit = _current(connection), _fit(connection)
            if fit == "unknown":
                raise SchemaMismatch(_UNKNOWN.format(before))
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            return before, _head()
    finally:
        engine.dispose()


def require_current(url: str) -> None:
    """Raises SchemaMismatch, which says what to do, unless the schema is the one this code knows."""
    engine = open_synchronous(url)
    try:
        with as_unavailable(), engine.connect() as connection:
            before, fit = _current(connection), _fit(connection)
    finally:
        engine.dispose()
    if fit == "unknown":
        raise SchemaMismatch(_UNKNOWN.format(before))
    if fit != "current":
        raise SchemaMismatch(
            f"The database's schema is {before or 'empty'}, this code needs {_head()}. Run: backline migrate"
        )


_UNKNOWN = (
    "The database's schema ({}) is not known to this code. It was made by a later release, or is not Backline's: "
    "install the release that made it, or name another database."
)


def _fit(connection: Connection) -> Fit:
    current = _current(connection)
    if current == _head():
        return "current"
    if current is not None:
        return "behind" if current in {script.revision for script in _scripts().walk_revisions()} else "unknown"
    ours = set(metadata.tables) & set(inspect(connection).get_table_names())
    return "unknown" if ours else "empty"


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _head() -> str:
    head = _scripts().get_current_head()
    assert head is not None
    return head


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent))


def _lock(connection: Connection) -> None:
    """Two that migrate at once take turns."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('backline.migrations'))"))
