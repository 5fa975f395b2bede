"""One ASGI call by hand: what a server would send into an application, and what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from starlette.types import ASGIApp, Message

Headers = Iterable[tuple[bytes, bytes]]


def scope(headers: Headers = (), **more: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": "/somewhere",
        "query_string": b"",
        "headers": list(headers),
        **more,
    }


class Connection:
    """messages: what the client sends; afterwards it is silent until it leaves. sent: what it was sent."""

    def __init__(self, *messages: Message) -> None:
        self._messages = list(messages)
        self._left = asyncio.Event()
        self.sent: list[Message] = []
        self.on_send: Callable[[Message], Any] = lambda _message: None

    def leave(self) -> None:
        self._left.set()

    async def receive(self) -> Message:
        if self._messages:
            return self._messages.pop(0)
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        result = self.on_send(message)
        if asyncio.iscoroutine(result):
            await result

    async def call(self, app: ASGIApp, **more: Any) -> None:
        await app(scope(**more), self.receive, self.send)

    @property
    def status(self) -> int | None:
        return next((message["status"] for message in self.sent if message["type"] == "http.response.start"), None)

    @property
    def headers(self) -> dict[str, str]:
        (start,) = [message for message in self.sent if message["type"] == "http.response.start"]
        return {name.decode(): value.decode() for name, value in start["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def complete(self) -> bool:
        return any(m["type"] == "http.response.body" and not m.get("more_body", False) for m in self.sent)
