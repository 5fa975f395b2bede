"""How the worker answers: JSON with `ok` and `request_seconds`, also to what fails, and with the true status."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

from backline.errors import BacklineError, Failed, Unauthenticated
from backline.observability.logging import get_logger
from backline.web.middleware import STARTED
from backline.web.problems import status_of

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_SESSION_ID = "jam_session_id"
"""In the scope of a request: whose it is, once that has been read."""


def about(request: Request, session_id: str) -> str:
    """Remember whose request this is, for the answer if it fails."""
    request.scope[_SESSION_ID] = session_id
    return session_id


def reply(request: Request, data: Mapping[str, Any]) -> Response:
    return _as_json({"ok": True, **data, "request_seconds": _seconds(request)})


def failure(request: Request, error: BacklineError, status: int | None = None) -> Response:
    """status: where it is not the error's own."""
    content: dict[str, Any] = {
        "ok": False,
        "error": error.detail,
        "code": error.code,
        "retryable": error.retryable,
        **(error.more or {}),
    }
    if _SESSION_ID in request.scope:
        content["session_id"] = request.scope[_SESSION_ID]
    wait_seconds = error.retry_after_seconds
    headers = {} if wait_seconds is None else {"Retry-After": str(max(1, round(wait_seconds)))}
    return _as_json({**content, "request_seconds": _seconds(request)}, status or status_of(error), headers)


class WorkerRoute(APIRoute):
    """A route behind the key, which is asked for before a byte of the body is read."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                _require_key(request)
                return await handler(request)
            except BacklineError as error:
                if isinstance(error, Failed):
                    get_logger().error("worker.failed", code=error.code, exc_info=error)
                return failure(request, error)
            except Exception as error:  # noqa: BLE001 - whatever it is, the client must know that it was not done
                get_logger().error("worker.failed", code=Failed.default_code, exc_info=error)
                return failure(request, Failed("Something went wrong in the worker."))

        return answer


def add_failure_handlers(app: FastAPI) -> None:
    """For what no route takes."""
    app.add_exception_handler(HTTPException, _on_http_exception)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    told = BacklineError(f"{phrase}.", code=phrase.lower().replace(" ", "_"))
    return failure(request, told, error.status_code)


def _as_json(data: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Two megabytes of sound are written in a fifth of the time that `json` takes."""
    return Response(to_json(data), status, headers, "application/json")


def _require_key(request: Request) -> None:
    shown = request.headers.get("x-api-key", "").encode()
    keys: tuple[str, ...] = request.app.state.keys
    if not any(hmac.compare_digest(shown, key.encode()) for key in keys):
        raise Unauthenticated("Invalid or missing API key", code="invalid_api_key")


def _seconds(request: Request) -> float:
    started: float = request.scope[STARTED]
    return round(time.perf_counter() - started, 4)
