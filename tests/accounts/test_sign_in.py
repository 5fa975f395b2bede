"""Mock login, who one is, and the profile; first visits at the same moment."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from backline.accounts.service import Accounts, Profile
from backline.accounts.verified import VerifiedCallers
from backline.db.database import Database, Tx
from tests.accounts.conftest import Public
from tests.accounts.test_access import FOREIGN_HEADERS, described, filled
from tests.conftest import Running


def sign_in(server: Running, name: str = "anna") -> tuple[str, dict[str, str]]:
    """A user's id, and the headers that say so."""
    with server.client() as client:
        answer = client.post("/auth/mock-login", json={"test_user_id": name})
    assert answer.status_code == 200
    return answer.json()["user_id"], {"Authorization": f"Bearer {answer.json()['token']}"}


def test_a_made_up_user_is_the_same_at_every_sign_in(here: Running) -> None:
    anna, headers = sign_in(here)
    assert sign_in(here)[0] == anna
    assert sign_in(here, "bob")[0] != anna
    with here.client(headers=headers) as client:
        told = client.get("/api/me").json()
        assert told["signed_in"] is True
        assert told["user"]["id"] == anna
        assert client.get("/v1/models").status_code == 200


@pytest.mark.parametrize("name", ["", "a b", "../x", "a" * 65, "é", "a\n", 5, None])
def test_a_name_that_is_no_identifier_makes_no_user(here: Running, name: Any) -> None:
    with here.client() as client:
        assert client.post("/auth/mock-login", json={"test_user_id": name}).status_code == 422


def test_only_this_machine_makes_users_up(here: Running) -> None:
    with here.client() as client:
        for headers in FOREIGN_HEADERS:
            answer = client.post("/auth/mock-login", json={"test_user_id": "anna"}, headers=filled(headers, here))
            assert answer.status_code == 403, described(headers)
    _, signed_in = sign_in(here)
    with here.client(headers=signed_in) as client:  # being somebody does not help
        answer = client.post("/auth/mock-login", json={"test_user_id": "bob"}, headers={"X-Forwarded-For": "1.2.3.4"})
        assert answer.status_code == 403


def test_a_public_server_makes_nobody_up(public: Public) -> None:
    with public.client() as client:
        assert client.post("/auth/mock-login", json={"test_user_id": "anna"}).status_code == 401
        answer = client.post("/auth/apple", json={"identity_token": public.issuer.token()})
        assert (answer.status_code, answer.json()["code"]) == (503, "apple_login_off")
        assert "BACKLINE_ACCOUNTS__APPLE_AUDIENCE" in answer.json()["detail"]
        assert answer.json()["retryable"] is False


def test_whoever_is_nobody_is_told_so(here: Running, public: Public) -> None:
    nobody = {"signed_in": False, "user": None, "profile": None}
    for server in (here, public.server):
        with server.client() as client:
            assert client.get("/api/me").json() == nobody


def test_a_profile_is_changed_piece_by_piece(here: Running) -> None:
    _, headers = sign_in(here)
    with here.client(headers=headers) as client:
        changed = client.patch("/api/profile", json={"handle": "Anna_1", "display_name": "  Anna Ölsson "})
        assert changed.json()["profile"] == {"handle": "Anna_1", "display_name": "Anna Ölsson", "avatar_url": None}
        client.patch("/api/profile", json={"avatar_url": "https://example.com/anna.png"})
        client.patch("/api/profile", json={"display_name": None})
        assert client.get("/api/me").json()["profile"] == {
            "handle": "Anna_1",
            "display_name": None,
            "avatar_url": "https://example.com/anna.png",
        }


@pytest.mark.parametrize(
    "change",
    [
        {"handle": "ab"},
        {"handle": "a" * 31},
        {"handle": "anna b"},
        {"handle": "änna"},
        {"handle": "anna\n"},
        {"display_name": ""},
        {"display_name": "   "},
        {"display_name": "a" * 101},
        {"display_name": "a\u202eb"},
        {"display_name": "a\0b"},
        {"avatar_url": "http://example.com/a.png"},
        {"avatar_url": "javascript:alert(1)"},
        {"avatar_url": "https://"},
        {"avatar_url": "https://user:secret@example.com/a.png"},
        {"avatar_url": "https://[::1"},
        {"avatar_url": "https://example.com/" + "a" * 2000},
        {"id": "user_other"},
    ],
    ids=str,
)
def test_a_profile_that_makes_no_sense_is_refused(server: Running, change: dict[str, Any]) -> None:
    _, headers = sign_in(server, "profile")
    with server.client(headers=headers) as client:
        before = client.get("/api/me").json()
        assert client.patch("/api/profile", json=change).status_code == 422
        assert client.get("/api/me").json() == before


def test_a_handle_is_one_persons_in_whatever_case(here: Running) -> None:
    _, annas = sign_in(here, "anna")
    _, bobs = sign_in(here, "bob")
    with here.client() as client:
        assert client.patch("/api/profile", json={"handle": "Anna"}, headers=annas).status_code == 200
        assert client.patch("/api/profile", json={"handle": "ANNA"}, headers=annas).status_code == 200
        taken = client.patch("/api/profile", json={"handle": "anna", "display_name": "Bob"}, headers=bobs)
        assert (taken.status_code, taken.json()["code"]) == (409, "handle_taken")
        assert client.get("/api/me", headers=bobs).json()["profile"]["display_name"] != "Bob"
        client.patch("/api/profile", json={"handle": None}, headers=annas)
        assert client.patch("/api/profile", json={"handle": "anna"}, headers=bobs).status_code == 200


def test_first_visits_at_once_make_one_user(here: Running, public: Public) -> None:
    token = public.issuer.token("crowd")

    def visit(_: int) -> str:
        with public.client(token) as client:
            return str(client.get("/api/me").json()["user"]["id"])

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: sign_in(here, "crowd")[0], range(8)))) == 1
        assert len(set(threads.map(visit, range(8)))) == 1


class Hook:
    """Notes whom it was called for, in the transaction; fails when it is told to."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.failure: Exception | None = None

    async def __call__(self, tx: Tx, user_id: str) -> None:
        assert tx.in_transaction()
        self.seen.append(user_id)
        if self.failure is not None:
            raise self.failure


async def test_a_user_and_what_comes_with_one_are_made_together_or_not_at_all(database: Database) -> None:
    hook = Hook()
    accounts = Accounts(database, VerifiedCallers(), [hook])
    hook.failure = RuntimeError("no welcome")
    with pytest.raises(RuntimeError, match="no welcome"):
        await accounts.find_or_create("mock", "anna")
    assert await accounts.list() == []
    hook.failure, hook.seen = None, []
    visits = [accounts.find_or_create("mock", "anna", profile=Profile(email="a@example.com")) for _ in range(10)]
    users = await asyncio.gather(*visits)
    assert len({user.id for user in users}) == 1
    assert {user.email for user in users} == {"a@example.com"}
    assert hook.seen == [users[0].id]
    await accounts.find_or_create("mock", "anna")
    assert len(hook.seen) == 1


async def test_a_user_and_what_hangs_on_one_go_together_or_not_at_all(database: Database) -> None:
    hook = Hook()
    accounts = Accounts(database, VerifiedCallers(), [], [hook])
    user = await accounts.find_or_create("mock", "anna")
    hook.failure = RuntimeError("not yet")
    with pytest.raises(RuntimeError, match="not yet"):
        await accounts.delete(user.id)
    assert await accounts.get(user.id) == user
    hook.failure = None
    await accounts.delete(user.id)
    assert await accounts.find(user.id) is None
