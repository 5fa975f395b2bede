from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from backline.db.base import metadata
from backline.db.database import open_synchronous, sqlite_url
from backline.migrations.schema import SchemaMismatch, require_current, upgrade
from tests.databases import Postgres

KINDS = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


@pytest.fixture
def empty(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    if kind == "sqlite":
        yield sqlite_url(tmp_path / "a.db")
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        with postgres.fresh(template="template0") as url:
            yield url


def _execute(url: str, *statements: str) -> None:
    engine = open_synchronous(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_the_migrations_make_the_tables_that_the_code_knows(database_url: str) -> None:
    engine = open_synchronous(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


@KINDS
def test_an_empty_database_is_brought_forward_once(empty: str) -> None:
    with pytest.raises(SchemaMismatch, match="backline migrate"):
        require_current(empty)
    before, after = upgrade(empty)
    assert before is None
    require_current(empty)
    assert upgrade(empty) == (after, after)


@KINDS
def test_the_schema_of_a_later_release_is_refused_and_left_alone(empty: str) -> None:
    upgrade(empty)
    _execute(empty, "UPDATE alembic_version SET version_num = '9999_later'")
    for attempt in (upgrade, require_current):
        with pytest.raises(SchemaMismatch, match="9999_later"):
            attempt(empty)


@KINDS
def test_tables_that_nobody_knows_the_history_of_are_left_alone(empty: str) -> None:
    upgrade(empty)
    _execute(empty, "DELETE FROM alembic_version")
    for attempt in (upgrade, require_current):
        with pytest.raises(SchemaMismatch, match="not known"):
            attempt(empty)


@KINDS
def test_two_that_migrate_at_once_take_turns(empty: str) -> None:
    failures: list[BaseException] = []

    def migrate() -> None:
        try:
            upgrade(empty)
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    require_current(empty)
