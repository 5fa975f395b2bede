"""Every credential that is not good, on every route: refused, and nothing has changed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import timedelta

import httpx
import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backline.accounts.assembly import pepper_of
from backline.accounts.key_format import KeyFormat
from backline.accounts.own_tokens import OwnTokens
from backline.accounts.principal import SCOPES
from backline.accounts.service import MOCK_ISSUER, Accounts
from backline.clock import utc_now
from tests.accounts.conftest import Public
from tests.accounts.issuer import SigningKey
from tests.accounts.test_access import WAYS, Way
from tests.conftest import Running

Headers = dict[str, str]


def bearer(secret: str) -> Headers:
    return {"Authorization": f"Bearer {secret}"}


def bad_tokens(public: Public) -> dict[str, str]:
    issuer, now = public.issuer, int(time.time())
    known, stranger = issuer.keys[0], SigningKey.ec("one")
    whole = issuer.token("anna")
    head, body, signature = whole.split(".")
    none = jwt.encode({"iss": issuer.url, "aud": "backline-tests", "sub": "anna", "exp": now + 60}, "", "none")
    mock = public.operator.do(lambda parts: parts[Accounts].find_or_create(MOCK_ISSUER, "anna"))
    own = OwnTokens(pepper_of(public.operator.settings), timedelta(hours=1))
    stale = OwnTokens(
        pepper_of(public.operator.settings), timedelta(hours=1), clock=lambda: utc_now() - timedelta(hours=2)
    )
    operated = public.operator.do(lambda parts: parts[Accounts].find_or_create("operator", "gone"))
    gone = own.issue(operated)
    public.operator.delete(operated.id)
    return {
        "expired": issuer.token("anna", exp=now - 60),
        "not yet good": issuer.token("anna", nbf=now + 600),
        "without an end": issuer.token("anna", exp=None),
        "without a subject": issuer.token("anna", sub=None),
        "with an empty subject": issuer.token(""),
        "of another audience": issuer.token("anna", aud="somebody-else"),
        "of no audience": issuer.token("anna", aud=None),
        "of another issuer": issuer.token("anna", iss="https://issuer.example"),
        "of an issuer that begins alike": issuer.token("anna", iss=issuer.url + "/"),
        "alg none": none,
        "alg none, no signature": f"{none.split('.')[0]}.{body}.",
        "signed with the public key as a secret": hs256(issuer.token("anna"), known.public_pem),
        "signed by a stranger under a known name": issuer.token("anna", key=stranger),
        "signed by a stranger": issuer.token("anna", key=SigningKey.ec("other")),
        "with an algorithm that is not listed": jwt.encode(
            {"iss": issuer.url, "aud": "backline-tests", "sub": "anna", "exp": now + 60},
            SigningKey.rsa("one").private,
            "RS512",
            {"kid": "one"},
        ),
        "with a broken signature": f"{head}.{body}.{signature[::-1]}",
        "with another body": f"{head}.{issuer.token('eve').split('.')[1]}.{signature}",
        "of ours, expired": stale.issue(mock),
        "of ours, of a user made up by a loopback server": own.issue(mock),
        "of ours, of a user who was deleted": gone,
        "said to be ours, signed by the issuer": issuer.token("anna", iss="backline", aud="backline"),
        "too long": issuer.token("a" * 10_000),
        "garbage with dots": "a.b.c",
        "deep": f"{head}.{'W1tb' * 1500}.{signature}",
    }


def hs256(token: str, secret: bytes) -> str:
    """The same claims, signed as one does who took a public key for a shared secret. By hand: the library refuses."""
    import base64
    import hashlib
    import hmac

    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT","kid":"one"}').rstrip(b"=").decode()
    signed = f"{head}.{token.split('.')[1]}"
    signature = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), hashlib.sha256)).rstrip(b"=").decode()
    return f"{signed}.{signature}"


def bad_keys(public: Public) -> dict[str, str]:
    operator = public.operator
    user = operator.user("anna")
    revoked_id, revoked = operator.key(user, scopes=SCOPES)
    operator.revoke(revoked_id)
    _, of_nobody = operator.key(operator.user("gone"), scopes=SCOPES)
    operator.delete(operator.user("gone"))
    expired_id, expired = operator.key(user, scopes=SCOPES)
    operator.expire(expired_id)
    _, good = operator.key(user, scopes=SCOPES)
    return {
        "revoked": revoked,
        "expired": expired,
        "of a deleted user": of_nobody,
        "never made, well formed": KeyFormat(pepper_of(operator.settings)).new(),
        "never made": "bl_live_" + "A" * 51,
        "cut": good[:-1],
        "with one more character": good + "A",
        "with one other character": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "empty": "bl_live_",
    }


def bad_headers(public: Public) -> dict[str, Headers]:
    _, good = public.operator.key(public.operator.user("anna"), scopes=SCOPES)
    _, other = public.operator.key(public.operator.user("anna"), scopes=SCOPES)
    return {
        **{f"token {name}": bearer(token) for name, token in bad_tokens(public).items()},
        **{f"key {name}": {"X-API-Key": key} for name, key in bad_keys(public).items()},
        **{f"bearer key {name}": bearer(key) for name, key in bad_keys(public).items()},
        "two that differ": {"X-API-Key": good, **bearer(other)},
        "a key beside garbage": {"X-API-Key": good, **bearer("garbage")},
        "another scheme": {"Authorization": f"Basic {good}"},
        "no scheme": {"Authorization": good},
        "garbage": bearer("garbage"),
        "an empty key": {"X-API-Key": ""},
        "an empty token": {"Authorization": "Bearer"},
        "not ASCII": {"X-API-Key": "clé"},
    }


def ask(client: httpx.Client, way: Way, headers: Headers) -> httpx.Response:
    encoded = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    return client.request(way.method, way.path, json=way.body, headers=encoded)


@pytest.mark.slow
def test_a_bad_credential_is_refused_everywhere_and_changes_nothing(public: Public) -> None:
    bad = bad_headers(public)
    before = public.operator.rows()
    with public.client() as client:
        for way in WAYS:
            for name, headers in bad.items():
                answer = ask(client, way, headers)
                assert answer.status_code == 401, (way.route, name)
                assert answer.headers["www-authenticate"] == "Bearer"
    assert public.operator.rows() == before


@pytest.mark.slow
def test_a_bad_credential_does_not_make_a_local_caller(here: Running) -> None:
    with here.client() as client:
        for headers in ({"X-API-Key": ""}, bearer("garbage"), bearer("a.b.c"), {"X-API-Key": "bl_live_" + "A" * 51}):
            for way in WAYS:
                if not way.blind:
                    assert ask(client, way, headers).status_code == 401, (way.route, headers)


def test_the_word_none_means_that_there_is_no_key(here: Running, public: Public) -> None:
    """The clients of OpenAI insist on sending something."""
    with here.client(headers=bearer("none")) as client:
        assert client.get("/v1/models").status_code == 200
    with public.client("none") as client:
        assert client.get("/v1/models").status_code == 401


def test_a_key_is_good_for_its_scopes_only(public: Public) -> None:
    operator = public.operator
    user = operator.user("anna")
    keys = {scope: operator.key(user, scopes=[scope])[1] for scope in SCOPES}
    before = operator.rows()
    for scope, key in keys.items():
        with public.client(key) as client:
            for way in WAYS:
                needed = "admin" if way.needs == "account" else way.needs
                if needed is not None and needed != scope:
                    answer = ask(client, way, {})
                    assert answer.status_code == 403, (way.route, scope)
                    assert "missing_scope" in answer.text
    assert operator.rows() == before
    with public.client(keys["speech"]) as client:
        assert client.get("/v1/models").status_code == 200


def test_what_is_foreign_is_as_if_it_were_not_there(public: Public) -> None:
    key_id, _ = public.operator.key(public.operator.user("anna"))
    _, eves = public.operator.key(public.operator.user("eve"), scopes=SCOPES)
    before = public.operator.rows()
    for credential in (eves, public.issuer.token("mallory")):
        with public.client(credential) as client:
            client.get("/api/me")  # makes the user
            for method, end in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
                foreign = client.request(method, f"/keys/{key_id}{end}")
                unknown = client.request(method, f"/keys/key_unknown{end}")
                assert foreign.status_code == unknown.status_code == 404
                assert {**foreign.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}
            assert key_id not in client.get("/keys").text
    assert public.operator.rows()["api_keys"] == before["api_keys"]


@pytest.mark.parametrize("send", [lambda secret: {"X-API-Key": secret}, bearer], ids=["X-API-Key", "bearer"])
def test_a_key_comes_in_by_either_header(public: Public, send: Callable[[str], Headers]) -> None:
    _, key = public.operator.key(public.operator.user("anna"))
    with public.client() as client:
        assert client.get("/v1/models", headers=send(key)).status_code == 200
        assert client.get("/v1/models", headers={"X-API-Key": key, **bearer(key)}).status_code == 200


def test_a_page_from_elsewhere_is_refused_whatever_it_holds(public: Public, here: Running) -> None:
    _, key = public.operator.key(public.operator.user("anna"))
    own = public.server.address
    for headers, status in (
        ({"Origin": own}, 200),
        ({"Origin": "https://example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"X-Forwarded-For": "192.0.2.1"}, 200),
        ({"Host": "api.example.com", "Origin": "https://api.example.com"}, 200),
    ):
        with public.client(key) as client:
            assert client.get("/v1/models", headers=headers).status_code == status, headers
    for headers, status in (
        ({"Host": "rebound.example.com"}, 403),
        ({"Origin": "https://example.com"}, 403),
        ({"X-Forwarded-For": "192.0.2.1"}, 200),
    ):
        with here.client(headers=bearer(key)) as client:
            assert client.get("/v1/models", headers=headers).status_code == status, headers


def test_a_lasting_secret_in_the_address_is_refused_and_said_so(public: Public) -> None:
    _, key = public.operator.key(public.operator.user("anna"))
    with public.client(key) as client:
        for query in ({"api_key": key}, {"token": "x"}, {"access_token": "x"}, {"anything": key}):
            answer = client.get("/v1/models", params=query)
            assert answer.status_code == 401
            assert "never in an address" in answer.text
            assert key not in answer.text


@pytest.mark.slow
def test_any_bytes_as_a_credential_are_refused_calmly(server: Running) -> None:
    with server.client() as client:

        @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(
            st.text(
                st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"), min_size=1, max_size=80
            )
        )
        def refused(text: str) -> None:
            if text == "none":
                return
            for secret in (text, f"bl_live_{text}", f"{text}.{text}.{text}", f"eyJhbGciOiJub25lIn0.{text}."):
                answer = client.get("/v1/models", headers={b"Authorization": b"Bearer " + secret.encode("latin-1")})
                assert answer.status_code == 401

        refused()


def test_a_key_of_another_installation_never_reaches_the_database(public: Public) -> None:
    from backline.accounts.pepper import Pepper

    assert not KeyFormat(Pepper(secrets.token_hex(32))).is_ours(KeyFormat(pepper_of(public.operator.settings)).new())
