"""Limits as callers meet them: through HTTP and sockets, by address and by key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.conftest import Running, RunServer
from tests.databases import copy_of_sqlite
from tests.fakes.engines import SlowEngine, entry
from tests.web.some_key import PEPPER, make_key


def key_for(data_dir: Path, *, requests_per_minute: int | None = None, max_streams: int | None = None) -> str:
    """Of the server that will run there."""
    copy_of_sqlite(data_dir)
    return make_key({"data_dir": data_dir}, requests_per_minute=requests_per_minute, max_streams=max_streams)


def start(run_server: RunServer, *catalog: Any, **settings: Any) -> Running:
    return run_server(catalog, accounts=PEPPER, **settings)


def told(answer: httpx.Response) -> tuple[int, int]:
    assert 1 <= int(answer.headers["RateLimit-Reset"]) <= 120
    return int(answer.headers["RateLimit-Limit"]), int(answer.headers["RateLimit-Remaining"])


def test_an_address_is_limited_before_anybody_is_known(run_server: RunServer) -> None:
    server = start(run_server, server={"host": "0.0.0.0"}, limits={"address_requests_per_minute": 3})
    with server.client() as client:
        for remaining in (2, 1, 0):
            answer = client.get("/v1/models")
            assert (answer.status_code, told(answer)) == (401, (3, remaining))
        refused = client.get("/v1/tts/health")
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert (refused.status_code, refused.json()["code"], refused.json()["retryable"]) == (429, "rate_limited", True)
        assert told(refused) == (3, 0)
        assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"]
        assert client.get("/health").status_code == 200


def test_a_key_has_its_own_limit_and_openai_clients_read_it_in_their_envelope(
    run_server: RunServer, tmp_path: Path
) -> None:
    key, other = key_for(tmp_path / "data", requests_per_minute=2), key_for(tmp_path / "data")
    server = start(run_server, limits={"key_requests_per_minute": 50})
    with server.client(headers={"X-API-Key": key}) as client:
        assert [told(client.get("/v1/tts/health")) for _ in range(2)] == [(2, 1), (2, 0)]
        refused = client.get("/v1/models")
        assert (refused.status_code, refused.json()["error"]["type"]) == (429, "rate_limit_error")
        assert refused.json()["error"]["code"] == "rate_limited"
        assert (told(refused), refused.headers["Retry-After"]) == ((2, 0), refused.headers["RateLimit-Reset"])
        assert told(client.get("/v1/models", headers={"X-API-Key": other})) == (50, 49)


def test_of_the_address_and_the_key_the_tighter_is_told(run_server: RunServer, tmp_path: Path) -> None:
    key = key_for(tmp_path / "data", requests_per_minute=4)
    limits = {"address_requests_per_minute": 3}
    server = start(run_server, server={"trusted_proxies": ["127.0.0.1"]}, limits=limits)
    with server.client(headers={"X-API-Key": key}) as client:
        answers = [client.get("/v1/models", headers={"X-Forwarded-For": f"192.0.2.{number}"}) for number in range(3)]
        assert [told(answer) for answer in answers] == [(3, 2), (3, 2), (4, 1)]


def test_each_address_behind_a_trusted_proxy_is_limited_by_itself(run_server: RunServer) -> None:
    limits = {"address_requests_per_minute": 1}
    server = start(run_server, server={"trusted_proxies": ["127.0.0.1"]}, limits=limits)
    with server.client() as client:

        def status(address: str) -> int:
            return client.get("/v1/models", headers={"X-Forwarded-For": address}).status_code

        assert [status("192.0.2.1"), status("192.0.2.1"), status("192.0.2.2")] == [403, 429, 403]
        assert [status("2001:db8::1"), status("2001:db8::2"), status("2001:db8:0:1::1")] == [403, 429, 403]
        assert status("192.0.2.3, 192.0.2.1") == 429


def test_who_claims_to_be_a_proxy_is_limited_by_its_own_address(run_server: RunServer) -> None:
    server = start(run_server, server={"host": "0.0.0.0"}, limits={"address_requests_per_minute": 1})
    with server.client() as client:
        answers = [client.get("/v1/models", headers={"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(2)]
    assert [answer.status_code for answer in answers] == [401, 429]


def test_this_machine_is_not_limited_while_the_server_is_open_to_it(run_server: RunServer) -> None:
    limits = {"address_requests_per_minute": 1, "key_requests_per_minute": 1, "key_streams": 1}
    with start(run_server, limits=limits).client() as client:
        answers = [client.get("/v1/models") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert not [name for name in answers[0].headers if name.startswith("ratelimit")]


def test_a_socket_counts_and_is_closed_with_4429(run_server: RunServer, tmp_path: Path) -> None:
    key = key_for(tmp_path / "data", requests_per_minute=1)
    server = start(run_server)
    headers = {"X-API-Key": key}
    with connect(server.socket_address, additional_headers=headers) as first:
        assert "session.ready" in str(first.recv(10))
        with connect(server.socket_address, additional_headers=headers) as second:
            assert '"code": "rate_limited"' in str(second.recv(10))
            with pytest.raises(ConnectionClosed):
                second.recv(10)
            assert second.close_code == 4429


def test_a_stream_more_than_a_key_may_have_is_refused_until_one_has_ended(
    run_server: RunServer, tmp_path: Path
) -> None:
    key = key_for(tmp_path / "data", max_streams=1)
    server = start(run_server, entry(SlowEngine, default=True))
    body = {"text": "x" * 6, "format": "pcm", "stream": True}
    with server.client(headers={"X-API-Key": key}) as client:
        with client.stream("POST", "/v1/tts/generate", json=body) as running:
            assert running.status_code == 200
            refused = client.post("/v1/tts/generate", json=body)
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
            assert "At most 1 streams" in refused.json()["detail"]
            assert refused.headers["Retry-After"] == "1"
            theirs = client.post("/v1/audio/speech", json={"model": "slow", "voice": "slow", "input": "Hi."})
            assert (theirs.status_code, theirs.json()["error"]["code"]) == (429, "too_many_streams")
        while client.get("/v1/tts/health").json()["streams_in_flight"]:
            pass
        with client.stream("POST", "/v1/tts/generate", json=body) as again:
            assert again.status_code == 200
        record = client.get(f"/v1/tts/requests/{refused.headers['X-Request-ID']}").json()
        assert (record["outcome"], record["credits_consumed"]) == ("refused", "0")


def test_a_server_is_asked_under_its_names_alone(run_server: RunServer, tmp_path: Path) -> None:
    key = key_for(tmp_path / "data")
    server = start(run_server, server={"host": "0.0.0.0", "allowed_hosts": ["api.example.com"]})
    with server.client(headers={"X-API-Key": key}) as client:
        for host, status in (
            ("api.example.com", 200),
            ("API.example.com:8000", 200),
            ("example.com", 403),
            ("127.0.0.1", 403),
        ):
            answer = client.get("/v1/tts/health", headers={"Host": host})
            assert answer.status_code == status, host
            assert status == 200 or answer.json()["code"] == "foreign_host"
        assert client.get("/health", headers={"Host": "10.0.0.7"}).status_code == 200


def test_a_socket_is_opened_by_pages_of_named_origins_alone(run_server: RunServer, tmp_path: Path) -> None:
    key = key_for(tmp_path / "data")
    server = start(
        run_server, server={"cors_origins": ["https://app.example.com"], "public_url": "https://api.example.com"}
    )
    for origin, code in (
        ("https://app.example.com", None),
        ("https://api.example.com", None),  # our own, whatever name a proxy asks under
        ("https://evil.example.com", 4403),
    ):
        with connect(server.socket_address, additional_headers={"X-API-Key": key, "Origin": origin}) as socket:
            event = str(socket.recv(10))
            assert ("foreign_origin" in event) == (code is not None)
            if code is not None:
                with pytest.raises(ConnectionClosed):
                    socket.recv(10)
                assert socket.close_code == code
