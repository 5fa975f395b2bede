"""The routes of speech, answered by another server of ours: an ASGI layer that passes them on as they are.

Who may come in, what it costs and how much is too much are decided over there, on the same database. Long texts stay
here: they are jobs, and jobs are done where their files and their loop are. So do figures, which are this process's.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from backline.compat import openai
from backline.errors import BacklineError, Unavailable
from backline.gateway.relay_headers import has_passed_here
from backline.gateway.relay_http import HttpRelay
from backline.gateway.relay_plane import Plane
from backline.gateway.relay_socket import SocketRelay
from backline.realtime.sessions import Sessions
from backline.speech import jobs_router
from backline.web.problems import problem_of

_OPENAI = ("/v1/audio", "/v1/models")
_PASSED_ON = ("/v1/tts", "/v1/voices", *_OPENAI)
_KEPT = (jobs_router.PATH, "/v1/tts/metrics")


def add_relay(app: FastAPI, url: str, patience_seconds: float) -> Callable[[], AbstractAsyncContextManager[None]]:
    """Pass the routes of speech on to the server at `url`; what is returned is to be open while this one runs."""
    plane = Plane(url, patience_seconds)
    app.add_middleware(RelayMiddleware, plane=plane)
    return plane.open


class RelayMiddleware:
    def __init__(self, app: ASGIApp, plane: Plane) -> None:
        self._app = app
        self._plane = plane

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not _is_passed_on(scope["path"]):
            await self._app(scope, receive, send)
        elif has_passed_here(scope):
            await _refuse(_loop(), scope, receive, send)
        elif scope["type"] == "websocket":
            await SocketRelay(self._plane, scope, receive, send).run(scope["app"].state.provided.get(Sessions))
        else:
            try:
                await HttpRelay(self._plane, scope, receive, send).run()
            except BacklineError as error:
                await _refuse(error, scope, receive, send)


def _is_passed_on(path: str) -> bool:
    return _is_below(path, _PASSED_ON) and not _is_below(path, _KEPT)


def _is_below(path: str, tops: tuple[str, ...]) -> bool:
    return path in tops or path.startswith(tuple(f"{top}/" for top in tops))


def _loop() -> Unavailable:
    return Unavailable(
        "BACKLINE_SPEECH__PLANE_URL leads back to a server that passes speech on.", code="relay_loop", retryable=False
    )


async def _refuse(error: BacklineError, scope: Scope, receive: Receive, send: Send) -> None:
    response: Response = (openai.envelope_of if _is_below(scope["path"], _OPENAI) else problem_of)(error)
    await response(scope, receive, send)
