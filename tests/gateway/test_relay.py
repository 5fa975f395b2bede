"""What a gateway passes on to another server, and what it makes of one that misbehaves."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from tests.conftest import Running, running
from tests.gateway.scripted_plane import ScriptedPlane, begins, says

SPEAK = "/v1/tts/generate"
STALL_SECONDS = 0.5
MAX_BODY_BYTES = 20_000


@pytest.fixture(scope="module")
def plane() -> Iterator[ScriptedPlane]:
    plane = ScriptedPlane()
    yield plane
    plane.go_away()


@pytest.fixture(scope="module")
def gateway(plane: ScriptedPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    speech = {"plane_url": plane.address, "stall_seconds": STALL_SECONDS}
    server = {"max_body_bytes": MAX_BODY_BYTES}
    with running(tmp_path_factory.mktemp("data"), speech=speech, server=server) as it:
        yield it


@pytest.fixture(autouse=True)
def _fresh(plane: ScriptedPlane) -> Iterator[None]:
    yield
    plane.forget()


@pytest.fixture
def client(gateway: Running) -> Iterator[httpx.Client]:
    with gateway.client() as client:
        yield client


def test_a_request_goes_on_with_its_headers_and_says_who_asked(plane: ScriptedPlane, client: httpx.Client) -> None:
    plane.scripts.put(says())
    headers = {
        "Authorization": "Bearer mine",
        "Connection": "keep-alive, X-Private",
        "X-Private": "1",
        "X-Forwarded-For": "9.9.9.9",
        "Forwarded": "for=9.9.9.9",
        "X-Request-ID": "req_mine",
        "Cookie": "a=1",
    }
    answer = client.get("/v1/tts/texts?search=%C3%A9+x&limit=2", headers=headers)
    assert answer.json() == {}
    first, told = plane.head()
    assert first == "GET /v1/tts/texts?search=%C3%A9+x&limit=2 HTTP/1.1"
    names = [name for name, _ in told]
    assert len(names) == len(set(names))
    known = dict(told)
    assert known["host"] == f"127.0.0.1:{plane.port}"
    assert known["x-forwarded-host"] == client.base_url.netloc.decode()
    assert (known["x-forwarded-for"], known["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert (known["authorization"], known["cookie"], known["x-request-id"]) == ("Bearer mine", "a=1", "req_mine")
    assert known["via"] == "1.1 backline"
    assert not {"x-private", "forwarded"} & set(names)
    assert "x-private" not in known.get("connection", "").lower()


def test_an_answer_comes_back_with_its_headers(plane: ScriptedPlane, client: httpx.Client) -> None:
    several = ("Set-Cookie: a=1", "Set-Cookie: b=2", "X-Request-ID: theirs", "Connection: X-Private", "X-Private: 1")
    plane.scripts.put(says(b"\x1f\x8b", "402 Payment Required", "Content-Encoding: gzip", "X-RTF: 0.1", *several))
    with client.stream("GET", "/v1/models", headers={"X-Request-ID": "req_mine"}) as answer:
        assert b"".join(answer.iter_raw()) == b"\x1f\x8b"
    assert (answer.status_code, answer.headers["x-rtf"], answer.headers["content-encoding"]) == (402, "0.1", "gzip")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.headers.get_list("x-request-id") == ["req_mine"]
    assert len(answer.headers.get_list("date")) == 1
    assert "x-private" not in answer.headers


def test_cookies_are_each_clients_own(plane: ScriptedPlane, client: httpx.Client) -> None:
    for _ in range(2):
        plane.scripts.put(says(b"{}", "200 OK", "Set-Cookie: session=secret; Path=/"))
        client.cookies.clear()
        assert client.get("/v1/models").cookies["session"] == "secret"
        assert "cookie" not in dict(plane.head()[1])


def test_both_bodies_go_on_while_they_are_made(plane: ScriptedPlane, client: httpx.Client) -> None:
    heard: queue.Queue[bytes] = queue.Queue()
    one_arrived = threading.Event()

    def hear_and_speak(connection: socket.socket) -> None:
        heard.put(connection.recv(1000))
        heard.put(connection.recv(1000))
        begins(b"one")(connection)
        assert one_arrived.wait(10)
        connection.sendall(b"3\r\ntwo\r\n0\r\n\r\n")

    def upload() -> Iterator[bytes]:
        yield b"first"
        assert b"first" in heard.get(timeout=10)
        yield b"second"

    plane.scripts.put(hear_and_speak)
    with client.stream("POST", SPEAK, content=upload()) as answer:
        assert b"second" in heard.get(timeout=10)
        pieces = answer.iter_raw()
        assert next(pieces) == b"one"
        one_arrived.set()
        assert b"".join(pieces) == b"two"
    assert ("transfer-encoding", "chunked") in plane.head()[1]


def test_a_body_that_is_too_large_is_cut_off_there_and_refused_here(plane: ScriptedPlane, client: httpx.Client) -> None:
    ends: queue.Queue[bytes] = queue.Queue()

    def upload() -> Iterator[bytes]:
        yield b"first"
        plane.head()
        yield from (b"x" * 1000 for _ in range(30))

    def hear(connection: socket.socket) -> None:
        body = b""
        with suppress(ConnectionError):
            while piece := connection.recv(65_536):
                body += piece
        ends.put(body[-5:])

    plane.scripts.put(hear)
    answer = client.post(SPEAK, content=upload())
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert ends.get(timeout=10) != b"0\r\n\r\n"


@pytest.mark.parametrize("path", [SPEAK, "/v1/audio/speech"])
def test_who_is_not_there_is_told_of(plane: ScriptedPlane, client: httpx.Client, path: str) -> None:
    def refused(answer: httpx.Response) -> None:
        body = answer.json()
        code = body["error"]["code"] if path == "/v1/audio/speech" else body["code"]
        assert (answer.status_code, code) == (503, "plane_unreachable")
        assert int(answer.headers["retry-after"]) >= 1

    plane.scripts.put(lambda _: None)
    refused(client.post(path, json={}))
    plane.scripts.put(says(b"<h1>Bad gateway</h1>", "502 Bad Gateway", kind="text/html"))
    refused(client.post(path, json={}))
    plane.go_away()
    try:
        refused(client.post(path, json={}))
    finally:
        plane.come_back()


def test_its_own_refusals_are_passed_on(plane: ScriptedPlane, client: httpx.Client) -> None:
    plane.scripts.put(says(b'{"code": "draining"}', "503 Service Unavailable", kind="application/problem+json"))
    answer = client.post(SPEAK, json={})
    assert (answer.status_code, answer.json()) == (503, {"code": "draining"})


@pytest.mark.parametrize("length", [None, 1000])
def test_an_answer_that_breaks_off_there_breaks_off_here(
    plane: ScriptedPlane, client: httpx.Client, length: int | None
) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\nContent-Length: {length}\r\n\r\n".encode()
    plane.scripts.put(begins(b"sound") if length is None else lambda connection: connection.sendall(head + b"sound"))
    with client.stream("POST", SPEAK, json={}) as answer:
        pieces = answer.iter_raw()
        heard = next(pieces)
        with pytest.raises(httpx.RemoteProtocolError):
            next(pieces)
    assert (answer.status_code, heard) == (200, b"sound")


def test_one_that_falls_silent_is_given_up(plane: ScriptedPlane, client: httpx.Client) -> None:
    closed = threading.Event()

    def fall_silent(connection: socket.socket) -> None:
        begins(b"sound")(connection)
        connection.recv(1000)
        if not connection.recv(1000):
            closed.set()

    plane.scripts.put(fall_silent)
    with pytest.raises(httpx.RemoteProtocolError):
        client.post(SPEAK, json={})
    assert closed.wait(10)


@pytest.mark.parametrize("begun", [False, True])
def test_when_the_client_leaves_the_request_ends_there(plane: ScriptedPlane, gateway: Running, *, begun: bool) -> None:
    asked, closed = threading.Event(), threading.Event()

    def wait(connection: socket.socket) -> None:
        connection.recv(1000)
        if begun:
            begins(b"sound")(connection)
        asked.set()
        if not connection.recv(1000):
            closed.set()

    plane.scripts.put(wait)
    host, port = gateway.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(f"POST {SPEAK} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        assert asked.wait(10)
        if begun:
            assert client.recv(10)
    assert closed.wait(STALL_SECONDS)


def test_no_faster_than_the_client_reads(plane: ScriptedPlane, gateway: Running) -> None:
    """What it takes from there counts as delivered, and is paid for."""
    taken: queue.Queue[int] = queue.Queue()

    def pour(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        begins(b"sound")(connection)
        count = 0
        with suppress(ConnectionError):
            while count < 30_000_000:
                count += connection.send(b"10000\r\n%s\r\n" % bytes(65_536))
        taken.put(count)

    plane.scripts.put(pour)
    host, port = gateway.address.removeprefix("http://").split(":")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        client.connect((host, int(port)))
        client.sendall(f"POST {SPEAK} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        assert taken.get(timeout=10) < 8_000_000  # 4 MB of them wait in the kernel


def test_an_answer_that_will_be_elsewhere_is_fetched_from_there(plane: ScriptedPlane, client: httpx.Client) -> None:
    plane.scripts.put(says(b"", "303 See Other", "Location: /v1/tts/generate?call=7"))
    plane.scripts.put(says(b'"spoken"'))
    answer = client.post(SPEAK, json={"text": "x"}, headers={"X-API-Key": "mine"})
    assert (answer.status_code, answer.json()) == (200, "spoken")
    assert plane.head()[0].startswith("POST")
    first, told = plane.head()
    assert first == "GET /v1/tts/generate?call=7 HTTP/1.1"
    assert ("x-api-key", "mine") in told
    assert not {"content-type", "content-length"} & {name for name, _ in told}


def test_nobody_else_is_asked_for_it(plane: ScriptedPlane, client: httpx.Client) -> None:
    plane.scripts.put(says(b"", "303 See Other", "Location: http://127.0.0.1:1/elsewhere"))
    answer = client.post(SPEAK, json={})
    assert (answer.status_code, answer.headers["location"]) == (303, "http://127.0.0.1:1/elsewhere")


def test_a_request_does_not_go_round_and_round(client: httpx.Client) -> None:
    answer = client.get("/v1/tts/health", headers={"Via": "1.1 other, 1.1 backline"})
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (503, "relay_loop", False)


@pytest.mark.parametrize(
    "path", ["/v1/tts/jobs/job_1", "/v1/tts/metrics", "/v1/ttsx", "/health/ready", "/credits/balance"]
)
def test_the_rest_is_answered_here(plane: ScriptedPlane, client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code in (200, 404)
    time.sleep(0.01)
    assert plane.heads.empty()
