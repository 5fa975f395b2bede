"""JSON bodies, read in one step from bytes to a schema.

FastAPI would parse the JSON first and validate it then; where a request is answered in a millisecond that is a tenth of
it, and what is no JSON, or not UTF-8, would be told apart less well.
"""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from backline.errors import Invalid, TooLarge
from backline.web.problems import is_called_json

Model = TypeVar("Model", bound=BaseModel)


async def read_json(request: Request, model: type[Model], max_bytes: int | None = None) -> Model:
    """Raises RequestValidationError, as FastAPI does for what it validates, and TooLarge beyond `max_bytes`, where the
    route has a limit of its own."""
    try:
        body = await (request.body() if max_bytes is None else read_body(request, max_bytes))
    except ClientDisconnect:
        raise _cut() from None
    if not is_called_json(request):
        raise RequestValidationError([])
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_url=False)) from None


async def read_body(request: Request, max_bytes: int) -> bytes:
    """As it was sent. Raises TooLarge, and Invalid `body_cut` where the client left before its end."""
    gathered = bytearray()
    try:
        async for chunk in request.stream():
            gathered += chunk
            if len(gathered) > max_bytes:
                raise TooLarge(f"The body is larger than {max_bytes} bytes.", code="body_too_large")
    except ClientDisconnect:
        raise _cut() from None
    return bytes(gathered)


def _cut() -> Invalid:
    return Invalid("The body ended too early.", code="body_cut")


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """What a route that uses `read_json` tells the API's description: its `openapi_extra`."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}
