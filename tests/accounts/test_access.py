"""Who is let in, on every route that the app has."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.routing import BaseRoute, Mount
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from tests.conftest import Running, RunServer, running

OPEN = {"/", "/health", "/health/ready"}
"""They tell nothing about anybody: load balancers and watchdogs ask them from anywhere."""

SOCKETS = {"/v1/tts/ws", "/ws/jobs/{job_id}", "/ws/export/{job_id}", "/jam/ws"}


@dataclass(frozen=True)
class Way:
    """How to call a route so that who is let in is not refused for another reason than a missing thing.

    needs: a scope, or `account` for signed-in users and keys with admin. here: the answer to this machine without a
    credential. public: the same on a server that others can reach. blind: whether credentials mean nothing to it.
    """

    method: str
    route: str
    path: str
    body: dict[str, Any] | None = None
    needs: str | None = None
    here: int = 200
    public: int = 401
    blind: bool = False


SPEECH = {"model": "tone", "voice": "tone-low", "input": "Hi."}

EXPORT = {
    "project_id": 1,
    "type": "framing",
    "config": {"input_key": "files/unknown", "keyframes": [{"time": 0, "x": 0, "y": 0, "width": 90, "height": 160}]},
}

WAYS = [
    Way("POST", "/v1/tts/generate", "/v1/tts/generate", {"text": "Hi.", "voice": "tone-low"}, "speech"),
    Way("POST", "/v1/tts/jobs", "/v1/tts/jobs", {"text": "Hi.", "voice": "tone-low"}, "speech", here=202),
    Way("GET", "/v1/tts/jobs/{job_id}", "/v1/tts/jobs/unknown", None, "speech", here=404),
    Way("POST", "/v1/tts/normalize", "/v1/tts/normalize", {"text": "Hi."}, "speech"),
    Way("GET", "/v1/tts/requests", "/v1/tts/requests", None, "speech"),
    Way("GET", "/v1/tts/texts", "/v1/tts/texts", None, "speech"),
    Way("DELETE", "/v1/tts/texts", "/v1/tts/texts", None, "speech", here=204),
    Way("GET", "/v1/tts/lexicon", "/v1/tts/lexicon", None, "speech"),
    Way("PUT", "/v1/tts/lexicon", "/v1/tts/lexicon", {"lexicon": {}}, "speech"),
    Way("GET", "/v1/voices", "/v1/voices", None, "speech"),
    Way("POST", "/v1/voices", "/v1/voices", {"name": "Low", "voice": "tone-low"}, "speech", here=201),
    Way("GET", "/v1/voices/{voice_id}", "/v1/voices/unknown", None, "speech", here=404),
    Way("PATCH", "/v1/voices/{voice_id}", "/v1/voices/unknown", {"name": "x"}, "speech", here=404),
    Way("DELETE", "/v1/voices/{voice_id}", "/v1/voices/unknown", None, "speech", here=404),
    Way("GET", "/v1/tts/requests/{request_id}", "/v1/tts/requests/unknown", None, "speech", here=404),
    Way("GET", "/v1/tts/health", "/v1/tts/health", None, "speech"),
    Way("GET", "/v1/tts/metrics", "/v1/tts/metrics", None, "admin"),
    Way("GET", "/metrics", "/metrics", None, "admin"),
    Way("POST", "/v1/audio/speech", "/v1/audio/speech", SPEECH, "speech"),
    Way("GET", "/v1/audio/voices", "/v1/audio/voices", None, "speech"),
    Way("GET", "/v1/models", "/v1/models", None, "speech"),
    Way("GET", "/v1/models/{model}", "/v1/models/tone", None, "speech"),
    Way("GET", "/openapi.json", "/openapi.json"),
    Way("POST", "/auth/mock-login", "/auth/mock-login", {"test_user_id": "anna"}, blind=True),
    Way("POST", "/auth/ticket", "/auth/ticket"),
    Way("GET", "/api/me", "/api/me", public=200),
    Way("PATCH", "/api/profile", "/api/profile", {"display_name": "Eve"}, "account", here=401),
    Way("GET", "/keys", "/keys", None, "account"),
    Way("POST", "/keys", "/keys", {"name": "new"}, "account", here=201),
    Way("GET", "/keys/{key_id}", "/keys/unknown", None, "account", here=404),
    Way("DELETE", "/keys/{key_id}", "/keys/unknown", None, "account", here=404),
    Way("GET", "/credits/balance", "/credits/balance"),
    Way("POST", "/credits/add", "/credits/add", {"seconds": "1"}, "admin"),
    Way("GET", "/credits/history", "/credits/history"),
    Way("GET", "/credits/usage", "/credits/usage"),
    Way("GET", "/api/files", "/api/files"),
    Way("GET", "/api/files/{file_id}", "/api/files/unknown", here=404),
    Way("DELETE", "/api/files/{file_id}", "/api/files/unknown", here=404),
    Way("POST", "/api/uploads", "/api/uploads", here=422),
    Way("PATCH", "/api/uploads/{upload_id}", "/api/uploads/unknown", here=415),
    Way("DELETE", "/api/uploads/{upload_id}", "/api/uploads/unknown", here=404),
    Way("GET", "/api/jobs", "/api/jobs"),
    Way("GET", "/api/jobs/{job_id}", "/api/jobs/unknown", here=404),
    Way("GET", "/api/jobs/{job_id}/events", "/api/jobs/unknown/events", here=404),
    Way("POST", "/api/jobs/{job_id}/cancel", "/api/jobs/unknown/cancel", here=404),
    Way("POST", "/jam/warmup", "/jam/warmup", None, "jam"),
    Way("GET", "/jam/status", "/jam/status?session_id=unknown", None, "jam", here=404),
    Way("POST", "/jam/start", "/jam/start", None, "jam", here=422),
    Way("GET", "/jam/next", "/jam/next?session_id=unknown", None, "jam", here=404),
    Way("POST", "/jam/consume", "/jam/consume", None, "jam", here=422),
    Way("POST", "/jam/update", "/jam/update", None, "jam", here=422),
    Way("POST", "/jam/reseed", "/jam/reseed", None, "jam", here=422),
    Way("POST", "/jam/reseed_splice", "/jam/reseed_splice", None, "jam", here=422),
    Way("POST", "/jam/stop", "/jam/stop", None, "jam", here=422),
    Way("POST", "/jam/close", "/jam/close", None, "jam", here=422),
    Way("POST", "/jam/listen", "/jam/listen", None, "jam", here=422),
    Way("POST", "/api/exports", "/api/exports", EXPORT, "exports", here=404),
    Way("POST", "/api/exports/framing", "/api/exports/framing", {}, "exports", here=422),
    Way("POST", "/api/exports/overlay", "/api/exports/overlay", {}, "exports", here=422),
    Way("GET", "/api/exports/active", "/api/exports/active", None, "exports"),
    Way("GET", "/api/exports/recent", "/api/exports/recent", None, "exports"),
    Way("GET", "/api/exports/unacknowledged", "/api/exports/unacknowledged", None, "exports"),
    Way("POST", "/api/exports/acknowledge", "/api/exports/acknowledge", {}, "exports"),
    Way("GET", "/api/exports/probe", "/api/exports/probe?input_key=files/unknown", None, "exports", here=404),
    Way("GET", "/api/exports/project/{project_id}", "/api/exports/project/1", None, "exports"),
    Way("GET", "/api/exports/{job_id}", "/api/exports/unknown", None, "exports", here=404),
    Way("DELETE", "/api/exports/{job_id}", "/api/exports/unknown", None, "exports", here=404),
    Way("GET", "/api/exports/{job_id}/download", "/api/exports/unknown/download", None, "exports", here=404),
    Way("POST", "/keys/{key_id}/rotate", "/keys/unknown/rotate", None, "account", here=404),
]
"""Every route that has a caller. A new route is put here, or is named as open with a reason."""

VISITORS = [
    Way("POST", "/auth/apple", "/auth/apple", {"identity_token": "a.b.c"}, here=503, public=503, blind=True),
    Way("OPTIONS", "/api/uploads", "/api/uploads", here=204, public=204, blind=True),
    Way("GET", "/files/{key:path}", "/files/unsigned", here=403, public=403, blind=True),
    Way("PUT", "/files/{key:path}", "/files/unsigned", here=403, public=403, blind=True),
    Way("GET", "/studio", "/studio", public=200, blind=True),
    Way("GET", "/studio/static", "/studio/static/index.html", public=200, blind=True),
]
"""For those who are nobody yet, from wherever they come, except from another page's script."""

