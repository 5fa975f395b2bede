"""The worker's API for speech: which engines there are, and one unit of text spoken by one of them."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from backline.compute.base import SpeechEngineStatus
from backline.compute.speech_wire import MAX_ORDER_BYTES, SpeechOrder, order_from_data
from backline.compute.wire import capabilities_as_data
from backline.errors import Invalid
from backline.web.bodies import read_body
from backline.web.provide import provide
from backline.web.streaming import Stream, StreamedResponse
from backline.worker.replies import WorkerRoute, reply
from backline.worker.speech import WorkerSpeech

_READER_SECONDS = 300.0
"""How long a gateway may take nothing: it decides itself how slow a listener may be, and is not cut off before."""

Speech = Annotated[WorkerSpeech, Depends(provide(WorkerSpeech))]

router = APIRouter(route_class=WorkerRoute)


@router.get("/engines")
async def engines(request: Request, speech: Speech) -> Response:
    """What each speech engine can do, or why it cannot speak now. Waits a while for those that are being loaded."""
    return reply(request, {"engines": [_as_data(status) for status in await speech.engines()]})


@router.post("/engines/{name}/stream")
async def stream(request: Request, name: str, speech: Speech) -> Response:
    """Speak one unit: JSON in, frames out (`compute/speech_wire`). What goes wrong after this is told is a frame."""
    order = await _order(request, name)
    speech.check(order)

    async def begin() -> Stream:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return Stream("application/octet-stream", headers, speech.speak(order))

    return StreamedResponse(begin, _READER_SECONDS)


async def _order(request: Request, engine: str) -> SpeechOrder:
    try:
        data = json.loads(await read_body(request, MAX_ORDER_BYTES))
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise Invalid("The body is no JSON object.", code="bad_order")
    return order_from_data({**data, "engine": engine})


def _as_data(status: SpeechEngineStatus) -> dict[str, Any]:
    capabilities = None if status.capabilities is None else capabilities_as_data(status.capabilities)
    return {"name": status.entry.name, "capabilities": capabilities, "reason": status.reason}
