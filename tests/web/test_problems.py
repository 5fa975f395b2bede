"""Failures as HTTP: each kind has its status, each answer the one shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from backline.errors import (
    BacklineError,
    Busy,
    Conflict,
    Denied,
    Failed,
    Invalid,
    NotFound,
    PaymentRequired,
    TooLarge,
    Unauthenticated,
    Unavailable,
    from_data,
)
from backline.web.middleware import RequestMiddleware
from backline.web.problems import add_problem_handlers, describe_validation, problem_of, status_of

SECRET = "zanzibarquokka"
STATUSES: dict[type[BacklineError], int] = {
    Invalid: 422,
    TooLarge: 413,
    Unauthenticated: 401,
    Denied: 403,
    NotFound: 404,
    Conflict: 409,
    PaymentRequired: 402,
    Busy: 429,
    Unavailable: 503,
    Failed: 500,
}


@pytest.mark.parametrize("kind", STATUSES)
def test_every_kind_has_its_status_and_its_shape(kind: type[BacklineError]) -> None:
    error = kind("Do it otherwise.", code="because")
    assert status_of(error) == STATUSES[kind]
    response = problem_of(error)
    assert response.status_code == STATUSES[kind]
    assert response.media_type == "application/problem+json"
    body = json.loads(bytes(response.body))
    assert body.pop("title")
    assert body == {
        "type": "urn:backline:error:because",
        "status": STATUSES[kind],
        "detail": "Do it otherwise.",
        "code": "because",
        "retryable": kind in (Busy, Unavailable),
        "request_id": None,
    }


def test_no_kind_was_forgotten() -> None:
    def kinds(cls: type[BacklineError]) -> set[type[BacklineError]]:
        return {cls} | {kind for below in cls.__subclasses__() for kind in kinds(below)}

    for kind in kinds(BacklineError):
        if "kind" in vars(kind):
            assert status_of(kind("x")) >= 400
        assert isinstance(from_data(kind("x").as_data()), BacklineError)


@pytest.mark.parametrize(("seconds", "header"), [(None, None), (0.2, "1"), (1, "1"), (4.6, "5"), (60, "60")])
def test_when_to_come_back_is_told_in_whole_seconds(seconds: float | None, header: str | None) -> None:
    response = problem_of(Busy("Too much.", retry_after_seconds=seconds))
    assert response.headers.get("retry-after") == header


def failing_app() -> FastAPI:
    app = FastAPI()
    add_problem_handlers(app)
    app.add_middleware(RequestMiddleware, max_body_bytes=1000)

    @app.get("/unforeseen")
    async def unforeseen() -> None:
        raise ValueError(SECRET)

    @app.get("/failed")
    async def failed() -> None:
        raise Failed("The disk is full.", code="disk_full")

    @app.get("/busy")
    async def busy() -> None:
        raise Busy("Too much.", retry_after_seconds=3)

    @app.get("/typed/{number}")
    async def typed(number: int, flag: bool = False) -> dict[str, Any]:
        return {"number": number, "flag": flag}

    return app


def test_what_nobody_foresaw_is_a_500_with_its_id_and_without_its_words() -> None:
    with TestClient(failing_app()) as client:
        response = client.get("/unforeseen", headers={"X-Request-ID": "mine"})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"] == "mine"
    body = response.json()
    assert (body["code"], body["request_id"], body["retryable"]) == ("internal_error", "mine", False)
    assert SECRET not in response.text


def test_a_failure_of_ours_keeps_its_code_and_a_busy_one_says_when() -> None:
    with TestClient(failing_app()) as client:
        assert client.get("/failed").json()["code"] == "disk_full"
        busy = client.get("/busy")
        assert (busy.status_code, busy.headers["retry-after"]) == (429, "3")
        assert client.get("/nowhere").json()["code"] == "not_found"
        assert client.post("/busy").json()["code"] == "method_not_allowed"


def test_fields_are_named_as_the_caller_knows_them_and_never_quoted() -> None:
    detail, fields = describe_validation(
        [
            {"type": "extra_forbidden", "loc": ("body", "the caller's words"), "msg": "Extra inputs", "input": SECRET},
            {"type": "json_invalid", "loc": ("body", 17), "msg": "JSON decode error", "ctx": {"error": SECRET}},
            {"type": "value_error", "loc": ("body", "text"), "msg": "Value error, the text is empty", "input": SECRET},
            {"type": "missing", "loc": ("body",), "msg": "Field required", "input": SECRET},
            {"type": "int_parsing", "loc": ("body", "list", 3), "msg": "not a number", "input": SECRET},
        ]
    )
    assert fields == [
        {"field": "a field", "message": "this field is unknown"},
        {"field": "body", "message": "not valid JSON"},
        {"field": "text", "message": "the text is empty"},
        {"field": "body", "message": "Field required"},
        {"field": "list.3", "message": "not a number"},
    ]
    assert detail.count("; ") == 4
    assert SECRET not in detail
