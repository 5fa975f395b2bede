"""The door of the speech WebSocket: who may come in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, WebSocket
from starlette.websockets import WebSocketDisconnect

from backline.accounts.loopback import LoopbackGate
from backline.errors import BacklineError
from backline.realtime.socket import Socket
from backline.settings import SpeechSettings
from backline.speech.service import SpeechService
from backline.speech.session import SpeechSession
from backline.web.provide import provide

router = APIRouter()


@router.websocket("/v1/tts/ws")
async def speak_over_socket(
    websocket: WebSocket,
    service: Annotated[SpeechService, Depends(provide(SpeechService))],
    gate: Annotated[LoopbackGate, Depends(provide(LoopbackGate))],
    settings: Annotated[SpeechSettings, Depends(provide(SpeechSettings))],
) -> None:
    socket = Socket(websocket, settings.stall_seconds)
    await socket.accept()
    try:
        caller = gate.admit(websocket.headers.items())
    except BacklineError as error:
        try:
            await socket.refuse(error)
        except WebSocketDisconnect:
            return
        return
    session = SpeechSession(socket, service, caller, websocket.scope["request_id"], settings.socket_idle_seconds)
    await session.run()
