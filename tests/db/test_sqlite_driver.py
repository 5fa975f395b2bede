"""What SQLAlchemy asks of a cursor, asked of ours."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backline.db.sqlite_driver import Connection, connect


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[Connection]:
    connection = connect(str(tmp_path / "a.db"))
    await connection
    await connection.cursor().execute("CREATE TABLE one (id INTEGER PRIMARY KEY, word TEXT UNIQUE)")
    yield connection
    await connection.close()


async def test_rows_their_columns_and_their_count(connection: Connection) -> None:
    cursor = connection.cursor()
    await cursor.executemany("INSERT INTO one (word) VALUES (?)", [("a",), ("b",), ("c",)])
    assert (cursor.rowcount, cursor.description) == (3, None)
    await cursor.execute("UPDATE one SET word = word || '!' WHERE id > ? RETURNING id, word", (1,))
    assert cursor.rowcount == 2
    assert [column[0] for column in cursor.description or ()] == ["id", "word"]
    assert await cursor.fetchall() == [(2, "b!"), (3, "c!")]
    await cursor.execute("INSERT INTO one (word) VALUES ('d')")
    assert (cursor.lastrowid, await cursor.fetchall()) == (4, [])


async def test_what_fails_holds_nothing_up(connection: Connection) -> None:
    cursor = connection.cursor()
    await cursor.execute("INSERT INTO one (word) VALUES ('a')")
    with pytest.raises(sqlite3.IntegrityError):
        await cursor.execute("INSERT INTO one (word) VALUES ('a')")
    await connection.rollback()
    await cursor.execute("SELECT count(*) FROM one")
    assert await cursor.fetchall() == [(0,)]
