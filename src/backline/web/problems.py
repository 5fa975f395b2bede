"""Failures as HTTP: the nine kinds to statuses, and RFC 9457 problem documents. Nothing below knows a status code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from backline.errors import BacklineError, Failed
from backline.observability.context import request_id
from backline.observability.logging import get_logger

MEDIA_TYPE = "application/problem+json"

_STATUS: Mapping[str, int] = {
    "invalid": 422,
    "too_large": 413,
    "unauthenticated": 401,
    "denied": 403,
    "not_found": 404,
    "conflict": 409,
    "payment_required": 402,
    "busy": 429,
    "unavailable": 503,
    "failed": 500,
}


_IDENTIFIER = re.compile(r"[A-Za-z0-9_]{1,40}")


def status_of(error: BacklineError) -> int:
    return _STATUS[error.kind]


def problem(
    status: int,
    detail: str,
    code: str,
    *,
    retryable: bool = False,
    retry_after_seconds: float | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """A problem document. `detail` is what older clients of the five products read."""
    content = {
        "type": f"urn:backline:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "retryable": retryable,
        "request_id": request_id.get(),
        **(more or {}),
    }
    headers = {} if retry_after_seconds is None else {"Retry-After": str(max(1, round(retry_after_seconds)))}
    return JSONResponse(content, status, headers, MEDIA_TYPE)


def problem_of(error: BacklineError) -> Response:
    return problem(
        status_of(error),
        error.detail,
        error.code,
        retryable=error.retryable,
        retry_after_seconds=error.retry_after_seconds,
        more=error.more,
    )


def problem_of_unexpected(error: Exception) -> Response:
    """For what nobody foresaw: logged, and told without a word of it."""
    get_logger().error("web.failed", exc_info=error)
    return problem_of(Failed("Something went wrong on our side. The request id tells us what."))


def describe_validation(errors: Sequence[Any]) -> tuple[str, list[dict[str, str]]]:
    """One sentence and a list of fields; values that the caller sent are never repeated."""
    fields = [{"field": _field_name(error), "message": _message(error)} for error in errors]
    return "; ".join(f"{field['field']}: {field['message']}" for field in fields), fields


def is_called_json(request: Request) -> bool:
    """By its Content-Type; what it really is shows later."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return content_type == "application/json" or content_type.endswith("+json")


def validation_status(request: Request, errors: Sequence[Any]) -> tuple[int, str]:
    """A body that is no JSON is judged by what it was called: the wrong name is 415, bad JSON is 400."""
    of_body = all(error["loc"][:1] == ("body",) for error in errors)
    if of_body and not is_called_json(request):
        return 415, "unsupported_media_type"
    if any(error["type"] == "json_invalid" for error in errors):
        return 400, "malformed_json"
    return 422, "invalid"


def add_problem_handlers(app: FastAPI) -> None:
    app.add_exception_handler(BacklineError, _on_backline_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)


async def _on_backline_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, BacklineError)
    if isinstance(error, Failed):
        get_logger().error("web.failed", code=error.code, exc_info=error)
    return problem_of(error)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    status, code = validation_status(request, error.errors())
    if status == 415:
        return problem(415, "Send the body as JSON, with the header Content-Type: application/json.", code)
    detail, fields = describe_validation(error.errors())
    return problem(status, detail, code, more={"errors": fields})


async def _on_http_exception(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, BacklineError):  # raised while the body was read, and wrapped on its way
        return problem_of(error.__cause__)
    if error.status_code == 400:  # FastAPI's word for a body it could not read at all
        return problem(400, "The body is not valid JSON in UTF-8.", "malformed_json")
    phrase = HTTPStatus(error.status_code).phrase
    response = problem(error.status_code, f"{phrase}.", phrase.lower().replace(" ", "_"))
    response.headers.update(error.headers or {})
    return response


def _field_name(error: Mapping[str, Any]) -> str:
    """`body.speed` is `speed` to the caller. A name that is no identifier is the caller's own words, and left out."""
    if error["type"] == "json_invalid":
        return "body"  # the place is a position in it
    if error["loc"][:1] == ("header",):
        return ".".join(error["loc"])  # a route's own names: nobody can make one up
    parts = [part if _IDENTIFIER.fullmatch(part) else "a field" for part in map(str, error["loc"]) if part != "body"]
    return ".".join(parts) or "body"


def _message(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "this field is unknown"
    if error["type"] == "json_invalid":
        return "not valid JSON"
    message = str(error["msg"])
    return message.removeprefix("Value error, ")
