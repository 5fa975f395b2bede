"""One request on its way to the other server, and its answer on the way back: nothing is kept, nothing is made up.

The request ends over there when the client leaves; an answer that breaks off there breaks off here, so that nobody
takes a part for the whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
from starlette.types import Receive, Scope, Send
from yarl import URL

from backline.errors import BacklineError
from backline.gateway.relay_headers import back, onward
from backline.gateway.relay_plane import FAILURES, HEAD_SECONDS, Plane
from backline.observability.logging import get_logger

_PASSING = (502, 503, 504)
"""What a proxy before the other server says, in words that are not ours, when nobody is behind it."""

_SEE_OTHER = 303
_SEE_OTHERS = 20
"""A host that lets no request wait for long says where its answer will be (RFC 9110 15.4.4)."""


class HttpRelay:
    """One request. `run` returns when it has been answered, broken off or left; raises BacklineError before the first
    byte of an answer."""

    def __init__(self, plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
        self._plane = plane
        self._scope = scope
        self._receive = receive
        self._send = send
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self._refused: BacklineError | None = None
        self._left = False
        self._begun = False

    async def run(self) -> None:
        first = await self._receive()
        if first["type"] == "http.disconnect":
            return
        more = first.get("more_body", False)
        body = self._body(first.get("body", b"")) if more else first.get("body", b"")
        answering = asyncio.current_task()
        assert answering is not None
        listening = asyncio.create_task(self._listen(answering.cancel, more))
        try:
            await self._answer(body)
        except asyncio.CancelledError:
            if not self._left:  # somebody else ends this task, the server for one
                raise
            answering.uncancel()
        finally:
            listening.cancel()

    async def _listen(self, leave: Callable[[], object], more: bool) -> None:
        """Takes the rest of the body as fast as it goes on, and sees the client leave."""
        try:
            while (message := await self._receive())["type"] != "http.disconnect":
                if more:
                    await self._pieces.put(message.get("body", b""))
                    more = message.get("more_body", False)
                    if not more:
                        await self._pieces.put(None)
        except BacklineError as error:  # the body is larger than it may be
            self._refused = error
            await self._pieces.put(None)
        else:
            self._left = True
            leave()

    async def _body(self, first: bytes) -> AsyncIterator[bytes]:
        yield first
        while (piece := await self._pieces.get()) is not None:
            yield piece
        if self._refused is not None:
            raise self._refused

    async def _answer(self, body: bytes | AsyncIterator[bytes]) -> None:
        try:
            async with asyncio.timeout(HEAD_SECONDS) as patience:
                answer = await self._ask(body)
                try:
                    await self._pass_on(answer, patience)
                finally:
                    answer.close()  # one that came whole has given its connection back before
        except FAILURES as error:
            if self._begun:  # ending without the last chunk tells the client that this is not the whole
                get_logger().warning("relay.broken", path=self._scope["path"], reason=type(error).__name__)
                return
            raise self._refused or self._plane.unreachable(self._scope, type(error).__name__) from None

    async def _ask(self, body: bytes | AsyncIterator[bytes]) -> aiohttp.ClientResponse:
        headers = onward(self._scope)
        address = self._plane.address(self._scope)
        ask = self._plane.client.request
        answer = await ask(self._scope["method"], address, data=body or None, headers=headers, allow_redirects=False)
        for name in ("Content-Type", "Content-Length", "Content-Encoding"):
            headers.popall(name, None)
        for _ in range(_SEE_OTHERS):
            elsewhere = _see_other(answer)
            if elsewhere is None or not self._plane.is_own(elsewhere):
                break
            answer.release()
            answer = await ask("GET", elsewhere, headers=headers, allow_redirects=False)
        return answer

    async def _pass_on(self, answer: aiohttp.ClientResponse, patience: asyncio.Timeout) -> None:
        if answer.status in _PASSING and "json" not in answer.content_type:
            raise self._plane.unreachable(self._scope, str(answer.status))
        now = asyncio.get_running_loop().time
        start = {"type": "http.response.start", "status": answer.status, "headers": back(answer.raw_headers)}
        self._begun = True
        await self._send(start)
        whole = False
        while not whole:
            patience.reschedule(now() + self._plane.silence_seconds)
            chunk = await answer.content.readany()
            whole = answer.content.at_eof()
            patience.reschedule(now() + self._plane.patience_seconds)
            await self._send({"type": "http.response.body", "body": chunk, "more_body": not whole})


def _see_other(answer: aiohttp.ClientResponse) -> URL | None:
    location = answer.headers.get("Location") if answer.status == _SEE_OTHER else None
    return None if location is None else answer.url.join(URL(location))
