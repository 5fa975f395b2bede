"""OpenAI's speech API, translated: its fields to ours, our errors to its envelope. No logic of its own.

Shapes follow the public API reference and the official Python client: `POST /v1/audio/speech`, `GET /v1/models`;
`GET /v1/audio/voices` is the list that several clients of that API ask for. A difference is refused, not ignored:
`instructions` has no meaning for an engine that takes none.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from backline.accounts.caller import Caller
from backline.errors import BacklineError, Failed, Invalid, NotFound
from backline.observability.logging import get_logger
from backline.speech.plan import Planner
from backline.speech.replies import SpeechReplies
from backline.speech.schemas import GenerateRequest, Name, Text
from backline.speech.service import SpeechService
from backline.web.problems import describe_validation, status_of, validation_status
from backline.web.provide import provide
from backline.web.streaming import Stream, StreamedResponse

_OUR_MODELS = frozenset({"tts-1", "tts-1-hd", "gpt-4o-mini-tts"})
"""Names that clients of that API send when nobody configured them; they mean the default engine."""

_THEIR_VOICES: Mapping[str, int] = {
    name: number
    for number, name in enumerate("alloy ash ballad coral echo fable nova onyx sage shimmer verse marin cedar".split())
}
"""Their names, spread over the voices of the default engine in this order."""

_ERROR_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


class VoiceReference(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: Name


class SpeechBody(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    model: Name
    input: Text
    voice: Name | VoiceReference
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    speed: float = Field(1.0, ge=0.25, le=4.0)
    stream_format: Literal["audio", "sse"] = "audio"
    instructions: str | None = None


class OpenAIRoute(APIRoute):
    """Answers every failure of its routes in OpenAI's envelope."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handle = super().get_route_handler()

        async def enveloped(request: Request) -> Response:
            try:
                response = await handle(request)
            except RequestValidationError as error:
                status, code = validation_status(request, error.errors())
                detail, fields = describe_validation(error.errors())
                return envelope(status, detail, code, fields[0]["field"] if fields else None)
            except BacklineError as error:
                return envelope_of(error)
            return response.translated(describe=envelope_of) if isinstance(response, StreamedResponse) else response

        return enveloped


router = APIRouter(tags=["openai"], route_class=OpenAIRoute)


@router.post("/v1/audio/speech", response_class=Response)
async def create_speech(
    body: SpeechBody,
    request: Request,
    caller: Caller,
    service: Annotated[SpeechService, Depends(provide(SpeechService))],
    replies: Annotated[SpeechReplies, Depends(provide(SpeechReplies))],
) -> Response:
    """Speak a text, always while it is made."""
    if body.instructions:
        raise Invalid("No engine here takes instructions; leave the field out.", code="unsupported_parameter")
    voice = body.voice if isinstance(body.voice, str) else body.voice.id
    ours = GenerateRequest(
        text=body.input,
        voice=_voice(service.planner, body.model, voice),
        format=body.response_format,
        speed=body.speed,
        stream=True,
    )
    response = replies.reply(ours, request, caller)
    return response.translated(frame=as_server_sent_events) if body.stream_format == "sse" else response


@router.get("/v1/models")
async def list_models(
    _caller: Caller, service: Annotated[SpeechService, Depends(provide(SpeechService))]
) -> dict[str, Any]:
    """The engines that run, as models."""
    names = [status.entry.name for status in service.planner.engines() if status.capabilities]
    return {"object": "list", "data": [_model(name) for name in names]}


@router.get("/v1/models/{model}")
async def get_model(
    model: str, _caller: Caller, service: Annotated[SpeechService, Depends(provide(SpeechService))]
) -> dict[str, Any]:
    names = {status.entry.name for status in service.planner.engines() if status.capabilities}
    if model not in names:
        raise NotFound("There is no such model.", code="model_not_found")
    return _model(model)


@router.get("/v1/audio/voices")
async def list_voices(
    _caller: Caller, service: Annotated[SpeechService, Depends(provide(SpeechService))]
) -> dict[str, Any]:
    """Every voice of every engine that runs."""
    return {
        "voices": [
            {"id": voice.id, "name": voice.name, "model": status.entry.name, "languages": voice.languages}
            for status in service.planner.engines()
            for voice in (status.capabilities.voices if status.capabilities else ())
        ]
    }


def as_server_sent_events(stream: Stream) -> Stream:
    """The audio as `speech.audio.delta` events, closed by `speech.audio.done`; `usage` is left out: nobody counted."""
    return Stream("text/event-stream", {**stream.headers, "Cache-Control": "no-store"}, _events(stream.chunks))


async def _events(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(chunks):
        async for chunk in chunks:
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(chunk).decode()})
        yield _event({"type": "speech.audio.done"})


def _event(data: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


def envelope(status: int, message: str, code: str, param: str | None = None) -> Response:
    kind = _ERROR_TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": code}}, status)


def envelope_of(error: BacklineError) -> Response:
    """Their clients know 400 for what makes no sense."""
    if isinstance(error, Failed):
        get_logger().error("web.failed", code=error.code, exc_info=error)
    status = status_of(error)
    response = envelope(400 if status == 422 else status, error.detail, error.code)
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(max(1, round(error.retry_after_seconds)))
    return response


def _voice(planner: Planner, model: str, voice: str) -> str:
    """One of ours as it is; one of theirs by its place, among the voices of the model."""
    statuses = [status for status in planner.engines() if status.entry.name == model and status.capabilities]
    if not statuses and model not in _OUR_MODELS:
        raise NotFound("There is no such model. GET /v1/models lists them.", code="model_not_found")
    status = statuses[0] if statuses else planner.default_engine()
    assert status.capabilities is not None
    voices = [known.id for known in status.capabilities.voices]
    if voice in _THEIR_VOICES:
        return voices[_THEIR_VOICES[voice] % len(voices)]
    if statuses and voice not in voices:
        raise Invalid("That model has no such voice. GET /v1/audio/voices lists them.", code="unknown_voice")
    return voice


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "backline"}
