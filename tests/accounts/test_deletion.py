"""Whoever is deleted leaves nothing but entries in the ledger, and comes back as who they were for it alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx

from backline.accounts.assembly import pepper_of
from backline.accounts.own_tokens import OwnTokens
from backline.accounts.repository import User
from backline.accounts.service import Accounts
from backline.clock import utc_now
from backline.credits.service import Credits
from tests.accounts.conftest import Operator
from tests.conftest import Running, RunServer
from tests.speech.hearing import eventually

STAYS = ("credit_", "assets", "asset_uploads", "asset_usage", "speech_forgotten")
"""The ledger; files until the sweep has removed them; that texts which are still on their way are not to be kept."""


@contextmanager
def ada(server: Running) -> Iterator[tuple[str, httpx.Client]]:
    with server.client() as client:
        answer = client.post("/auth/mock-login", json={"test_user_id": "ada"}).json()
        client.headers["Authorization"] = f"Bearer {answer['token']}"
        yield answer["user_id"], client


def use_everything(client: httpx.Client) -> None:
    """A key, a voice, words, a request with its text, a job with its files, an upload that was begun."""
    assert client.post("/keys", json={"name": "one"}).status_code == 201
    assert client.post("/v1/voices", json={"name": "One", "voice": "tone-low"}).status_code == 201
    assert client.put("/v1/tts/lexicon", json={"lexicon": {"a": "b"}}).status_code == 200
    assert client.post("/v1/tts/generate", json={"text": "Hello.", "voice": "tone-low"}).status_code == 200
    eventually(lambda: bool(client.get("/v1/tts/texts").json()["texts"]))
    job = client.post("/v1/tts/jobs", json={"text": "Hello. " * 20, "voice": "tone-low"}).json()
    eventually(lambda: bool(client.get(f"/api/jobs/{job['id']}").json()["state"] == "succeeded"))
    begun = {"Tus-Resumable": "1.0.0", "Upload-Length": "100", "Upload-Metadata": "filename bG9vcC53YXY="}
    assert client.post("/api/uploads", headers=begun).status_code == 201
    assert len(client.get("/api/files").json()["files"]) == 3


def left_of(user_id: str, operator: Operator) -> list[str]:
    """The tables that know them and should not."""
    known = [table for table, rows in operator.rows().items() if any(user_id in row for row in rows)]
    return [table for table in known if not table.startswith(STAYS)]


def test_all_of_a_user_goes_and_the_ledger_stays(run_server: RunServer, operator: Operator, database_url: str) -> None:
    server = run_server(database={"url": database_url})
    with ada(server) as (user_id, client):
        use_everything(client)
        before = client.get("/credits/balance").json()
    operator.delete(user_id)
    assert left_of(user_id, operator) == []
    assert before["balance_seconds"] < "600"
    with ada(server) as (again, client):
        assert again == user_id
        assert client.get("/credits/balance").json() == before
        assert client.get("/api/jobs").json()["jobs"] == []
    assert operator.do(lambda parts: parts[Credits].verify()) == []


def test_what_a_server_lets_in_before_it_notices_goes_too(
    run_server: RunServer, operator: Operator, database_url: str
) -> None:
    server = run_server(database={"url": database_url})
    with ada(server) as (user_id, client):
        use_everything(client)
        operator.delete(user_id)
        assert client.post("/v1/voices", json={"name": "Late", "voice": "tone-low"}).status_code == 201
        assert client.put("/v1/tts/lexicon", json={"lexicon": {"a": "b"}}).status_code == 200
        assert sorted(left_of(user_id, operator)) == ["speech_lexicon", "speech_voices"]
        operator.do(lambda parts: parts[Accounts].delete_leftovers(user_id))
        assert left_of(user_id, operator) == []
    with ada(server) as (_, client):
        assert client.post("/v1/voices", json={"name": "Again", "voice": "tone-low"}).status_code == 201
        operator.do(lambda parts: parts[Accounts].delete_leftovers(user_id))  # they are back: nothing is left over
        assert client.get("/v1/voices?source=custom").json()["pagination"]["total"] == 1


def test_tokens_from_before_a_deletion_are_not_good_for_who_comes_back(here: Running, operator: Operator) -> None:
    with ada(here) as (user_id, _):
        pass
    long_ago = OwnTokens(pepper_of(operator.settings), timedelta(hours=1), lambda: utc_now() - timedelta(minutes=5))
    token = long_ago.issue(User(user_id, "mock", "ada", None, None, None, None, utc_now(), utc_now()))
    operator.delete(user_id)
    with ada(here) as (again, client), here.client(headers={"Authorization": f"Bearer {token}"}) as thief:
        assert thief.get("/api/me").status_code == 401
        assert client.get("/api/me").json()["user"]["id"] == again == user_id
