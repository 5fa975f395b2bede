"""A live jam over a WebSocket: control messages in, music and state out.

It can be dropped and taken up again at any chunk: nothing of a session is kept here.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, WebSocket
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocketDisconnect

from backline.accounts.caller import caller
from backline.accounts.principal import Principal
from backline.clock import monotonic
from backline.engines.jam.orders import ChunkFormat, JamChunk
from backline.engines.jam.spool import KEPT_CHUNKS
from backline.errors import BacklineError, Conflict, Invalid, NotFound
from backline.jam.schemas import ChangeForm, StatusReply
from backline.jam.service import Jam
from backline.jam.views import closed_of, status_of
from backline.realtime.sessions import Sessions
from backline.realtime.socket import Socket
from backline.web.problems import describe_validation
from backline.web.provide import provide

router = APIRouter()

_PATIENCE_SECONDS = 30.0
_IDLE_SECONDS = 3600.0
_LOOK_SECONDS = 1.0
_STATE_SECONDS = 10.0
_WAIT_SECONDS = 10.0


@router.websocket("/jam/ws")
async def jam_over_socket(
    websocket: WebSocket,
    jam: Annotated[Jam, Depends(provide(Jam))],
    sessions: Annotated[Sessions, Depends(provide(Sessions))],
) -> None:
    """`attach` first; then chunks come as they are made, each as a `chunk` event and a binary frame."""
    socket = Socket(websocket, _PATIENCE_SECONDS)
    try:
        await socket.accept()
        principal = await caller(websocket)
        principal.require("jam")
        listener = _Listener(socket, jam, principal)
        with sessions.present(listener):
            await listener.run()
        await socket.close()
    except BacklineError as error:
        with suppress(WebSocketDisconnect):
            await socket.refuse(error)
    except WebSocketDisconnect:
        return


class _Attach(BaseModel):
    """index: of the first chunk wanted; None: the next that was not handed out. ahead: how many chunks are sent beyond
    the last that was consumed."""

    model_config = ConfigDict(extra="forbid", title="attach")

    type: str
    session_id: str = Field(min_length=1, max_length=64)
    index: int | None = Field(None, ge=0, le=2**53 - 1)
    format: ChunkFormat = "wav"
    ahead: int = Field(2, ge=1, le=4)


class _Consume(BaseModel):
    model_config = ConfigDict(extra="forbid", title="consume")

    type: str
    index: int = Field(ge=0, le=2**53 - 1)


class _Listener:
    """One connection."""

    def __init__(self, socket: Socket, jam: Jam, principal: Principal) -> None:
        self._socket = socket
        self._jam = jam
        self._principal = principal
        self._sending = asyncio.Lock()
        self._consumed = asyncio.Condition()
        self._last_consumed = -1
        self._last_sent = -1
        self._stopped = False
        self._tasks: list[asyncio.Task[None]] = []
        self._left: BacklineError | None = None

    def leave(self, reason: BacklineError) -> None:
        self._left = reason
        for task in self._tasks:
            task.cancel()

    async def run(self) -> None:
        """Until the session is closed, the client leaves, or the server goes away. Raises what ends it early."""
        attach = _checked(_Attach, await self._socket.receive(_PATIENCE_SECONDS), "attach")
        view = await self._jam.status(self._principal, attach.session_id)
        told = status_of(view)
        await self._send(_state(told))
        delivered = told.last_delivered_index
        wanted = attach.index if attach.index is not None else 0 if delivered is None else delivered + 1
        self._last_consumed = self._last_sent = wanted - 1
        self._tasks = [
            asyncio.create_task(work)
            for work in (self._play(attach, wanted), self._watch(attach.session_id, told), self._hear(attach))
        ]
        if self._left is not None:  # meanwhile
            self.leave(self._left)
        try:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in self._tasks:
                task.cancel()
            outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome
        if self._left is not None:
            raise self._left

    async def _play(self, attach: _Attach, wanted: int) -> None:
        """Chunk after chunk, as far ahead as was asked for. Whoever consumes nothing is sent nothing, and lets the
        session fall asleep."""
        while True:
            await self._room(wanted - attach.ahead)
            wanted = max(wanted, self._last_consumed + 1)
            try:
                chunk = await self._next(attach, wanted)
            except NotFound as error:
                if error.code != "chunk_gone":
                    raise
                await self._socket.send_error(error)  # whoever was away for too long goes on from what there still is
                wanted = await self._first_kept(attach, wanted + 1)
                continue
            if chunk is None:
                await asyncio.sleep(_LOOK_SECONDS / 4)
                continue
            header = {
                "type": "chunk",
                "index": chunk.index,
                "bytes": len(chunk.audio),
                "metadata": asdict(chunk.metadata),
            }
            await self._send(header, chunk.audio)
            self._last_sent = chunk.index
            wanted = chunk.index + 1

    async def _room(self, index: int) -> None:
        """Returns once that chunk is consumed, or nothing more is made: what there is, is sent before the end."""
        async with self._consumed:
            await self._consumed.wait_for(lambda: self._last_consumed >= index or self._stopped)

    async def _first_kept(self, attach: _Attach, wanted: int) -> int:
        status = (await self._jam.status(self._principal, attach.session_id, keepalive=False)).status
        newest = None if status is None else status.last_delivered_index
        first = max(wanted, 0 if newest is None else newest + 1 - KEPT_CHUNKS)
        self._last_consumed = max(self._last_consumed, first - 1)
        return first

    async def _next(self, attach: _Attach, wanted: int) -> JamChunk | None:
        """None where there is none to wait for: then nobody is asked, for to ask keeps a session alive."""
        status = (await self._jam.status(self._principal, attach.session_id, keepalive=False)).status
        if status is None:
            return None
        made = -1 if status.last_made_index is None else status.last_made_index
        if made < wanted and not status.jam_running:
            return None
        try:
            return await self._jam.next(self._principal, attach.session_id, _WAIT_SECONDS, attach.format, wanted)
        except Conflict:  # it has just ended, which is told by `_watch`
            return None

    async def _watch(self, session_id: str, told: StatusReply) -> None:
        """Tell what changes: the state, the credit that runs out, the end."""
        warned, ended, said = None, False, monotonic()
        while True:
            now = status_of(await self._jam.status(self._principal, session_id, keepalive=False))
            if now.credits_warning is not None and (warned is None or now.credits_warning < warned):
                await self._send({"type": "warning", "seconds_left": now.credits_warning})
            warned = now.credits_warning
            if now.billing_state == "closed":
                await self._send_closed(session_id)
                return
            if _outline(now) != _outline(told) or monotonic() - said >= _STATE_SECONDS:
                await self._send(_state(now))
                said = monotonic()
            async with self._consumed:
                self._stopped = now.ended
                self._consumed.notify_all()
            made = -1 if now.last_made_index is None else now.last_made_index
            over = now.ended and max(self._last_sent, self._last_consumed) >= made
            if over and not ended:
                await self._send({"type": "ended"})
            told, ended = now, over
            await asyncio.sleep(_LOOK_SECONDS)

    async def _hear(self, attach: _Attach) -> None:
        while True:
            try:
                message = await self._socket.receive(_IDLE_SECONDS)
                if await self._obey(message, attach.session_id):
                    return
            except TimeoutError:
                raise Invalid("Nothing was sent for an hour.", code="idle") from None
            except BacklineError as error:
                await self._socket.send_error(error)

    async def _obey(self, message: dict[str, Any], session_id: str) -> bool:
        """Whether that was the end."""
        match message.get("type"):
            case "consume":
                index = _checked(_Consume, message, "consume").index
                await self._jam.consume(self._principal, session_id, index)
                async with self._consumed:
                    self._last_consumed = max(self._last_consumed, index)
                    self._consumed.notify_all()
            case "update":
                fields = {name: value for name, value in message.items() if name != "type"}
                change = _checked(ChangeForm, fields, "update").change
                await self._jam.update(self._principal, session_id, change)
                await self._send({"type": "updated"})
            case "stop":
                await self._jam.stop(self._principal, session_id)
            case "close":
                await self._jam.close(self._principal, session_id)
                await self._send_closed(session_id)
                return True
            case "ping":
                await self._jam.status(self._principal, session_id)
                await self._send({"type": "pong"})
            case _:
                raise Invalid("Send attach, consume, update, stop, close or ping.", code="bad_message")
        return False

    async def _send_closed(self, session_id: str) -> None:
        session = (await self._jam.session(self._principal, session_id)).session
        await self._send({"type": "closed", **closed_of(session).model_dump(exclude={"ok", "status"})})

    async def _send(self, message: dict[str, Any], data: bytes | None = None) -> None:
        """An event, and the frame that belongs to it right behind."""
        async with self._sending:
            await self._socket.send(message)
            if data is not None:
                await self._socket.send(data)


def _state(status: StatusReply) -> dict[str, Any]:
    return {"type": "state", **status.model_dump(exclude={"ok"})}


def _outline(status: StatusReply) -> tuple[object, ...]:
    """What is told at once when it changes."""
    return (status.billing_state, status.jam_running, status.warmed, status.ended, status.reachable)


def _checked(model: type[Any], message: dict[str, Any], kind: str) -> Any:
    if kind == "attach" and message.get("type") != "attach":
        raise Invalid("Send attach first, with the session_id.", code="bad_message")
    try:
        return model.model_validate(message)
    except ValidationError as error:
        raise Invalid(describe_validation(error.errors())[0], code="bad_message") from None
