"""Around every request: its id, its size limit, its line in the log."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from backline.errors import TooLarge
from backline.observability.context import request_id
from backline.observability.logging import configure_logging
from backline.web.middleware import STARTED, RequestMiddleware
from backline.web.problems import problem_of
from tests.web.asgi import Connection


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure_logging("INFO", stream)
    yield stream
    configure_logging("INFO", io.StringIO())


class Reader:
    """Reads the body to its end, answers 200, and remembers what it saw."""

    def __init__(self) -> None:
        self.scope: Scope = {}
        self.id_seen: str | None = None
        self.body = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.id_seen = request_id.get()
        if scope["type"] == "http":
            try:
                await self._read(receive)
            except TooLarge as error:
                await problem_of(error)(scope, receive, send)
                return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})

    async def _read(self, receive: Receive) -> None:
        more = True
        while more:
            message = await receive()
            self.body += message.get("body", b"")
            more = message.get("more_body", False)


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize(
    ("headers", "kept"),
    [([(b"x-request-id", b"mine_1")], "mine_1"), ([(b"x-request-id", b"not mine")], None), ([], None)],
)
async def test_the_id_is_the_same_for_all_who_ask(headers: list[tuple[bytes, bytes]], kept: str | None) -> None:
    app, connection = Reader(), Connection(part(b""))
    await connection.call(RequestMiddleware(app, 100), headers=headers)
    assert app.id_seen == app.scope["request_id"] == connection.headers["X-Request-ID".lower()]
    assert kept is None or app.id_seen == kept
    assert request_id.get() is None
    assert app.scope[STARTED] > 0


async def test_a_socket_has_an_id_too_and_no_access_line(log: io.StringIO) -> None:
    app, connection = Reader(), Connection()
    await connection.call(RequestMiddleware(app, 100), type="websocket", headers=[(b"x-request-id", b"mine")])
    assert app.id_seen == app.scope["request_id"] == "mine"
    assert log.getvalue() == ""


async def test_what_is_neither_passes_untouched() -> None:
    app = Reader()
    await Connection().call(RequestMiddleware(app, 100), type="lifespan")
    assert "request_id" not in app.scope


@pytest.mark.parametrize(
    ("messages", "headers", "status", "taken"),
    [
        ([part(b"x" * 100)], [(b"content-length", b"100")], 200, 100),
        ([part(b"x" * 101)], [(b"content-length", b"101")], 413, 0),
        ([part(b"x" * 101)], [(b"content-length", b"5")], 413, 0),
        ([part(b"x" * 60, more=True), part(b"x" * 40)], [], 200, 100),
        ([part(b"x" * 60, more=True), part(b"x" * 41)], [], 413, 60),
        ([part(b"x")], [(b"content-length", b"nonsense")], 413, 0),
        ([part(b"x")], [(b"content-length", b"-1")], 413, 0),
        ([part(b"x")], [(b"content-length", b"99999999999999999999")], 413, 0),
    ],
)
async def test_the_limit_holds_whatever_the_length_says(
    messages: list[Message], headers: list[tuple[bytes, bytes]], status: int, taken: int
) -> None:
    app, connection = Reader(), Connection(*messages)
    await connection.call(RequestMiddleware(app, 100), headers=headers)
    assert connection.status == status
    assert len(app.body) == taken
    if status == 413:
        assert json.loads(connection.body)["code"] == "body_too_large"
        assert json.loads(connection.body)["request_id"] == connection.headers["x-request-id"]


@pytest.mark.parametrize("secret", ["bl_live_" + "Q7" * 25 + "x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"])
async def test_the_access_line_names_no_secret_that_was_written_into_a_path(log: io.StringIO, secret: str) -> None:
    await Connection(part(b"")).call(RequestMiddleware(Reader(), 100), path=f"/keys/{secret}/rotate")
    assert json.loads(log.getvalue())["path"] == "/keys/[secret]/rotate"


async def test_the_access_line_names_no_query(log: io.StringIO) -> None:
    connection = Connection(part(b"secret body"))
    await connection.call(RequestMiddleware(Reader(), 100), query_string=b"token=secret")
    (line,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert line.pop("t_total_ms") >= 0
    del line["timestamp"]
    assert line == {
        "event": "http.request",
        "level": "info",
        "method": "POST",
        "path": "/somewhere",
        "status": 200,
        "request_id": connection.headers["x-request-id"],
    }


async def test_what_nobody_foresaw_is_answered_inside_so_that_it_has_an_id(log: io.StringIO) -> None:
    async def fails(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise KeyError("secret")

    connection = Connection()
    await connection.call(RequestMiddleware(fails, 100), headers=[(b"x-request-id", b"mine")])
    assert connection.status == 500
    assert json.loads(connection.body)["request_id"] == connection.headers["x-request-id"] == "mine"
    lines: list[dict[str, Any]] = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["event"], line["request_id"]) for line in lines] == [("web.failed", "mine"), ("http.request", "mine")]
    assert lines[1]["status"] == 500
    assert "secret" not in log.getvalue()


async def test_a_failure_after_the_status_is_left_to_the_server() -> None:
    """It cuts the connection; a second answer inside the first would be garbage."""

    async def fails(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise KeyError("secret")

    connection = Connection()
    with pytest.raises(KeyError):
        await connection.call(RequestMiddleware(fails, 100))
    assert len(connection.sent) == 1
