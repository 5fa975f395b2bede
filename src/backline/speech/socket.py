"""The door of the speech WebSocket: who may come in."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, WebSocket
from starlette.websockets import WebSocketDisconnect

from backline.accounts.caller import caller
from backline.errors import BacklineError
from backline.realtime.sessions import Sessions
from backline.realtime.socket import Socket
from backline.settings import SpeechSettings
from backline.speech.casting import Casting
from backline.speech.service import SpeechService
from backline.speech.session import SpeechSession
from backline.web.provide import provide

router = APIRouter()


@router.websocket("/v1/tts/ws")
async def speak_over_socket(
    websocket: WebSocket,
    service: Annotated[SpeechService, Depends(provide(SpeechService))],
    casting: Annotated[Casting, Depends(provide(Casting))],
    sessions: Annotated[Sessions, Depends(provide(Sessions))],
    settings: Annotated[SpeechSettings, Depends(provide(SpeechSettings))],
) -> None:
    socket = Socket(websocket, settings.stall_seconds)
    try:
        await socket.accept()
        principal = await caller(websocket)
        principal.require("speech")
        session = SpeechSession(
            socket, service, casting, principal, websocket.scope["request_id"], settings.socket_idle_seconds
        )
        with sessions.present(session):
            await session.run()
    except BacklineError as error:
        with suppress(WebSocketDisconnect):
            await socket.refuse(error)
    except WebSocketDisconnect:
        return