EVERY_WAY = pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.method} {way.route}")

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
    {"Host": "example.com@127.0.0.1:{port}"},
    {"Host": "127.0.0.1/example.com"},
    {"Host": "127.0.0.1#example.com"},
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


def routed(routes: Sequence[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Method and path. HEAD is answered as GET is."""
    for route in routes:
        inner = getattr(route, "original_router", None)  # an included router keeps its routes to itself
        if inner is not None:
            yield from routed(inner.routes)
        else:
            path: str = route.path  # type: ignore[attr-defined]
            methods: set[str] = getattr(route, "methods", None) or {"GET"}
            yield from ((method, path) for method in methods - {"HEAD"})
            if isinstance(route, Mount) and route.routes:
                yield from ((method, f"{path}{below}") for method, below in routed(route.routes))


def test_every_route_is_known_to_this_test(server: Running) -> None:
    """A new route is either named as open, with a reason, or tried like the others."""
    known = {(way.method, way.route) for way in [*WAYS, *VISITORS]}
    assert set(routed(server.app.routes)) == known | {("GET", path) for path in OPEN | SOCKETS}


@EVERY_WAY
def test_a_foreign_caller_is_refused(server: Running, way: Way) -> None:
    with server.client() as client:
        for headers in FOREIGN_HEADERS:
            answer = client.request(way.method, way.path, json=way.body, headers=filled(headers, server))
            assert answer.status_code == 403, described(headers)
            assert _code(answer) in ("foreign_host", "foreign_origin", "proxied_request")


@EVERY_WAY
def test_this_machine_is_let_in(server: Running, way: Way) -> None:
    with server.client() as client:
        for headers in OWN_HEADERS:
            answer = client.request(way.method, way.path, json=way.body, headers=filled(headers, server))
            assert answer.status_code == way.here, described(headers)


@pytest.mark.parametrize("way", VISITORS, ids=lambda way: way.route)
def test_a_visitor_may_come_through_a_proxy_but_not_from_another_page(server: Running, way: Way) -> None:
    with server.client() as client:
        for headers in FOREIGN_HEADERS:
            answer = client.request(way.method, way.path, json=way.body, headers=filled(headers, server))
            proxied = any("Forwarded" in name for name in headers)
            assert answer.status_code == (way.here if proxied else 403), described(headers)


@pytest.fixture(scope="module")
def reachable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("reachable"), (), server={"host": "0.0.0.0"}) as server:
        yield server


@EVERY_WAY
def test_a_server_that_others_can_reach_lets_nobody_in(reachable: Running, way: Way) -> None:
    with reachable.client() as client:
        answer = client.request(way.method, way.path, json=way.body)
        assert answer.status_code == way.public
        if way.public == 401:
            assert _code(answer) == "unauthenticated"
            assert answer.headers["www-authenticate"] == "Bearer"


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


def shake_hands(server: Running, headers: dict[str, str], query: str = "") -> tuple[dict[str, Any], int | None]:
    """Open a socket with these very headers. Its first event, and the code with which it was closed at once."""
    protocol = ClientProtocol(parse_uri(server.socket_address + query))
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
