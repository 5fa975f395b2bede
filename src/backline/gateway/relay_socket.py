"""One WebSocket, passed on: every message as it is, both ways, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import aiohttp
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from backline.errors import BacklineError
from backline.gateway.relay_headers import onward
from backline.gateway.relay_plane import FAILURES, HEAD_SECONDS, Plane
from backline.realtime.sessions import Sessions
from backline.realtime.socket import Socket

_MESSAGE_BYTES = 16_000_000
"""Largest message from over there; what clients send, the server itself limits."""

_QUIET_SECONDS = 3.0
"""A session from which nothing came for so long has finished what it had begun."""

_GOING_AWAY = 1001
_NORMAL = 1000
_NO_STATUS = 1005
_NEVER_SENT = (1004, _NO_STATUS, 1006)


class SocketRelay:
    """One connection on both sides. `run` returns when it is over."""

    def __init__(self, plane: Plane, scope: Scope, receive: Receive, send: Send) -> None:
        self._plane = plane
        self._scope = scope
        self._client = WebSocket(scope, receive, send)
        self._socket = Socket(self._client, plane.patience_seconds)
        self._heard = asyncio.Event()
        self._leaving: asyncio.Future[BacklineError] = asyncio.get_running_loop().create_future()

    def leave(self, reason: BacklineError) -> None:
        """Once nothing has come from over there for a while, tell the client why, and end."""
        if not self._leaving.done():
            self._leaving.set_result(reason)

    async def run(self, sessions: Sessions) -> None:
        with suppress(WebSocketDisconnect):
            await self._socket.accept()
            try:
                with sessions.present(self):
                    await self._connected()
            except FAILURES as error:
                await self._socket.refuse(self._plane.unreachable(self._scope, type(error).__name__))
            except BacklineError as error:
                await self._socket.refuse(error)

    async def _connected(self) -> None:
        async with asyncio.timeout(HEAD_SECONDS) as patience:
            async with self._plane.client.ws_connect(
                self._plane.address(self._scope),
                headers=onward(self._scope),
                heartbeat=2 * self._plane.silence_seconds,  # half of it may pass until a pong, behind a slow client
                max_msg_size=_MESSAGE_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=self._plane.patience_seconds),
            ) as behind:
                patience.reschedule(None)
                await _first_of(self._onward(behind), self._back(behind), self._away())

    async def _onward(self, behind: aiohttp.ClientWebSocketResponse) -> None:
        """What the client sends; its end too."""
        while True:
            message = await self._client.receive()
            if message["type"] == "websocket.disconnect":
                await behind.close(code=_sendable(message.get("code") or _NO_STATUS))
                return
            async with asyncio.timeout(self._plane.patience_seconds):
                text = message.get("text")
                await (behind.send_bytes(message["bytes"]) if text is None else behind.send_str(text))

    async def _back(self, behind: aiohttp.ClientWebSocketResponse) -> None:
        """What the other server sends; its end too. Raises ClientConnectionError where it only stopped."""
        while True:
            message = await behind.receive()
            self._heard.set()
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                await self._socket.send(message.data)
            elif message.type == aiohttp.WSMsgType.CLOSE:
                await self._client.close(_sendable(message.data or _NO_STATUS), message.extra or None)
                return
            else:
                raise aiohttp.ClientConnectionError

    async def _away(self) -> None:
        reason = await self._leaving
        while True:
            self._heard.clear()
            try:
                async with asyncio.timeout(_QUIET_SECONDS):
                    await self._heard.wait()
            except TimeoutError:
                raise reason from None


async def _first_of(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Until the first has ended, which ends the others; raises what it raised."""
    tasks = [asyncio.create_task(one) for one in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _sendable(code: int) -> int:
    """A close code that may stand in a frame (RFC 6455 7.4); no code at all is an ordinary end."""
    if code == _NO_STATUS:
        return _NORMAL
    if (1000 <= code <= 1014 and code not in _NEVER_SENT) or 3000 <= code <= 4999:
        return code
    return _GOING_AWAY
