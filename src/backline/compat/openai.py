"""OpenAI's speech API, translated: its fields to ours, our errors to its envelope. No logic of its own.

Shapes follow the public API reference and the official Python client: `POST /v1/audio/speech`, `GET /v1/models`;
`GET /v1/audio/voices` is the list that several clients of that API ask for. A difference is refused, not ignored:
`instructions` has no meaning for an engine that takes none.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from backline.accounts.caller import SpeechCaller as Caller
from backline.errors import BacklineError, Failed, Invalid, NotFound, Unavailable
from backline.observability.logging import get_logger
from backline.speech.plan import Planner
from backline.speech.replies import SpeechReplies
from backline.speech.schemas import GenerateRequest, Name, Text
from backline.speech.service import SpeechService
from backline.speech.voices import Voices
from backline.web.problems import describe_validation, status_of, validation_status
from backline.web.provide import provide
from backline.web.streaming import Stream, StreamedResponse

_THEIR_MODELS = re.compile(r"tts-1(-hd)?(-\d{4})?|gpt-4o-mini-tts(-\d{4}-\d\d-\d\d)?")
"""Names that clients of that API send when nobody configured them; they mean the default engine."""

_THEIR_VOICES: Mapping[str, int] = {
    name: number
    for number, name in enumerate("alloy ash ballad coral echo fable nova onyx sage shimmer verse marin cedar".split())
}
"""Their names, spread over the voices of the default engine in this order."""

_PARAMS: Mapping[str, str] = {
    "model_not_found": "model",
    "unknown_voice": "voice",
    "unsupported_parameter": "instructions",
    "nothing_to_say": "input",
    "bad_ssml": "input",
}
"""The field that a refusal is about, by its code."""

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
                return _envelope_of_validation(request, error)
            except HTTPException as error:  # the body could not be read
                if isinstance(error.__cause__, BacklineError):
                    return envelope_of(error.__cause__)
                return envelope(400, "The body is not valid JSON in UTF-8.", "malformed_json")
            except BacklineError as error:
                return envelope_of(error)
            except Exception as error:  # noqa: BLE001 - whatever goes wrong, their clients read their envelope
                get_logger().error("web.failed", exc_info=error)
                return envelope(500, "Something went wrong on our side.", "internal_error")
            return response.translated(describe=envelope_of) if isinstance(response, StreamedResponse) else response

        return enveloped


router = APIRouter(tags=["openai"], route_class=OpenAIRoute)


@router.post("/v1/audio/speech", response_class=Response)
async def create_speech(
    body: SpeechBody,
    request: Request,
    caller: Caller,
    service: Annotated[SpeechService, Depends(provide(SpeechService))],
    voices: Annotated[Voices, Depends(provide(Voices))],
    replies: Annotated[SpeechReplies, Depends(provide(SpeechReplies))],
) -> Response:
    """Speak a text, always while it is made."""
    if body.instructions:
        raise Invalid("No engine here takes instructions; leave the field out.", code="unsupported_parameter")
    voice = body.voice if isinstance(body.voice, str) else body.voice.id
    custom = await voices.resolve(caller, voice)
    known = _voice(service.planner, body.model, custom.voice if custom else voice)
    ours = GenerateRequest(
        text=body.input, voice=custom.id if custom else known, format=body.response_format, stream=True
    )
    if "speed" in body.model_fields_set:
        ours.speed = body.speed
    response = await replies.reply(ours, request, caller)
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
    """Their clients know 400, not 422, for what makes no sense."""
    status = 400 if status == 422 else status
    kind = _ERROR_TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": code}}, status)


def envelope_of(error: BacklineError) -> Response:
    if isinstance(error, Failed):
        get_logger().error("web.failed", code=error.code, exc_info=error)
    response = envelope(status_of(error), error.detail, error.code, _PARAMS.get(error.code))
    response.headers["X-Should-Retry"] = "true" if error.retryable else "false"  # their clients retry every 5xx else
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(max(1, round(error.retry_after_seconds)))
    return response


def _envelope_of_validation(request: Request, error: RequestValidationError) -> Response:
    status, code = validation_status(request, error.errors())
    if status == 415:
        return envelope(status, "Send the body as JSON, with the header Content-Type: application/json.", code)
    detail, fields = describe_validation(error.errors())
    return envelope(status, detail, code, fields[0]["field"].partition(".")[0])


def _voice(planner: Planner, model: str, voice: str) -> str:
    """One of ours as it is; one of theirs by its place, among the voices of the model."""
    status = next((status for status in planner.engines() if status.entry.name == model), None)
    if status is None and not _THEIR_MODELS.fullmatch(model):
        raise NotFound("There is no such model. GET /v1/models lists them.", code="model_not_found")
    named = status is not None
    status = status or planner.default_engine()
    if status.capabilities is None:
        raise Unavailable(
            status.reason or "That model does not run.",
            code="engine_unavailable" if status.entry.installed else "engine_not_installed",
            retryable=status.entry.installed,
        )
    voices = [known.id for known in status.capabilities.voices]
    if voice in _THEIR_VOICES:
        return voices[_THEIR_VOICES[voice] % len(voices)]
    if named and voice not in voices:
        raise Invalid("That model has no such voice. GET /v1/audio/voices lists them.", code="unknown_voice")
    return voice


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "backline"}
