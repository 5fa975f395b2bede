"""Speech over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from backline.accounts.caller import SpeechCaller as Caller
from backline.media.encode.formats import FORMATS
from backline.speech.lexicon import Lexicons, normaliser_of
from backline.speech.plan import language_to_read
from backline.speech.records import Outcome, SpeechRecord
from backline.speech.replies import SpeechReplies
from backline.speech.schemas import GenerateRequest, NormalizeReply, NormalizeRequest, SpanOut
from backline.speech.service import SpeechService
from backline.web.bodies import json_body, read_json
from backline.web.provide import provide

Service = Annotated[SpeechService, Depends(provide(SpeechService))]


router = APIRouter(tags=["speech"])


@router.post("/v1/tts/generate", response_class=Response, openapi_extra=json_body(GenerateRequest))
async def generate(
    request: Request, caller: Caller, replies: Annotated[SpeechReplies, Depends(provide(SpeechReplies))]
) -> Response:
    """Speak a text: whole by default, or while it is made with `stream: true`."""
    return await replies.reply(await read_json(request, GenerateRequest), request, caller)


@router.post("/v1/tts/normalize")
async def normalize(
    body: NormalizeRequest,
    caller: Caller,
    service: Service,
    lexicons: Annotated[Lexicons, Depends(provide(Lexicons))],
) -> NormalizeReply:
    """How a text will be read, and which of its characters each word comes from."""
    language = language_to_read(body.text, body.language)
    lexicon = await lexicons.words_for(caller.id, body.lexicon)
    normaliser = normaliser_of(lexicon) if lexicon else service.normaliser
    spoken = normaliser.normalise(body.text, language)
    spans = [SpanOut(**asdict(span)) for span in spoken.spans]
    return NormalizeReply(text=spoken.text, language=language, spans=spans)


@router.get("/v1/tts/requests")
async def request_records(
    caller: Caller,
    service: Service,
    outcome: Outcome | None = None,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """One's own requests, the newest first. cursor: the `next_cursor` of the page before."""
    found = await service.records_of(caller, outcome=outcome, before=cursor, limit=limit + 1)
    page = found[:limit]
    return {
        "requests": [_facts(record) for record in page],
        "next_cursor": page[-1].id if len(found) > limit else None,
    }


@router.get("/v1/tts/requests/{request_id}")
async def request_record(request_id: str, caller: Caller, service: Service) -> dict[str, Any]:
    """What only the end of a request can know."""
    return _facts(await service.record_of(request_id, caller))


@router.get("/v1/tts/health")
async def health(caller: Caller, service: Service) -> dict[str, Any]:
    """Engines, voices, languages and formats, as they are now."""
    engines = [
        {
            "name": status.entry.name,
            "default": status.entry.default,
            "installed": status.entry.installed,
            "running": status.capabilities is not None,
            "reason": status.reason,
            "licence": status.entry.licence,
            **({} if status.capabilities is None else _capabilities(asdict(status.capabilities))),
        }
        for status in service.planner.engines()
    ]
    speaking = any(engine["running"] and engine["default"] for engine in engines)
    return {
        "status": "draining" if service.draining else "ok" if speaking else "unavailable",
        "streams_in_flight": service.streams_in_flight,
        "engines": engines,
        "formats": [
            {
                "name": known.name,
                "media_type": known.media_type,
                "default_rate_hz": known.default_rate_hz,
                "rates_hz": known.rates_hz,
            }
            for known in FORMATS.values()
        ],
    }


def _facts(record: SpeechRecord) -> dict[str, Any]:
    hidden = {"id", "owner_id"} | ({"input_tokens", "output_tokens"} if record.input_tokens is None else set())
    return {name: value for name, value in asdict(record).items() if name not in hidden} | {"rtf": record.rtf}


def _capabilities(data: dict[str, Any]) -> dict[str, Any]:
    return data | {"emotions": sorted(data["emotions"])}
