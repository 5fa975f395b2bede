from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import func, literal, null, select, text

from backline.db.base import Timestamp
from backline.db.database import Database, database_url, sqlite_url
from backline.errors import Unavailable


@pytest.fixture(autouse=True)
async def _threads_end() -> AsyncIterator[None]:
    """A connection that failed or was cut off ends its thread a moment later, and says so to the loop."""
    before = set(threading.enumerate())
    yield
    for _ in range(200):
        if not any("connection_worker" in thread.name for thread in set(threading.enumerate()) - before):
            break
        await asyncio.sleep(0.01)


@pytest.fixture
async def counter(database: Database) -> Database:
    async with database.write() as tx:
        await tx.execute(text("CREATE TABLE counter (n INTEGER NOT NULL)"))
        await tx.execute(text("INSERT INTO counter VALUES (0)"))
    return database


async def _count(database: Database) -> int:
    async with database.read() as tx:
        return int((await tx.execute(text("SELECT n FROM counter"))).scalar_one())


async def test_what_raises_is_rolled_back(counter: Database) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012 - the block is what is tried
        async with counter.write() as tx:
            await tx.execute(text("UPDATE counter SET n = 1"))
            raise RuntimeError
    assert await _count(counter) == 0


async def test_what_is_cancelled_is_rolled_back_and_its_connection_is_free_again(counter: Database) -> None:
    begun = asyncio.Event()

    async def hold() -> None:
        async with counter.write() as tx:
            await tx.execute(text("UPDATE counter SET n = 1"))
            begun.set()
            await asyncio.sleep(60)

    for _ in range(12):  # more than there are connections
        begun.clear()
        task = asyncio.create_task(hold())
        await begun.wait()
        task.cancel()
        await asyncio.wait([task])
    async with counter.write() as tx:
        await tx.execute(text("UPDATE counter SET n = n + 5"))
    assert await _count(counter) == 5


async def test_many_writers_that_read_first_lose_nothing(counter: Database) -> None:
    async def add() -> None:
        async with counter.write() as tx:
            await tx.execute(text("SELECT n FROM counter"))
            await tx.execute(text("UPDATE counter SET n = n + 1"))

    await asyncio.gather(*(add() for _ in range(60)))
    assert await _count(counter) == 60


async def test_a_reader_does_not_wait_for_a_writer(counter: Database) -> None:
    async with counter.write() as tx:
        await tx.execute(text("UPDATE counter SET n = 1"))
        async with asyncio.timeout(5):
            assert await _count(counter) == 0


async def test_a_moment_comes_back_as_it_was(database: Database) -> None:
    moment = datetime(2026, 3, 29, 1, 30, 0, 1, timezone(timedelta(hours=5, minutes=30)))
    kind = Timestamp().compile(dialect=database._writer.dialect)
    async with database.write() as tx:
        await tx.execute(text(f"CREATE TABLE moments (at {kind})"))
        statement = text("INSERT INTO moments VALUES (:at)").bindparams()
        from sqlalchemy import bindparam

        await tx.execute(statement.bindparams(bindparam("at", type_=Timestamp())), {"at": moment})
        read = (await tx.execute(text("SELECT at FROM moments").columns(at=Timestamp()))).scalar_one()
    assert read == moment
    assert read.tzinfo is UTC
    with pytest.raises(ValueError, match="time zone"):
        Timestamp().process_bind_param(datetime(2026, 1, 1), database._writer.dialect)


async def test_a_search_in_any_case_knows_more_letters_than_ascii(database: Database) -> None:
    async with database.read() as tx:
        for text_, search in (("Élan", "él"), ("Привет", "ВЕТ"), ("a", "A")):
            assert (await tx.execute(select(literal(text_).icontains(search)))).scalar_one(), text_
        assert (await tx.execute(select(func.lower(null())))).scalar_one() is None


async def test_a_database_that_is_away_is_a_failure_that_passes(tmp_path: Path) -> None:
    for url in ("postgresql://nobody:s3cret@127.0.0.1:1/none", sqlite_url(tmp_path / "no" / "folder.db")):
        database = Database.open(url)
        with pytest.raises(Unavailable) as caught:
            async with database.read() as tx:
                await tx.execute(text("SELECT 1"))
        assert caught.value.retryable
        assert "s3cret" not in str(caught.value)
        await database.close()


@pytest.mark.parametrize("url", ["", "x", "mysql://h/n", "sqlite://", "sqlite:///:memory:", "postgres:s3cret"])
def test_what_is_no_address_of_a_database_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"postgresql://user:password@host/name") as caught:
        database_url(url)
    assert "s3cret" not in str(caught.value)


def test_the_customary_spelling_of_postgres_is_understood() -> None:
    assert database_url("postgres://h/n").drivername == "postgresql+psycopg"
