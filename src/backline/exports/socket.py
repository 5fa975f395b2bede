"""How an export comes along, over a WebSocket: where it stands at once, then each step, then its end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, WebSocket
from starlette.websockets import WebSocketDisconnect

from backline.accounts.caller import caller
from backline.accounts.principal import Principal
from backline.errors import BacklineError
from backline.exports.service import Exports
from backline.exports.views import socket_message
from backline.jobs.following import Follower, Following
from backline.jobs.job import JobEvent
from backline.realtime.sessions import Sessions
from backline.realtime.socket import Socket
from backline.web.provide import provide

router = APIRouter()

_PATIENCE_SECONDS = 30.0
_IDLE_SECONDS = 86_400.0


@router.websocket("/ws/export/{job_id}")
async def follow_export(
    websocket: WebSocket,
    job_id: str,
    exports: Annotated[Exports, Depends(provide(Exports))],
    following: Annotated[Following, Depends(provide(Following))],
    sessions: Annotated[Sessions, Depends(provide(Sessions))],
) -> None:
    """`{progress, message, status, ...}` for each step; `ping` is answered with `pong`. Closed with 1000 at the end."""
    socket = Socket(websocket, _PATIENCE_SECONDS)
    try:
        await socket.accept()
        principal = await caller(websocket)
        principal.require("exports")
        teller = _Teller(socket, exports, principal, job_id)
        seq = await teller.tell()
        if seq is not None:
            follower = following.follow(job_id, seq)
            with sessions.present(follower):
                await _follow(socket, follower, teller)
        await socket.close()
    except BacklineError as error:
        with suppress(WebSocketDisconnect):
            await socket.refuse(error)
    except WebSocketDisconnect:
        return


class _Teller:
    def __init__(self, socket: Socket, exports: Exports, principal: Principal, job_id: str) -> None:
        self._socket = socket
        self._exports = exports
        self._principal = principal
        self._job_id = job_id
        self._last: dict[str, Any] = {}

    async def tell(self, seq: int = 0) -> int | None:
        """How it stands; the number of its last event, None when it is over. seq: of the event of which is told; many
        listeners who are told of the same are told what was looked up once. Raises NotFound."""
        known = (self._principal.id, self._job_id, seq)
        message, last = await self._exports.told.of(known, self._look)
        self._last = dict(message)
        await self._socket.send(self._last)
        return last

    async def _look(self) -> tuple[dict[str, Any], int | None]:
        export, job = await self._exports.get(self._principal, self._job_id)
        return await socket_message(export, job, self._exports.assets), None if job.terminal else job.seq

    async def tell_of(self, events: Sequence[JobEvent]) -> None:
        """Only the newest of several: who is behind wants to know where it stands."""
        if (event := events[-1]).kind != "progress":
            await self.tell(event.seq)
            return
        told = event.data
        self._last |= {
            "progress": min(99.0, round(100 * told["progress"], 1)),
            "message": told["message"],
            "status": "processing",
            "phase": told.get("phase", "processing"),
            "current": told.get("frames", self._last["current"]),
            "total": told.get("frames_total", self._last["total"]),
            "seconds_left": told.get("seconds_left"),
        }
        await self._socket.send(self._last)


async def _follow(socket: Socket, follower: Follower, teller: _Teller) -> None:
    """Until the export is over, the server goes away, or the client leaves."""
    sending = asyncio.create_task(_send(follower, teller))
    hearing = asyncio.create_task(_hear(socket))
    try:
        await asyncio.wait([sending, hearing], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, hearing):
            task.cancel()
        outcomes = await asyncio.gather(sending, hearing, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    if follower.left is not None:
        raise follower.left


async def _send(follower: Follower, teller: _Teller) -> None:
    async for events in follower.events():
        await teller.tell_of(events)


async def _hear(socket: Socket) -> None:
    """Clients ask now and then whether the line is alive; nothing else is expected of them."""
    while True:
        if await socket.receive_text(_IDLE_SECONDS) == "ping":
            await socket.send("pong")
