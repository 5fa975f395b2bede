"""Web functions and servers, reached over HTTP and WebSocket as from the internet."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from modal import Cls, Function, Server
from websockets.sync.client import connect

from tests.modal_standin.standin import StandIn
from tests.modal_standin.web import PROXY_KEY, PROXY_SECRET

PATIENT_SECONDS = 30


def address(standin: StandIn, name: str) -> str:
    url = Function.from_name("small", name, client=standin.client).get_web_url()
    assert url is not None
    return url


def test_an_answer_is_streamed_as_it_is_made(small: StandIn) -> None:
    with httpx.stream("GET", address(small, "site") + "/stream", timeout=PATIENT_SECONDS) as response:
        assert response.headers["x-word"] == "one"
        arrived = [(piece, time.monotonic()) for piece in response.iter_raw()]
    assert b"".join(piece for piece, _ in arrived) == b"0123"
    assert len(arrived) == 4
    assert arrived[-1][1] - arrived[0][1] > 0.3


def test_an_answer_that_has_begun_is_cut_with_its_container(small: StandIn) -> None:
    with httpx.stream("GET", address(small, "site") + "/stream", timeout=PATIENT_SECONDS) as response:
        pieces = response.iter_raw()
        first = next(pieces)
        (busy,) = [one for one in small.containers("site") if one.running]
        small.kill(busy)
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
    assert first.startswith(b"0")


def test_bodies_and_queries_arrive(small: StandIn) -> None:
    answer = httpx.post(address(small, "site") + "/turn?a=1", content=b"abc", timeout=PATIENT_SECONDS)
    assert answer.json() == {"body": "cba", "query": "a=1"}
    assert httpx.get(address(small, "site") + "/none", timeout=PATIENT_SECONDS).status_code == 404


def test_web_sockets_speak_both_ways(small: StandIn) -> None:
    with connect(address(small, "site").replace("http", "ws") + "/echo", open_timeout=PATIENT_SECONDS) as socket:
        for word in (b"ab", b"cd"):
            socket.send(word)
            assert socket.recv(timeout=PATIENT_SECONDS) == word[::-1]


def test_a_class_serves_after_its_enter_hooks(small: StandIn) -> None:
    url = Cls.from_name("small", "Studio", client=small.client)().web.get_web_url()
    assert httpx.get(url, timeout=PATIENT_SECONDS).json() == "prepared"


def test_a_locked_web_function_wants_its_key(small: StandIn) -> None:
    url = address(small, "locked") + "/docs"
    assert httpx.get(url, timeout=PATIENT_SECONDS).status_code == 401
    shown = {"Modal-Key": PROXY_KEY, "Modal-Secret": PROXY_SECRET}
    assert httpx.get(url, headers=shown, timeout=PATIENT_SECONDS).status_code == 200


def test_an_unreachable_platform_serves_nothing(small: StandIn) -> None:
    url = address(small, "site")
    with small.unreachable():
        assert httpx.post(url + "/turn", timeout=PATIENT_SECONDS).status_code == 503


def test_a_session_stays_on_its_container(small: StandIn) -> None:
    server = Server.from_name("small", "Room", client=small.client)
    url = server.get_url()
    assert url is not None
    assert httpx.get(url, timeout=PATIENT_SECONDS).status_code == 401

    with ThreadPoolExecutor() as callers:
        first, second = callers.map(lambda _: server.sessions.start(), range(2))
    seen = [visit(url, first.token), visit(url, second.token), visit(url, first.token)]
    assert seen[0]["container"] == seen[2]["container"] != seen[1]["container"]
    assert [one["visits"] for one in seen] == [1, 1, 2]

    shown = {"Modal-Authorization": f"Bearer {first.token}"}
    with connect(url.replace("http", "ws") + "/turn", additional_headers=shown) as socket:
        socket.send(b"ab")
        assert socket.recv(timeout=PATIENT_SECONDS) == b"ba"

    server.sessions.terminate(first.token)
    assert httpx.get(url, headers=shown, timeout=PATIENT_SECONDS).status_code == 401
    assert visit(url, second.token)["visits"] == 2
    server.sessions.terminate(second.token)


def visit(url: str, token: str) -> dict[str, object]:
    answer = httpx.get(url, headers={"Modal-Authorization": f"Bearer {token}"}, timeout=PATIENT_SECONDS)
    answer.raise_for_status()
    found: dict[str, object] = answer.json()
    return found
