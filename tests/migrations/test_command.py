"""`backline migrate`, and a server that starts only on a schema it knows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from backline.db.database import open_synchronous, sqlite_url
from backline.migrations.schema import upgrade
from tests.databases import Postgres

pytestmark = pytest.mark.slow

COMMAND = Path(sys.executable).with_name("backline")


def _backline(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **environment}
    return subprocess.run(
        [COMMAND, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_an_operators_database_is_brought_forward_only_when_told(postgres: Postgres, tmp_path: Path) -> None:
    with postgres.fresh(template="template0") as url:
        refused = _backline("serve", "--port", "0", cwd=tmp_path, DATABASE_URL=url)
        assert refused.returncode == 1
        assert "Run: backline migrate" in refused.stderr
        for said in ("it was empty", "as it was"):
            migrated = _backline("migrate", cwd=tmp_path, DATABASE_URL=url)
            assert migrated.returncode == 0, migrated.stderr
            assert said in migrated.stdout
        assert upgrade(url)[0] is not None


def test_a_server_does_not_start_on_the_file_of_a_later_release(tmp_path: Path) -> None:
    file = tmp_path / "data" / "backline.db"
    file.parent.mkdir()
    upgrade(sqlite_url(file))
    engine = open_synchronous(sqlite_url(file))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_later'"))
    engine.dispose()
    refused = _backline("serve", "--port", "0", cwd=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: ")
    assert "9999_later" in refused.stderr


def test_a_database_that_is_away_or_no_database_is_one_sentence_without_the_password(tmp_path: Path) -> None:
    for url in ("postgresql://u:s3cret@127.0.0.1:1/x", "mysql://u:s3cret@127.0.0.1:1/x"):
        refused = _backline("migrate", cwd=tmp_path, DATABASE_URL=url)
        assert refused.returncode == 1
        assert refused.stderr.startswith("Error: ")
        assert refused.stderr.count("\n") == 1
        assert "s3cret" not in refused.stderr
