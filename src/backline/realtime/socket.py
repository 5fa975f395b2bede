"""A WebSocket of JSON events and binary frames: bounded sends, clear errors, close codes that mean something.

An error is told twice: as an `error` event with code and message, then, where the connection cannot go on, as a close
code (RFC 6455: 4000 to 4999 are ours to give).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from backline.errors import BacklineError, Invalid

MAX_MESSAGE_BYTES = 1_000_000
"""Largest message a client may send; the server is told when it starts, so that it never buffers more. A text of 50 000
characters fits however it is escaped (an emoji as JSON's `\\uXXXX\\uXXXX` is 12 bytes)."""

_GOING_AWAY = 1001
_TRY_AGAIN_LATER = 1013
_POLICY_VIOLATION = 1008
_CLOSE_CODES: Mapping[str, int] = {
    "unauthenticated": 4401,
    "payment_required": 4402,
    "denied": 4403,
    "not_found": 4404,
    "busy": 4429,
    "unavailable": _TRY_AGAIN_LATER,
}


class Socket:
    """patience_seconds: how long a client may take none of what it is sent."""

    def __init__(self, socket: WebSocket, patience_seconds: float) -> None:
        self._socket = socket
        self._patience_seconds = patience_seconds
        self._sending = asyncio.Lock()

    async def accept(self) -> None:
        await self._socket.accept()

    async def send(self, message: Mapping[str, Any] | bytes | str) -> None:
        """JSON, bytes, or text as it is. Raises WebSocketDisconnect when the client left or reads nothing."""
        try:
            async with self._sending, asyncio.timeout(self._patience_seconds):
                if isinstance(message, bytes):
                    await self._socket.send_bytes(message)
                elif isinstance(message, str):
                    await self._socket.send_text(message)
                else:
                    await self._socket.send_text(json.dumps(message, ensure_ascii=False))
        except (TimeoutError, RuntimeError, OSError):
            raise WebSocketDisconnect(_GOING_AWAY) from None

    async def receive_text(self, idle_seconds: float) -> str | None:
        """The next message; None where it is no text. Raises TimeoutError after `idle_seconds`, and
        WebSocketDisconnect when the client left."""
        async with asyncio.timeout(idle_seconds):
            message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", _GOING_AWAY))
        text: str | None = message.get("text")
        return text

    async def receive(self, idle_seconds: float) -> dict[str, Any]:
        """The next JSON object. Raises Invalid for anything else, and what `receive_text` raises."""
        text = await self.receive_text(idle_seconds)
        try:
            event = json.loads(text) if text is not None else None
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            raise Invalid("Send JSON objects as text frames.", code="bad_message")
        return event

    async def send_error(self, error: BacklineError) -> None:
        await self.send({"type": "error", "code": error.code, "message": error.detail, "retryable": error.retryable})

    async def refuse(self, error: BacklineError) -> None:
        """Say why, then close."""
        await self.send_error(error)
        await self.close(_CLOSE_CODES.get(error.kind, _POLICY_VIOLATION))

    async def close(self, code: int = 1000) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            await self._socket.close(code)
