"""What happens around every request: its id, its size limit and its line in the log. Plain ASGI, no buffering."""

from __future__ import annotations

import re
import time
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backline.errors import Invalid, TooLarge
from backline.ids import is_id, new_id
from backline.observability.context import request_id
from backline.observability.logging import get_logger
from backline.web.problems import problem_of, problem_of_unexpected

STARTED = "backline.started"
"""Key in the ASGI scope: the `time.perf_counter` reading at which the request reached us."""

ANSWER_HEADERS = "backline.answer_headers"
"""Key in the ASGI scope of a request: a `dict[bytes, bytes]` of headers that its answer is to have, whatever it is."""


_SECRET = re.compile(r"(bl_live_|eyJ)[^/]*")
"""A key, or the head of a JWT, where somebody wrote it into an address: also a path is written down."""


class RequestMiddleware:
    """One id for the request, kept from the client's X-Request-ID when that is well formed, sent back in every answer;
    a body limit that also holds for chunked bodies; an access line without query or text.

    unlimited: beginnings of paths whose routes hold limits of their own.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int, unlimited: tuple[str, ...] = ()) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._unlimited = unlimited

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope[STARTED] = time.perf_counter()
        asked = _first(scope, b"x-request-id")
        scope["request_id"] = asked if is_id(asked) else new_id("req")
        token = request_id.set(scope["request_id"])
        try:
            if scope["type"] == "http":
                await self._http(scope, receive, send)
            elif _has_nul(scope):
                await send({"type": "websocket.close", "code": 1008})
            else:
                await self._app(scope, receive, send)
        finally:
            request_id.reset(token)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0
        more: dict[bytes, bytes] = {b"x-request-id": scope["request_id"].encode()}
        scope[ANSWER_HEADERS] = more

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if status == HTTPStatus.UNAUTHORIZED:  # what RFC 9110 (11.6.1) asks of every 401
                    MutableHeaders(raw=message["headers"]).setdefault("WWW-Authenticate", "Bearer")
                message["headers"].extend(more.items())
            await send(message)

        length = _first(scope, b"content-length") or "0"
        try:
            if _has_nul(scope):
                await problem_of(Invalid("No address here has a NUL in it.", code="nul_in_address"))(
                    scope, receive, send_with_id
                )
            elif self._unlimited and scope["path"].startswith(self._unlimited):
                await self._app(scope, receive, send_with_id)
            elif not length.isdecimal() or int(length) > self._max_body_bytes:
                await problem_of(self._too_large())(scope, receive, send_with_id)
            else:
                await self._app(scope, self._counted(receive), send_with_id)
        except Exception as error:
            if status:  # too late for another answer: the server cuts the connection
                raise
            await problem_of_unexpected(error)(scope, receive, send_with_id)
        finally:
            get_logger().info(
                "http.request",
                method=scope["method"],
                path=_SECRET.sub("[secret]", scope["path"]),
                status=status,
                t_total_ms=round((time.perf_counter() - scope[STARTED]) * 1000, 2),
            )

    def _counted(self, receive: Receive) -> Receive:
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body_bytes:
                raise self._too_large()
            return message

        return counted

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body is larger than {self._max_body_bytes} bytes.", code="body_too_large")


def _has_nul(scope: Scope) -> bool:
    """It means nothing anywhere, and Postgres takes no text with one."""
    return "\0" in scope["path"] or b"%00" in scope["query_string"]


def _first(scope: Scope, name: bytes) -> str:
    """What a header says the first time; empty without it. name: in lower case."""
    return next((value.decode("latin-1") for known, value in scope["headers"] if known == name), "")
