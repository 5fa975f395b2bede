"""aiosqlite with one way to its thread and back for each statement.

Its own cursors go there four times: to be made, to execute, to fetch and to close. Each way costs the loop and the
thread a wait for the other's lock, which is several times what SQLite itself needs for a small statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import aiosqlite

Parameters = Sequence[Any]


class Connection(aiosqlite.Connection):
    """What SQLAlchemy's `async_creator_fn` is asked for: to be awaited before it is used."""

    def cursor(self) -> Cursor:  # type: ignore[override]
        return Cursor(self)

    async def in_thread(self, cursor: Cursor, how: str, sql: str, parameters: Any) -> None:
        await self._execute(partial(_run, self._conn, cursor, how, sql, parameters))  # type: ignore[no-untyped-call]


class Cursor:
    """The part of a cursor that SQLAlchemy uses. All rows are fetched with the statement."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.description: tuple[Any, ...] | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1
        self.rows: list[Any] = []

    async def __aenter__(self) -> Cursor:
        return self

    async def execute(self, sql: str, parameters: Parameters = ()) -> None:
        await self._connection.in_thread(self, "execute", sql, parameters)

    async def executemany(self, sql: str, parameters: Iterable[Parameters]) -> None:
        await self._connection.in_thread(self, "executemany", sql, parameters)

    async def fetchall(self) -> list[Any]:
        return self.rows

    async def close(self) -> None:
        self.rows = []


def connect(database: str, **options: Any) -> Connection:
    connection = Connection(partial(sqlite3.connect, database, **options), iter_chunk_size=64)
    connection._thread.daemon = True  # it waits for work that never comes when the loop was not closed
    return connection


def _run(connection: sqlite3.Connection, into: Cursor, how: str, sql: str, parameters: Any) -> None:
    cursor = connection.cursor()
    try:
        getattr(cursor, how)(sql, parameters)
        into.description = cursor.description
        into.rows = cursor.fetchall() if cursor.description else []
        into.rowcount, into.lastrowid = cursor.rowcount, cursor.lastrowid
    finally:
        cursor.close()
