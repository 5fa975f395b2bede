"""One database: a SQLite file by default, Postgres by URL. Whoever asks sees transactions and nothing else.

    async with database.write() as tx:      # committed at the end of the block, rolled back if it raises
        await tx.execute(...)

Money and state change in the same `tx`; nothing holds one during a stream, a socket or an engine call.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Literal, Self

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from backline.db.sqlite_driver import connect
from backline.errors import BacklineError, Unavailable

Tx = AsyncConnection
"""An open transaction."""

_WAIT_SECONDS = 10.0
"""How long a transaction waits for a connection, and on SQLite for the one writer, before it is an error."""


class Database:
    """Made by `open`; `read` and `write` may be used from any task of the loop that made it.

    SQLite has one writer at a time, whatever the number of connections: so writers queue in the process for one
    connection that begins IMMEDIATE (a transaction that reads first and writes later could fail at once otherwise),
    and readers have connections of their own that never wait for it (WAL).
    """

    def __init__(self, url: URL, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self.url = url
        self._writer = writer
        self._reader = reader

    @classmethod
    def open(cls, url: str, *, pool_size: int = 10, synchronous: Literal["NORMAL", "FULL"] = "NORMAL") -> Self:
        """url: as in `database_url`. pool_size: connections to Postgres. synchronous: for SQLite; NORMAL may lose the
        last commits when the power fails, never when the process dies.

        Connects lazily. Raises ValueError for a URL that names neither database.
        """
        parsed = database_url(url)
        if parsed.get_backend_name() == "postgresql":
            engine = _postgres(parsed, pool_size)
            return cls(parsed, engine, engine)
        return cls(parsed, _sqlite(parsed, 1, "IMMEDIATE", synchronous), _sqlite(parsed, 4, "DEFERRED", synchronous))

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.url.get_backend_name()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """A transaction that only reads: it sees one moment on SQLite, and committed rows on Postgres."""
        with as_unavailable():
            async with self._reader.begin() as tx:
                yield tx

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Tx]:
        """A transaction that is committed at the end of the block. Raises Unavailable when the database is away; then
        it is not known whether the commit arrived, so every change must bear being made again."""
        with as_unavailable():
            async with self._writer.begin() as tx:
                yield tx

    async def close(self) -> None:
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()


def database_url(url: str) -> URL:
    """`sqlite:///path/to.db`, or `postgresql://user:password@host/name`, with the driver that is used here filled in.

    Raises ValueError: what is wrong, without the URL, which may hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("This is no database URL. Write postgresql://user:password@host/name.") from None
    backend = parsed.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(drivername="sqlite+aiosqlite")
    raise ValueError("The database must be postgresql://user:password@host/name or sqlite:///path/to.db.")


def sqlite_url(path: Path) -> str:
    return URL.create("sqlite", database=str(path)).render_as_string()


def open_synchronous(url: str) -> Engine:
    """The same database through the ordinary driver, for what is not a server: migrations, and nothing else."""
    parsed = database_url(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed)
    engine = create_engine(parsed.set(drivername="sqlite"), connect_args={"timeout": _WAIT_SECONDS})
    _prepare_sqlite(engine, "IMMEDIATE", "FULL")
    return engine


def _postgres(url: URL, pool_size: int) -> AsyncEngine:
    try:
        return create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_WAIT_SECONDS,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 5, "options": "-c statement_timeout=30000 -c lock_timeout=10000"},
        )
    except ModuleNotFoundError:
        raise ValueError("Postgres needs the psycopg driver: pip install 'backline[postgres]'.") from None


def _sqlite(url: URL, connections: int, begin: str, synchronous: str) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_WAIT_SECONDS,
        connect_args={"timeout": _WAIT_SECONDS, "async_creator_fn": connect},
    )
    _prepare_sqlite(engine.sync_engine, begin, synchronous)
    return engine


def _prepare_sqlite(engine: Engine, begin: str, synchronous: str) -> None:
    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver would begin by itself, always DEFERRED, and not before a DDL
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        connection.create_function("lower", 1, _lower, deterministic=True)

    @event.listens_for(engine, "begin")
    def begin_as_told(connection: Any) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")


def _lower(text: str | None) -> str | None:
    """As Postgres does it: SQLite's own knows no letters but ASCII's, and a search in any case found no other."""
    return None if text is None else text.lower()


@contextmanager
def as_unavailable() -> Iterator[None]:
    """A database that is away, full or too busy is a failure that passes; a wrong statement is our own mistake."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout, sqlite3.OperationalError) as error:
        raise _unavailable() from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise _unavailable() from error


def _unavailable() -> BacklineError:
    return Unavailable("The database cannot be reached. Try again.", code="database_unavailable", retry_after_seconds=5)
