"""A server that logs all it can is used with every kind of secret; none of them is found in what it says."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from backline.accounts.principal import SCOPES
from backline.observability.logging import configure_logging
from tests.accounts.conftest import Public
from tests.conftest import Running


@pytest.fixture
def _everything_is_logged() -> Iterator[None]:
    yield
    logging.getLogger().setLevel(logging.WARNING)


def use(client: httpx.Client, server: Running, secret: str) -> list[str]:
    """Everything that is answered to whoever shows this secret, in every place where one can."""
    said = []
    for place in ({"headers": {"Authorization": f"Bearer {secret}"}}, {"headers": {"X-API-Key": secret}}):
        for method, path in (("GET", "/v1/models"), ("GET", "/api/me"), ("POST", "/keys"), ("GET", "/metrics")):
            said.append(client.request(method, path, **place).text)  # type: ignore[arg-type]
    for name in ("ticket", "token", "api_key", "x"):
        said.append(client.get("/v1/models", params={name: secret}).text)
        with (
            contextlib.suppress(WebSocketException),
            connect(f"{server.socket_address}?{name}={secret}", proxy=None) as socket,
        ):
            said.append(str(socket.recv(10)))
    said.append(client.post("/auth/apple", json={"identity_token": secret, secret[:30]: secret}).text)
    said.append(client.post("/auth/mock-login", json={"test_user_id": secret}).text)
    said.append(client.post("/keys", json={"name": secret, "scopes": [secret]}, headers={"X-API-Key": secret}).text)
    return said


@pytest.mark.usefixtures("_everything_is_logged")
def test_no_secret_is_in_logs_errors_or_metrics(public: Public) -> None:
    configure_logging("DEBUG", public.server.log)
    operator, issuer = public.operator, public.issuer
    user = operator.user("anna")
    key_id, key = operator.key(user, scopes=SCOPES)
    revoked_id, revoked = operator.key(user)
    operator.revoke(revoked_id)
    said = []
    with public.client() as client:
        admin = {"X-API-Key": key}
        ticket = client.post("/auth/ticket", headers=admin).json()["ticket"]
        rotated = client.post(f"/keys/{key_id}/rotate", json={"grace_seconds": 60}, headers=admin).json()["key"]
        secrets = {
            "key": key,
            "rotated key": rotated,
            "revoked key": revoked,
            "made up key": "bl_live_" + "Q7" * 25 + "x",
            "token": issuer.token("anna"),
            "expired token": issuer.token("anna", exp=1),
            "foreign token": issuer.token("anna", aud="other"),
            "ticket": ticket,
            "garbage": "Zx9-garbage-that-is-nobody",
        }
        for secret in secrets.values():
            said += use(client, public.server, secret)
        issuer.answer = lambda: (503, b"")
        said.append(client.get("/metrics", headers=admin).text)
    pepper = (operator.settings.server.data_dir / "secret").read_text()
    log = public.server.log.getvalue()
    assert log.count("http.request") > 100
    for name, secret in {**secrets, "pepper": pepper}.items():
        for piece in {secret, secret.rpartition(".")[2], secret[12:40]}:
            assert piece not in log, name
            assert not [text for text in said if piece in text], name
