"""Long speech over HTTP: a text of any length becomes a job, and the job becomes files."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from backline.accounts.caller import SpeechCaller as Caller
from backline.assets.service import Assets
from backline.errors import NotFound
from backline.jobs.job import Job
from backline.jobs.router import IdempotencyKey, described
from backline.jobs.schemas import JobView
from backline.speech.long_orders import LongOrders
from backline.speech.schemas import LongSpeechRequest, LongSpeechView
from backline.web.bodies import json_body, read_json
from backline.web.provide import provide

PATH = "/v1/tts/jobs"

_MAX_BODY_BYTES = 16_000_000
"""A million characters outside of the basic plane, each escaped as two of JSON's `\\uXXXX`, and a full lexicon."""

_LINKS = {"url": "audio_file_id", "chapters_url": "chapters_file_id", "vtt_url": "captions_file_id"}

router = APIRouter(tags=["speech"])

Orders = Annotated[LongOrders, Depends(provide(LongOrders))]


@router.post(PATH, status_code=202, response_model=JobView, openapi_extra=json_body(LongSpeechRequest))
async def make_job(
    request: Request, caller: Caller, orders: Orders, idempotency_key: IdempotencyKey = None
) -> Response:
    """Speak a text of up to a million characters, as a job."""
    body = await read_json(request, LongSpeechRequest, _MAX_BODY_BYTES)
    return described(await orders.place(body, caller, idempotency_key), orders.jobs, 202)


@router.get(PATH + "/{job_id}", response_model=LongSpeechView)
async def get_job(
    job_id: str, caller: Caller, orders: Orders, assets: Annotated[Assets, Depends(provide(Assets))]
) -> Response:
    """The job, how many characters are done, and once it has succeeded fresh addresses of its files."""
    job = await orders.get(caller, job_id)
    result = job.result or {}
    return described(
        job,
        orders.jobs,
        more={
            "characters": job.input["characters"],
            "characters_done": _characters_done(job),
            "audio_seconds": result.get("audio_seconds"),
            "credits_consumed": result.get("credits_consumed"),
            **{name: await _url(assets, caller.id, result.get(file)) for name, file in _LINKS.items()},
        },
    )


def _characters_done(job: Job) -> int:
    """Up to the last checkpoint: what another attempt would not do again."""
    done: Any = job.input["characters"] if job.result is not None else (job.checkpoint or {}).get("characters", 0)
    return int(done)


async def _url(assets: Assets, owner_id: str, file_id: str | None) -> str | None:
    """None before there is one, and after its owner has removed it."""
    try:
        return None if file_id is None else assets.link(await assets.get(owner_id, file_id)).url
    except NotFound:
        return None
