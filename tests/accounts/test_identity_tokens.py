"""Tokens of an issuer that really publishes keys over HTTP, and misbehaves in every way one can."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt
import pytest

from backline.accounts.issuers import APPLE, IdentityTokens
from backline.accounts.jwks import COOL_DOWN_SECONDS, FRESH_SECONDS, HttpPublisher, may_be_fetched, open_publisher
from backline.accounts.tokens import unverified
from backline.errors import BacklineError, Invalid, Unauthenticated, Unavailable
from backline.gateway.app import create_app
from backline.settings import Issuer, Settings
from tests.accounts.conftest import NO_LIMIT, Operator, Public
from tests.accounts.issuer import AUDIENCE, Answer, FakeIssuer, SigningKey
from tests.accounts.test_credentials import hs256
from tests.conftest import RunServer


class Reader:
    """Reads tokens of one issuer, at a time that the test chooses."""

    def __init__(self, publisher: HttpPublisher, *issuers: Issuer) -> None:
        self.tokens = IdentityTokens(issuers, publisher, 30)
        self.seconds = 1000.0
        for _, keys in self.tokens._issuers:
            keys.monotonic = lambda: self.seconds

    async def subject(self, token: str) -> str:
        return (await self.tokens.read(token, *unverified(token))).subject

    async def refusal(self, token: str) -> BacklineError:
        with pytest.raises(BacklineError) as caught:
            await self.subject(token)
        return caught.value


def settings_of(issuer: FakeIssuer, **other: object) -> Issuer:
    return Issuer.model_validate({**issuer.settings, **other})


async def test_a_token_of_a_new_key_makes_the_keys_be_fetched_again_but_not_more_often_than_allowed(
    issuer: FakeIssuer,
) -> None:
    async with open_publisher() as publisher:
        reader = Reader(publisher, settings_of(issuer))
        assert await reader.subject(issuer.token()) == "anna"
        assert await reader.subject(issuer.token("bob")) == "bob"
        assert issuer.times_asked_for_keys() == 1

        issuer.keys.insert(0, SigningKey.rsa("two"))
        assert isinstance(await reader.refusal(issuer.token()), Unauthenticated)  # asked a moment ago
        reader.seconds += COOL_DOWN_SECONDS
        assert await reader.subject(issuer.token()) == "anna"
        assert issuer.times_asked_for_keys() == 2

        for number in range(50):
            await reader.refusal(issuer.token(key=SigningKey.ec(f"stranger-{number}")))
        assert issuer.times_asked_for_keys() == 2


async def test_a_key_that_is_published_no_more_is_believed_no_more(issuer: FakeIssuer) -> None:
    async with open_publisher() as publisher:
        reader = Reader(publisher, settings_of(issuer))
        old = issuer.token()
        assert await reader.subject(old) == "anna"
        issuer.keys[:] = [SigningKey.ec("two")]
        assert await reader.subject(old) == "anna"
        reader.seconds += FRESH_SECONDS + 1
        assert isinstance(await reader.refusal(old), Unauthenticated)


def down() -> Answer:
    return 503, b"later"


def moved() -> Answer:
    return 302, b""


def slow() -> Answer:
    time.sleep(0.6)
    return 200, b'{"keys": []}'


def huge() -> Answer:
    return 200, b'{"keys": [' + b" " * 1_000_000 + b"]}"


def page() -> Answer:
    return 200, b"<html>maintenance</html>"


def deep() -> Answer:
    return 200, b"[" * 100_000


def no_set() -> Answer:
    return 200, b'["keys"]'


FAULTS = pytest.mark.parametrize("fault", [down, moved, slow, huge, page, deep, no_set], ids=lambda one: one.__name__)


@FAULTS
async def test_known_keys_outlive_an_issuer_that_cannot_be_asked_and_unknown_ones_wait_for_it(
    issuer: FakeIssuer, fault: Callable[[], Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backline.accounts.jwks._FETCH_SECONDS", 0.3)
    async with open_publisher() as publisher:
        reader = Reader(publisher, settings_of(issuer))
        assert await reader.subject(issuer.token()) == "anna"

        issuer.answer = fault
        reader.seconds += FRESH_SECONDS + 1
        assert await reader.subject(issuer.token("bob")) == "bob"
        issuer.keys.insert(0, SigningKey.ec("two"))
        refused = await reader.refusal(issuer.token())
        assert isinstance(refused, Unavailable)
        assert (refused.code, refused.retryable) == ("issuer_unreachable", True)
        assert issuer.times_asked_for_keys() == 2

        issuer.answer = None
        reader.seconds += COOL_DOWN_SECONDS
        assert await reader.subject(issuer.token()) == "anna"


@FAULTS
def test_an_issuer_that_was_never_reached_is_no_reason_to_send_its_users_away(
    public: Public, fault: Callable[[], Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backline.accounts.jwks._FETCH_SECONDS", 0.3)
    public.issuer.answer = fault
    with public.client(public.issuer.token()) as client:
        answer = client.get("/v1/models")
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
        assert answer.json()["error"]["code"] == "issuer_unreachable"
    for never_good in ("a.b.c", hs256(public.issuer.token(), b"secret"), public.issuer.token(aud="another")):
        with public.client(never_good) as client:
            assert client.get("/v1/models").status_code == 401


def test_the_server_goes_on_while_an_issuer_is_slow(public: Public) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def waiting() -> Answer:
        asked.set()
        go_on.wait(10)
        return 200, json.dumps({"keys": [key.published() for key in public.issuer.keys]}).encode()

    public.issuer.answer = waiting
    statuses: list[int] = []

    def ask() -> None:
        with public.client(public.issuer.token()) as client:
            statuses.append(client.get("/v1/models").status_code)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert asked.wait(10)
    with public.client() as client:
        assert client.get("/health").status_code == 200
    assert statuses == []
    go_on.set()
    for thread in threads:
        thread.join()
    assert statuses == [200, 200, 200]
    assert public.issuer.times_asked_for_keys() == 1


async def test_keys_that_must_not_verify_are_not_used(issuer: FakeIssuer) -> None:
    weak, for_secrets, other = SigningKey.rsa("weak", 1024), SigningKey.ec("enc"), SigningKey.rsa("other-algorithm")
    published = [
        weak.published(),
        {**for_secrets.published(), "use": "enc"},
        {**other.published(), "alg": "PS256"},
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "alg": "HS256"},
        {"kty": "RSA", "kid": "broken", "n": 5, "e": "AQAB"},
        "no key",
        issuer.keys[0].published(),
    ]
    issuer.answer = lambda: (200, json.dumps({"keys": published}).encode())
    async with open_publisher() as publisher:
        reader = Reader(publisher, settings_of(issuer))
        assert await reader.subject(issuer.token()) == "anna"
        with pytest.warns(jwt.InsecureKeyLengthWarning):
            signed_weakly = issuer.token(key=weak)
        refused = [signed_weakly, issuer.token(key=for_secrets), issuer.token(key=other)]
        for token in refused:
            assert isinstance(await reader.refusal(token), Unauthenticated)


async def test_a_token_that_names_no_key_is_good_when_only_one_is_published(issuer: FakeIssuer) -> None:
    async with open_publisher() as publisher:
        reader = Reader(publisher, settings_of(issuer))
        token = issuer.token(key=replace(issuer.keys[0], kid=""))
        assert "kid" not in jwt.get_unverified_header(token)
        assert await reader.subject(token) == "anna"
        issuer.keys.append(SigningKey.ec("two"))
        reader.seconds += FRESH_SECONDS + 1
        assert isinstance(await reader.refusal(token), Unauthenticated)


async def test_a_description_of_another_issuer_is_not_believed(issuer: FakeIssuer) -> None:
    issuer.describes = "https://issuer.example"
    async with open_publisher() as publisher:
        reader = Reader(publisher, settings_of(issuer))
        assert isinstance(await reader.refusal(issuer.token()), Unavailable)
        assert issuer.times_asked_for_keys() == 0


async def test_clocks_may_differ_a_little(issuer: FakeIssuer) -> None:
    async with open_publisher() as publisher:
        reader = Reader(publisher, settings_of(issuer))
        now = int(time.time())
        assert await reader.subject(issuer.token(exp=now - 10)) == "anna"
        assert await reader.subject(issuer.token(nbf=now + 10)) == "anna"
        assert (await reader.refusal(issuer.token(exp=now - 40))).code == "token_expired"


async def test_one_issuer_may_vouch_for_two_apps(issuer: FakeIssuer) -> None:
    async with open_publisher() as publisher:
        reader = Reader(publisher, settings_of(issuer), settings_of(issuer, audience="other-app"))
        assert await reader.subject(issuer.token()) == "anna"
        assert await reader.subject(issuer.token("bob", aud=["more", "other-app"])) == "bob"


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://issuer.example/keys", True),
        ("http://127.0.0.1:9/keys", True),
        ("http://[::1]:9/keys", True),
        ("http://issuer.example/keys", False),
        ("http://localhost.example/keys", False),
        ("http://127.0.0.1.example/keys", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("http://[::1", False),
        ("None", False),
    ],
)
async def test_keys_come_over_https_or_from_this_machine(url: str, allowed: bool) -> None:
    assert may_be_fetched(url) == allowed
    if not allowed:
        issuer = Issuer(issuer="https://issuer.example", audience=AUDIENCE, jwks_url=url)
        async with open_publisher() as publisher:
            with pytest.raises(Invalid):
                IdentityTokens([issuer], publisher, 0)


def test_whoever_an_issuer_vouches_for_is_a_user_everywhere(public: Public) -> None:
    profile: dict[str, Any] = {
        "email": "anna@example.com",
        "email_verified": True,
        "name": "Anna",
        "picture": "https://pictures.example/anna.png",
    }
    with public.client(public.issuer.token("anna", **profile)) as client:
        first = client.get("/api/me").json()
        assert first["signed_in"] is True
        assert first["user"]["email"] == "anna@example.com"
        assert first["profile"] == {"handle": None, "display_name": "Anna", "avatar_url": profile["picture"]}
    with public.client(public.issuer.token("anna")) as client:
        assert client.get("/api/me").json() == first
        assert client.post("/keys", json={"name": "mine"}).status_code == 201
    with public.client(public.issuer.token("bob", email="b@example.com", name="\u202eevil", picture="x")) as client:
        told = client.get("/api/me").json()
        assert told["user"]["id"] != first["user"]["id"]
        assert told["user"]["email"] is None  # nobody verified it
        assert told["profile"] == {"handle": None, "display_name": None, "avatar_url": None}


def test_apple_signs_users_in(run_server: RunServer, issuer: FakeIssuer, operator: Operator, database_url: str) -> None:
    issuer.name = APPLE
    issuer.keys = [SigningKey.rsa("apple")]
    server = run_server(
        (),
        server={"host": "0.0.0.0"},
        database={"url": database_url},
        accounts={"issuers": [issuer.settings], "apple_audience": AUDIENCE},
        limits=NO_LIMIT,
    )
    with server.client() as client:
        signed_in = client.post("/auth/apple", json={"identity_token": issuer.token()})
        assert signed_in.status_code == 200
        assert set(signed_in.json()) == {"token", "user_id", "expires_in"}
        assert signed_in.headers["cache-control"] == "no-store"
        headers = {"Authorization": f"Bearer {signed_in.json()['token']}"}
        assert client.get("/api/me", headers=headers).json()["user"]["id"] == signed_in.json()["user_id"]
        again = client.post("/auth/apple", json={"identity_token": issuer.token()})
        assert again.json()["user_id"] == signed_in.json()["user_id"]
        before = operator.rows()
        for bad in (issuer.token(aud="another.app"), signed_in.json()["token"], "garbage", "a.b.c"):
            assert client.post("/auth/apple", json={"identity_token": bad}).status_code == 401
        assert operator.rows() == before


@pytest.mark.parametrize(
    "accounts",
    [
        {"key_pepper": "too short to be a secret"},
        {"issuers": [{"issuer": "http://issuer.example", "audience": AUDIENCE}]},
        {"issuers": [{"issuer": "https://issuer.example", "audience": AUDIENCE, "jwks_url": "http://keys.example"}]},
    ],
    ids=["pepper", "issuer", "keys"],
)
def test_settings_that_cannot_be_are_refused_before_anything_starts(accounts: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        create_app(Settings.model_validate({"accounts": accounts}))
    assert "too short" not in refused.value.detail
