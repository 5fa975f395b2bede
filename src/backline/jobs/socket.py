"""The same events over a WebSocket, for clients that have one open anyway."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, WebSocket
from starlette.websockets import WebSocketDisconnect

from backline.accounts.caller import caller
from backline.errors import BacklineError
from backline.jobs.following import Follower, Following
from backline.jobs.queue import Jobs
from backline.jobs.router import parse_seq
from backline.jobs.schemas import JobEventView
from backline.realtime.sessions import Sessions
from backline.realtime.socket import Socket
from backline.web.provide import provide

router = APIRouter()

_PATIENCE_SECONDS = 30.0
_IDLE_SECONDS = 86_400.0


@router.websocket("/ws/jobs/{job_id}")
async def follow_over_socket(
    websocket: WebSocket,
    job_id: str,
    jobs: Annotated[Jobs, Depends(provide(Jobs))],
    following: Annotated[Following, Depends(provide(Following))],
    sessions: Annotated[Sessions, Depends(provide(Sessions))],
) -> None:
    """One `event` message for each event, after the query's `after`; closed with 1000 when the job is over."""
    socket = Socket(websocket, _PATIENCE_SECONDS)
    try:
        await socket.accept()
        principal = await caller(websocket)
        job = await jobs.get(principal.id, job_id)
        after = parse_seq(websocket.query_params.get("after"))
        if not (job.terminal and after >= job.seq):
            follower = following.follow(job.id, min(after, job.seq))
            with sessions.present(follower):
                await _follow(socket, follower)
        await socket.close()
    except BacklineError as error:
        with suppress(WebSocketDisconnect):
            await socket.refuse(error)
    except WebSocketDisconnect:
        return


async def _follow(socket: Socket, follower: Follower) -> None:
    """Until the job is over, the server goes away, or the client leaves."""
    sending = asyncio.create_task(_send(socket, follower))
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


async def _send(socket: Socket, follower: Follower) -> None:
    async for events in follower.events():
        for event in events:
            await socket.send({"type": "event", **JobEventView.of(event).model_dump(mode="json")})


async def _hear(socket: Socket) -> None:
    """Nothing is asked of the client; what it says is checked, and its leaving is noticed."""
    while True:
        await socket.receive(_IDLE_SECONDS)
