"""Who is let in, on every route that the app has."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from starlette.routing import BaseRoute, Mount
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from tests.conftest import Running, RunServer

OPEN = {"/", "/health", "/health/ready"}
"""They tell nothing about anybody: load balancers and watchdogs ask them from anywhere."""

GUARDED: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "/v1/tts/generate": ("POST", "/v1/tts/generate", {"text": "Hi.", "voice": "tone-low"}),
    "/v1/tts/normalize": ("POST", "/v1/tts/normalize", {"text": "Hi."}),
    "/v1/tts/requests/{request_id}": ("GET", "/v1/tts/requests/unknown", None),
    "/v1/tts/health": ("GET", "/v1/tts/health", None),
    "/v1/tts/metrics": ("GET", "/v1/tts/metrics", None),
    "/metrics": ("GET", "/metrics", None),
    "/v1/audio/speech": ("POST", "/v1/audio/speech", {"model": "tone", "voice": "tone-low", "input": "Hi."}),
    "/v1/audio/voices": ("GET", "/v1/audio/voices", None),
    "/v1/models": ("GET", "/v1/models", None),
    "/v1/models/{model}": ("GET", "/v1/models/tone", None),
    "/openapi.json": ("GET", "/openapi.json", None),
    "/studio": ("GET", "/studio", None),
    "/studio/static": ("GET", "/studio/static/index.html", None),
}
"""How to call each of them so that a caller who is let in is not refused for another reason than a missing thing."""

SOCKETS = {"/v1/tts/ws"}

EVERY_GUARDED = pytest.mark.parametrize(("method", "path", "body"), GUARDED.values(), ids=list(GUARDED))

FOREIGN_HEADERS = [
    {"Host": "example.com"},
    {"Host": "example.com:{port}"},
    {"Host": "127.0.0.1.example.com:{port}"},
    {"Host": "localhost.example.com:{port}"},
    {"Host": "10.1.2.3:{port}"},
    {"Host": "0.0.0.0:{port}"},
    {"Host": "[::]:{port}"},
    {"Host": "[::1"},
    {"Host": "127.0.0.1@example.com"},
    {"Host": "2130706433"},
    {"Host": "localhost.:{port}"},
    {"Host": "-"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://example.com"},
    {"Origin": "http://example.com:{port}"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://127.0.0.1:{port}0"},
    {"Origin": "http://127.0.0.1:{port}.example.com"},
    {"Origin": "http://localhost:{port}"},
    {"Origin": "file://"},
    {"Origin": "chrome-extension://abcdefghijklmnop"},
    {"Host": "example.com:{port}", "Origin": "http://example.com:{port}"},
    {"Host": "localhost:{port}", "Origin": "http://127.0.0.1:{port}"},
    {"Forwarded": "for=192.0.2.1"},
    {"X-Forwarded-For": "192.0.2.1"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-Host": "127.0.0.1"},
    {"X-Forwarded-Proto": "https"},
    {"X-Forwarded-Port": "443"},
    {"X-Forwarded-Prefix": "/"},
    {"X-Forwarded-Anything": "x"},
]

OWN_HEADERS = [
    {},
    {"Host": "127.0.0.1"},
    {"Host": "127.8.9.1:{port}"},
    {"Host": "localhost:{port}"},
    {"Host": "LocalHost:{port}"},
    {"Host": "[::1]:{port}"},
    {"Origin": "http://127.0.0.1:{port}"},
    {"Host": "localhost:{port}", "Origin": "http://localhost:{port}"},
    {"Host": "[::1]:{port}", "Origin": "http://[::1]:{port}"},
]


def filled(headers: dict[str, str], server: Running) -> dict[str, str]:
    port = server.address.rpartition(":")[2]
    return {name: value.replace("{port}", port) for name, value in headers.items()}


def described(headers: dict[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in headers.items()) or "none"


def paths(routes: Sequence[BaseRoute]) -> Iterator[str]:
    for route in routes:
        inner = getattr(route, "original_router", None)  # an included router keeps its routes to itself
        if inner is not None:
            yield from paths(inner.routes)
        else:
            path: str = route.path  # type: ignore[attr-defined]
            yield path
            if isinstance(route, Mount) and route.routes:
                yield from (f"{path}{below}" for below in paths(route.routes))


def test_every_route_is_known_to_this_test(server: Running) -> None:
    """A new route is either named as open, with a reason, or tried like the others."""
    assert set(paths(server.app.routes)) == OPEN | set(GUARDED) | SOCKETS


@EVERY_GUARDED
def test_a_foreign_caller_is_refused(server: Running, method: str, path: str, body: dict[str, Any] | None) -> None:
    with server.client() as client:
        for headers in FOREIGN_HEADERS:
            answer = client.request(method, path, json=body, headers=filled(headers, server))
            assert answer.status_code == 403, described(headers)
            assert _code(answer) in ("foreign_host", "foreign_origin", "proxied_request")


@EVERY_GUARDED
def test_this_machine_is_let_in(server: Running, method: str, path: str, body: dict[str, Any] | None) -> None:
    with server.client() as client:
        for headers in OWN_HEADERS:
            answer = client.request(method, path, json=body, headers=filled(headers, server))
            assert answer.status_code in (200, 404 if "unknown" in path else 200), described(headers)


@EVERY_GUARDED
def test_a_server_that_others_can_reach_lets_nobody_in(
    run_server: RunServer, method: str, path: str, body: dict[str, Any] | None
) -> None:
    server = run_server((), server={"host": "0.0.0.0"})
    with server.client() as client:
        answer = client.request(method, path, json=body)
        assert answer.status_code == 401
        assert _code(answer) == "unauthenticated"


@pytest.mark.parametrize("path", sorted(OPEN))
def test_the_open_routes_are_open(server: Running, path: str) -> None:
    with server.client() as client:
        for headers in FOREIGN_HEADERS:
            assert client.get(path, headers=filled(headers, server)).status_code == 200, described(headers)


def test_a_server_on_ipv6_loopback_lets_this_machine_in(run_server: RunServer) -> None:
    try:
        with socket.socket(socket.AF_INET6) as line:
            line.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    server = run_server((), server={"host": "::1"})
    with server.client() as client:
        assert server.address.startswith("http://[::1]:")
        assert client.get("/v1/models").status_code == 200
        assert client.get("/v1/models", headers={"Origin": server.address}).status_code == 200


def test_the_figures_can_be_fetched_from_elsewhere_with_the_token(run_server: RunServer) -> None:
    server = run_server((), server={"host": "0.0.0.0"}, observability={"metrics_token": "s3cret"})
    with server.client() as client:
        for path in ("/metrics", "/v1/tts/metrics"):
            for headers, status in (
                ({}, 401),
                ({"Authorization": "Bearer wrong"}, 401),
                ({"Authorization": "Basic s3cret"}, 401),
                ({"Authorization": "Bearer s3cret"}, 200),
                ({"Authorization": "Bearer s3cret", "X-Forwarded-For": "192.0.2.1"}, 200),
            ):
                assert client.get(path, headers=headers).status_code == status, headers


@pytest.mark.parametrize("headers", FOREIGN_HEADERS, ids=described)
def test_a_foreign_socket_is_told_why_and_closed(server: Running, headers: dict[str, str]) -> None:
    error, code = shake_hands(server, headers)
    assert error["type"] == "error"
    assert error["code"] in ("foreign_host", "foreign_origin", "proxied_request")
    assert error["message"]
    assert error["retryable"] is False
    assert code == 4403


@pytest.mark.parametrize("headers", OWN_HEADERS, ids=described)
def test_a_socket_of_this_machine_is_let_in(server: Running, headers: dict[str, str]) -> None:
    assert shake_hands(server, headers)[0]["type"] == "session.ready"


def test_a_socket_of_a_server_that_others_can_reach_is_refused(run_server: RunServer) -> None:
    error, code = shake_hands(run_server((), server={"host": "0.0.0.0"}), {})
    assert (error["type"], error["code"], code) == ("error", "unauthenticated", 4401)


def shake_hands(server: Running, headers: dict[str, str]) -> tuple[dict[str, Any], int | None]:
    """Open a socket with these very headers. Its first event, and the code with which it was closed at once."""
    protocol = ClientProtocol(parse_uri(server.socket_address))
    request = protocol.connect()
    for name, value in filled(headers, server).items():
        if name in request.headers:
            del request.headers[name]
        request.headers[name] = value
    protocol.send_request(request)
    events: list[dict[str, Any]] = []
    with socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2])), 10) as line:
        line.sendall(b"".join(protocol.data_to_send()))
        while not events or (events[0]["type"] == "error" and protocol.close_rcvd is None):
            protocol.receive_data(line.recv(65_536))
            frames = [event for event in protocol.events_received() if isinstance(event, Frame)]
            events += [json.loads(bytes(frame.data)) for frame in frames if frame.opcode is Opcode.TEXT]
    return events[0], protocol.close_rcvd.code if protocol.close_rcvd else None


def _code(answer: httpx.Response) -> str:
    """From a problem document, or from the envelope of OpenAI's paths."""
    body = answer.json()
    code: str = body["error"]["code"] if "error" in body else body["code"]
    return code
