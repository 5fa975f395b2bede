"""Keys: made, shown once, rotated, revoked; never wider than their maker; and what checking them costs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event

from backline.accounts.assembly import pepper_of
from backline.accounts.key_format import KeyFormat
from backline.accounts.keys import MAX_LIVE_KEYS, Keys
from backline.accounts.principal import SCOPES, USER_SCOPES
from backline.accounts.verified import VerifiedCallers
from backline.clock import utc_now
from backline.db.database import Database
from tests.accounts.conftest import NO_LIMIT, Operator, Public
from tests.accounts.test_sign_in import sign_in
from tests.conftest import Running, RunServer


def works(server: Running, key: str) -> bool:
    with server.client() as client:
        status = client.get("/v1/models", headers={"X-API-Key": key}).status_code
    assert status in (200, 401)
    return status == 200


def make(client: httpx.Client, **wish: Any) -> dict[str, Any]:
    answer = client.post("/keys", json={"name": "mine", **wish})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_key_is_shown_once_and_known_by_its_ends(here: Running, operator: Operator) -> None:
    _, headers = sign_in(here)
    with here.client(headers=headers) as client:
        answer = client.post("/keys", json={"name": "mine"})
        assert answer.headers["cache-control"] == "no-store"
        made = answer.json()
        key = made.pop("key")
        assert key.startswith("bl_live_" + made["start"])
        assert key.endswith(made["last4"])
        assert (len(made["start"]), len(made["last4"])) == (8, 4)
        assert set(made["scopes"]) == USER_SCOPES
        assert client.get(f"/keys/{made['id']}").json() == made
        assert client.get("/keys").json() == {"keys": [made]}
    assert works(here, key)
    assert key not in str(operator.rows())
    assert key[8:51] not in str(operator.rows())


def test_without_an_account_this_machine_makes_keys_of_its_own(here: Running, public: Public) -> None:
    with here.client() as client:
        made = make(client, scopes=["speech", "admin"])
        assert [key["id"] for key in client.get("/keys").json()["keys"]] == [made["id"]]
    with here.client(headers={"X-API-Key": made["key"]}) as client:
        assert client.get("/keys").status_code == 200
        assert client.get("/api/me").json()["user"]["id"] == "local"
    assert not works(public.server, made["key"])  # the same database: nobody is local on a server for others


def test_a_key_that_is_revoked_stops_at_once_and_for_good(here: Running) -> None:
    _, headers = sign_in(here)
    with here.client(headers=headers) as client:
        made = make(client)
        assert works(here, made["key"])
        revoked = client.delete(f"/keys/{made['id']}").json()
        assert revoked["revoked_at"] is not None
        assert not works(here, made["key"])
        assert client.delete(f"/keys/{made['id']}").json() == revoked
        assert client.get(f"/keys/{made['id']}").json() == revoked
        assert client.get("/keys").json() == {"keys": []}
        again = client.post(f"/keys/{made['id']}/rotate")
        assert (again.status_code, again.json()["code"]) == (409, "key_not_live")


def test_rotation_makes_a_key_like_it_and_ends_the_old_one(here: Running, operator: Operator) -> None:
    _, headers = sign_in(here)
    with here.client(headers=headers) as client:
        ends = (utc_now() + timedelta(days=9)).isoformat()
        old = make(client, scopes=["speech"], requests_per_minute=7, max_streams=2, expires_at=ends)
        assert works(here, old["key"])
        new = client.post(f"/keys/{old['id']}/rotate").json()
        same = ("name", "scopes", "requests_per_minute", "max_streams", "expires_at")
        assert [new[name] for name in same] == [old[name] for name in same]
        assert new["rotated_from"] == old["id"]
        assert works(here, new["key"])
        assert not works(here, old["key"])

        newest = client.post(f"/keys/{new['id']}/rotate", json={"grace_seconds": 3600}).json()
        assert works(here, new["key"])
        assert works(here, newest["key"])
        ending = client.get(f"/keys/{new['id']}").json()
        assert ending["revoked_at"] is None
        assert utc_now().isoformat() < ending["expires_at"] < (utc_now() + timedelta(seconds=3601)).isoformat()
        operator.expire(new["id"])
        here.app.state.provided.get(VerifiedCallers).forget(lambda _: True)
        assert not works(here, new["key"])
        for seconds in (-1, 86_401, "x"):
            assert client.post(f"/keys/{newest['id']}/rotate", json={"grace_seconds": seconds}).status_code == 422


def test_a_key_dies_when_its_time_comes_even_while_it_is_remembered(here: Running, operator: Operator) -> None:
    _, key = operator.key(operator.user("anna"), expires_at=utc_now() + timedelta(seconds=20))
    callers = here.app.state.provided.get(VerifiedCallers)
    assert works(here, key)
    before = callers.monotonic
    callers.monotonic = lambda: before() + 21
    here.app.state.provided.get(Keys)._clock = lambda: utc_now() + timedelta(seconds=21)
    assert not works(here, key)


WISHES: list[tuple[dict[str, Any], int]] = [
    ({"scopes": ["speech"]}, 201),
    ({"scopes": ["speech", "jam"]}, 403),
    ({"scopes": ["admin"]}, 403),
    ({"requests_per_minute": 100, "max_streams": 2}, 201),
    ({"requests_per_minute": 101}, 403),
    ({"max_streams": 3}, 403),
    ({"days": 1}, 201),
    ({"days": 9}, 403),
    ({"days": -1}, 422),
    ({"expires_at": "2030-01-01T00:00:00"}, 422),
    ({"scopes": []}, 422),
    ({"scopes": ["everything"]}, 422),
    ({"requests_per_minute": 0}, 422),
    ({"name": ""}, 422),
    ({"user_id": "user_other"}, 422),
]
"""What a key asks for, and the answer. days: from now on; the key itself ends in two."""


def test_a_key_makes_no_key_that_is_wider_than_itself(here: Running, operator: Operator) -> None:
    now = utc_now()
    ends = now + timedelta(days=2)
    own = {"scopes": ["speech", "admin"], "requests_per_minute": 100, "max_streams": 2, "expires_at": ends}
    _, key = operator.key(operator.user("anna"), **own)
    with here.client(headers={"X-API-Key": key}) as client:
        for asked, status in WISHES:
            wish = {name: value for name, value in asked.items() if name != "days"}
            if "days" in asked:
                wish["expires_at"] = (now + timedelta(days=asked["days"])).isoformat()
            before = operator.rows()
            answer = client.post("/keys", json={"name": "child", **wish})
            assert answer.status_code == status, asked
            if status == 201:
                child = answer.json()
                assert set(child["scopes"]) <= {"speech"}
                assert child["requests_per_minute"] <= 100
                assert child["max_streams"] <= 2
                assert child["expires_at"] <= ends.isoformat().replace("+00:00", "Z")
            else:
                assert operator.rows() == before, asked


def test_a_key_rotates_itself_but_none_that_is_wider(here: Running, operator: Operator) -> None:
    user = operator.user("anna")
    own_id, own = operator.key(user, scopes=["speech", "admin"], requests_per_minute=10)
    wider = [
        operator.key(user, scopes=["speech", "jam"])[0],
        operator.key(user, scopes=["speech"], requests_per_minute=20)[0],
    ]
    with here.client(headers={"X-API-Key": own}) as client:
        for key_id in wider:
            assert client.post(f"/keys/{key_id}/rotate").status_code == 403
            assert client.get(f"/keys/{key_id}").json()["revoked_at"] is None
        renewed = client.post(f"/keys/{own_id}/rotate")
        assert renewed.status_code == 201
        assert set(renewed.json()["scopes"]) == {"speech", "admin"}


def test_a_user_makes_no_key_beyond_the_servers_limits_but_keeps_what_an_operator_gave(
    run_server: RunServer, operator: Operator, public: Public
) -> None:
    token = public.issuer.token("anna")
    with public.client(token) as client:
        user = client.get("/api/me").json()["user"]["id"]
        assert client.post("/keys", json={"name": "a", "scopes": ["admin"]}).status_code == 403
        assert client.post("/keys", json={"name": "a", "max_streams": 17}).status_code == 403
        generous, _ = operator.key(user, max_streams=500)
        rotated = client.post(f"/keys/{generous}/rotate")
        assert (rotated.status_code, rotated.json()["max_streams"]) == (201, 500)
        powerful, _ = operator.key(user, scopes=SCOPES)
        assert client.post(f"/keys/{powerful}/rotate").status_code == 403


def test_a_user_has_so_many_keys_and_no_more(here: Running) -> None:
    _, headers = sign_in(here)
    with here.client(headers=headers) as client:
        made = [make(client)["id"] for _ in range(MAX_LIVE_KEYS)]
        refused = client.post("/keys", json={"name": "one more"})
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_keys")
        overlapping = client.post(f"/keys/{made[1]}/rotate", json={"grace_seconds": 60})
        assert (overlapping.status_code, overlapping.json()["code"]) == (409, "too_many_keys")
        assert client.post(f"/keys/{made[1]}/rotate").status_code == 201
        client.delete(f"/keys/{made[0]}")
        assert client.post(f"/keys/{made[2]}/rotate", json={"grace_seconds": 60}).status_code == 201
        assert client.post("/keys", json={"name": "one more"}).status_code == 409


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ("9999-12-31T23:59:59+00:00", 201),
        ("9999-12-31T23:59:59-01:00", 422),
        ("0001-01-01T00:00:00+01:00", 422),
        ("2099-01-01T00:00:00", 422),
    ],
)
def test_a_key_ends_at_a_moment_that_there_is(here: Running, ends: str, status: int) -> None:
    _, headers = sign_in(here)
    with here.client(headers=headers) as client:
        assert client.post("/keys", json={"name": "mine", "expires_at": ends}).status_code == status


@contextmanager
def counted(server: Running) -> Iterator[list[str]]:
    """The statements that a server sends meanwhile."""
    database = server.app.state.provided.get(Database)
    engines: set[Engine] = {database._reader.sync_engine, database._writer.sync_engine}
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


def test_what_was_seen_a_moment_ago_costs_no_query(public: Public) -> None:
    _, key = public.operator.key(public.operator.user("anna"))
    with public.client() as client:

        def ask(secret: str, times: int = 1) -> int:
            headers = {"Authorization": f"Bearer {secret}"}
            return [client.get("/v1/models", headers=headers).status_code for _ in range(times)][-1]

        with counted(public.server) as statements:
            assert ask(key) == 200
            assert len(statements) >= 1
        with counted(public.server) as statements:
            assert ask(key, 20) == 200
            assert statements == []
        token = public.issuer.token("bob")
        assert ask(token) == 200
        with counted(public.server) as statements:
            assert ask(token, 20) == 200
            assert statements == []


def test_what_is_unknown_cannot_hammer_the_database(public: Public) -> None:
    revoked_id, revoked = public.operator.key(public.operator.user("anna"))
    public.operator.revoke(revoked_id)
    never_made = KeyFormat(pepper_of(public.operator.settings)).new()
    with public.client() as client:
        for key in (revoked, never_made):
            with counted(public.server) as statements:
                for _ in range(20):
                    assert client.get("/v1/models", headers={"X-API-Key": key}).status_code == 401
            assert len([one for one in statements if "api_keys" in one]) == 1
        with counted(public.server) as statements:
            for number in range(50):
                made_up = f"bl_live_{number:051d}"
                assert client.get("/v1/models", headers={"X-API-Key": made_up}).status_code == 401
            assert client.get("/v1/models", headers={"Authorization": f"Bearer {'a.b.c'}"}).status_code == 401
        assert statements == []


def test_many_at_once_with_a_new_key_ask_once(public: Public) -> None:
    _, key = public.operator.key(public.operator.user("anna"))
    statuses: list[int] = []

    def ask() -> None:
        with public.client(key) as client:
            statuses.append(client.get("/v1/models").status_code)

    with counted(public.server) as statements:
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [200] * 8
    assert len([one for one in statements if "api_keys" in one]) == 1


def test_a_key_revoked_on_one_server_stops_on_another_within_half_a_minute(
    run_server: RunServer, operator: Operator, database_url: str
) -> None:
    one, other = (run_server((), database={"url": database_url}, limits=NO_LIMIT) for _ in range(2))
    _, headers = sign_in(one)
    with one.client(headers=headers) as client:
        made = make(client)
        assert works(one, made["key"])
        assert works(other, made["key"])
        client.delete(f"/keys/{made['id']}")
    assert not works(one, made["key"])
    assert works(other, made["key"])  # from its memory
    callers = other.app.state.provided.get(VerifiedCallers)
    before = callers.monotonic
    callers.monotonic = lambda: before() + 30
    assert not works(other, made["key"])


def test_a_deleted_user_is_nobody(run_server: RunServer, here: Running, operator: Operator) -> None:
    user, headers = sign_in(here)
    with here.client(headers=headers) as client:
        made = make(client)
    operator.delete(user)
    callers = here.app.state.provided.get(VerifiedCallers)
    before = callers.monotonic
    callers.monotonic = lambda: before() + 30
    assert not works(here, made["key"])
    with here.client(headers=headers) as client:
        assert client.get("/api/me").status_code == 401
