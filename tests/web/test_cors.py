"""What browsers are told about pages of other origins, and what the settings take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backline.settings import ServerSettings
from backline.web.cors import EXPOSED_HEADERS
from tests.conftest import Running, RunServer

APP = "https://app.example.com"
FOREIGN = [
    "https://app.example.com.evil.org",
    "http://app.example.com",
    f"{APP}:8443",
    "null",
    "",
    "https://example.com",
]


@pytest.fixture
def server(run_server: RunServer) -> Running:
    return run_server((), server={"host": "0.0.0.0", "cors_origins": [APP]})


def ask(origin: str, method: str = "POST", headers: str = "authorization, x-api-key, x-stainless-os") -> dict[str, str]:
    return {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}


def test_a_page_of_a_named_origin_may_send_what_it_needs(server: Running) -> None:
    with server.client() as client:
        for path in ("/v1/tts/generate", "/v1/audio/speech", "/keys", "/nowhere"):
            answer = client.options(path, headers=ask(APP))
            assert answer.status_code == 200
            assert answer.headers["Access-Control-Allow-Origin"] == APP
            assert answer.headers["Access-Control-Allow-Headers"] == "authorization, x-api-key, x-stainless-os"
            assert {"GET", "POST", "PATCH", "DELETE"} <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))
            assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_of_another_origin_may_not(server: Running, origin: str) -> None:
    with server.client() as client:
        answer = client.options("/v1/tts/generate", headers=ask(origin))
        assert answer.status_code == 400
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Access-Control-Allow-Origin" not in client.get("/health", headers={"Origin": origin}).headers


def test_a_page_may_read_refusals_too(server: Running) -> None:
    with server.client() as client:
        refused = client.get("/v1/models", headers={"Origin": APP})
        too_large = client.post("/v1/tts/generate", headers={"Origin": APP}, content=b" " * 1_000_001)
        assert (refused.status_code, too_large.status_code) == (401, 413)
        for answer in (refused, too_large):
            assert answer.headers["Access-Control-Allow-Origin"] == APP
            assert "Origin" in answer.headers["Vary"]
            exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
            assert {"X-Request-ID", "Retry-After", "RateLimit-Remaining"} <= set(exposed)


def test_without_origins_nobody_is_told_anything(run_server: RunServer) -> None:
    with run_server(()).client() as client:
        answer = client.options("/v1/tts/generate", headers=ask(APP))
        assert answer.status_code == 405
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_every_header_of_ours_in_the_manual_can_be_read() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    sent = re.findall(r"`(X-(?!API-Key|Forwarded)[A-Za-z-]+|RateLimit-[A-Z][a-z]+|Retry-After)`", manual)
    assert sent
    assert set(sent) <= set(EXPOSED_HEADERS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cors_origins", "*"),
        ("cors_origins", "https://*.example.com"),
        ("cors_origins", "https://example.com/"),
        ("cors_origins", "https://example.com/app"),
        ("cors_origins", "example.com"),
        ("cors_origins", "null"),
        ("trusted_proxies", "proxy.example.com"),
        ("trusted_proxies", "10.0.0.0/99"),
        ("trusted_proxies", "*"),
        ("allowed_hosts", "https://api.example.com"),
        ("allowed_hosts", "api.example.com:443"),
        ("allowed_hosts", "*"),
    ],
)
def test_what_is_no_exact_name_is_refused_at_the_start(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        ServerSettings(**{name: [value]})


def test_exact_names_are_taken() -> None:
    ServerSettings(
        cors_origins=[APP, "http://localhost:3000", "http://[::1]:3000"],
        trusted_proxies=["10.0.0.0/8", "192.0.2.1", "fd00::/8", "10.1.2.3/8"],
        allowed_hosts=["api.example.com", "192.0.2.1", "2001:db8::1"],
    )
