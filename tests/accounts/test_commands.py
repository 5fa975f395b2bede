"""`backline users` and `backline keys`, as an operator types them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from backline.cli import main
from tests.conftest import RunServer
from tests.databases import copy_of_sqlite


class Shell:
    """Runs a command in this process, as the shell would start it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str, status: int = 0) -> str:
        """What it prints; when it is to fail, what it says of that."""
        self._monkeypatch.setattr(sys, "argv", ["backline", *arguments])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capsys.readouterr()
        assert (ended.value.code or 0) == status, err
        return (err if status else out).strip()


@pytest.fixture
def shell(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    copy_of_sqlite(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("BACKLINE_SERVER__DATA_DIR", str(tmp_path / "data"))
    return Shell(monkeypatch, capsys)


@pytest.mark.slow
def test_an_operator_gives_a_key_and_takes_it_back(shell: Shell, run_server: RunServer, database_url: str) -> None:
    user = shell("users", "create", "anna", "--email", "anna@example.com")
    assert shell("users", "create", "anna") == user
    key = shell("keys", "create", user, "--scope", "speech", "--scope", "admin", "--name", "ci [1]", "--days", "1")
    assert "\n" not in key
    listed = shell("keys", "list", "--user", user)
    assert key not in listed
    assert f"{key[8:16]}…{key[-4:]}" in listed
    assert "ci [1]" in listed
    key_id = listed.splitlines()[1].split()[0]

    server = run_server((), server={"host": "0.0.0.0"}, database={"url": database_url})
    with server.client() as client:
        told = client.get("/keys", headers={"X-API-Key": key}).json()["keys"]
        assert [(one["id"], set(one["scopes"])) for one in told] == [(key_id, {"speech", "admin"})]
        rotated = shell("keys", "rotate", key_id, "--grace-seconds", "60")
        assert client.get("/keys", headers={"X-API-Key": rotated}).status_code == 200
        new_id = next(line for line in shell("keys", "list").splitlines() if rotated[8:16] in line).split()[0]
        unused = shell("keys", "create", user)
        unused_id = next(line for line in shell("keys", "list").splitlines() if unused[8:16] in line).split()[0]
        shell("keys", "revoke", unused_id)
        assert unused_id not in shell("keys", "list")
        assert "revoked" in shell("keys", "list", "--all")
        assert client.get("/keys", headers={"X-API-Key": unused}).status_code == 401
    assert new_id != key_id

    assert user in shell("users", "list")
    shell("users", "delete", user, "--yes", "--no-wait")
    assert user not in shell("users", "list")
    assert user not in shell("keys", "list", "--all")


def test_a_command_that_cannot_be_done_is_one_sentence(shell: Shell) -> None:
    for arguments in (
        ("keys", "create", "user_nobody"),
        ("keys", "create", "user_nobody", "--scope", "everything"),
        ("keys", "revoke", "key_nothing"),
        ("keys", "rotate", "key_nothing"),
        ("users", "delete", "user_nobody", "--yes"),
        ("users", "create", ""),
        ("users", "create", " "),
        ("keys", "create", "user_nobody", "--days", "nan"),
        ("keys", "create", "user_nobody", "--days", "1e9"),
        ("keys", "create", "user_nobody", "--name", "two\nlines"),
    ):
        said = shell(*arguments, status=1)
        assert said.startswith("Error: "), arguments
        assert "\n" not in said


def test_a_deletion_waits_for_servers_that_have_not_noticed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    user = shell("users", "create", "anna")
    shell("users", "delete", user, "--yes")
    assert waited == [35]
    assert user not in shell("users", "list")
