"""`backline credits`, as an operator types it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from backline.cli import main
from backline.db.database import open_synchronous
from tests.databases import copy_of_sqlite

Shell = Callable[..., str]


@pytest.fixture
def shell(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """What a command prints; when it is to fail, what it says of that."""
    copy_of_sqlite(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("BACKLINE_SERVER__DATA_DIR", str(tmp_path / "data"))

    def run(*arguments: str, status: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["backline", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert (ended.value.code or 0) == status, err
        return (err if status else out).strip()

    return run


@pytest.fixture
def anna(shell: Shell) -> str:
    return shell("users", "create", "anna")


def test_an_operator_gives_credit(shell: Shell, anna: str) -> None:
    before = shell("credits", "balance", anna)
    assert before == "600 credits, 0 of them held for running work."
    assert shell("credits", "grant", anna, "0.5") == f"{anna} has 600.5 credits."
    for _ in range(3):
        said = shell("credits", "grant", anna, "100", "--key", "invoice 7", "--until", "2099-01-31")
        assert said == f"{anna} has 700.5 credits."
    assert "something else" in shell("credits", "grant", anna, "101", "--key", "invoice 7", status=1)
    assert shell("credits", "verify") == "Every balance equals its entries."


@pytest.mark.parametrize(
    "amount", ["0", "-5", "0.0000001", "ten", "NaN", "Infinity", "1e30", "1e999999999", "9999999999"]
)
def test_what_is_no_amount_is_refused(shell: Shell, anna: str, amount: str) -> None:
    assert "Error:" in shell("credits", "grant", "--", anna, amount, status=1)
    assert shell("credits", "balance", anna).startswith("600 credits")


def test_credit_that_would_end_at_once_is_refused(shell: Shell, anna: str) -> None:
    assert "Error:" in shell("credits", "grant", anna, "5", "--until", "2020-01-31", status=1)
    assert shell("credits", "balance", anna).startswith("600 credits")


def test_an_unknown_user_is_given_nothing(shell: Shell) -> None:
    assert "Error:" in shell("credits", "grant", "user_nobody", "5", status=1)
    assert "Error:" in shell("credits", "balance", "user_nobody", status=1)
    assert shell("credits", "verify") == "Every balance equals its entries."


def test_verify_says_what_does_not_agree(shell: Shell, anna: str, database_url: str) -> None:
    engine = open_synchronous(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE credit_accounts SET posted = posted + 1"))
    engine.dispose()
    said = shell("credits", "verify", status=1)
    assert f"account {anna}: posted is 600000001, its rows say 600000000" in said
