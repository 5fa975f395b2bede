"""The worker's API for jams: a session from its warm-up to its close."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from backline.compute.jam_wire import chunk_as_data, status_as_data
from backline.errors import Invalid, Unavailable
from backline.ids import is_id, new_id
from backline.web.forms import read_form
from backline.web.provide import provide
from backline.worker.replies import WorkerRoute, about, reply
from backline.worker.schemas import (
    Close,
    Consume,
    Fields,
    Next,
    OfSession,
    Splice,
    Start,
    Status,
    Update,
    WarmUp,
    parsed,
)
from backline.worker.sessions import WorkerSessions

_MAX_LOOP_BYTES = 50_000_000
_MAX_FIELDS_BYTES = 200_000
_LONGEST_WAIT_SECONDS = 25.0

F = TypeVar("F", bound=Fields)
T = TypeVar("T")
Sessions = Annotated[WorkerSessions, Depends(provide(WorkerSessions))]

router = APIRouter(route_class=WorkerRoute)


@router.post("/warmup")
async def warm_up(request: Request, sessions: Sessions) -> Response:
    """Make a session, or find it, and load the engine. Answered after 110 s at the latest, warm or not."""
    began = time.perf_counter()
    form, _ = await _form(request, WarmUp)
    session_id = about(request, form.session_id or new_id("jam"))
    status = await sessions.warm_up(session_id)
    return reply(request, {**status_as_data(status), "handler_seconds": round(time.perf_counter() - began, 4)})


@router.post("/status")
async def status(request: Request, sessions: Sessions) -> Response:
    """How a session stands; keeps it alive."""
    form, _ = await _form(request, Status)
    return await (_kept_alive if form.keepalive else _peeked)(request, sessions, form.session_id)


@router.get("/status/peek")
async def peek(request: Request, sessions: Sessions) -> Response:
    """The same, touching nothing."""
    return await _peeked(request, sessions, _parsed(request, OfSession, request.query_params).session_id)


@router.post("/status/peek")
async def peek_by_form(request: Request, sessions: Sessions) -> Response:
    """The same."""
    form, _ = await _form(request, OfSession)
    return await _peeked(request, sessions, form.session_id)


@router.post("/jam/start")
async def start(request: Request, sessions: Sessions) -> Response:
    """Play on from a loop."""
    form, loop = await _form(request, Start, "loop_audio")
    if loop is None:
        raise Invalid("The form needs the loop, as the file 'loop_audio'.", code="no_loop")
    await sessions.link.start(form.session_id, loop, form.options())
    return reply(request, {"session_id": form.session_id, "status": "started"})


@router.get("/jam/next")
async def next_chunk(request: Request, sessions: Sessions) -> Response:
    """The next chunk, or that with the index; null when it is not there in time."""
    query = _parsed(request, Next, request.query_params)
    seconds = min(query.timeout_seconds, _LONGEST_WAIT_SECONDS)
    chunk = await _while_asked(request, sessions.link.next(query.session_id, seconds, query.format, query.index))
    sessions.delivered(chunk)
    data = None if chunk is None else chunk_as_data(chunk)
    return reply(request, {"session_id": query.session_id, "chunk": data})


@router.post("/jam/consume")
async def consume(request: Request, sessions: Sessions) -> Response:
    """A chunk, and all before it, is not needed any more."""
    form, _ = await _form(request, Consume)
    await sessions.link.consume(form.session_id, form.chunk_index)
    return reply(request, {"session_id": form.session_id})


@router.post("/jam/stop")
async def stop(request: Request, sessions: Sessions) -> Response:
    """No more music after the next bar line; the session stays warm."""
    form, _ = await _form(request, OfSession)
    await sessions.link.stop(form.session_id)
    return reply(request, {"session_id": form.session_id, "status": "stopped"})


@router.post("/jam/update")
async def update(request: Request, sessions: Sessions) -> Response:
    """Turn knobs; what is not sent stays as it is."""
    form, _ = await _form(request, Update)
    await sessions.link.update(form.session_id, form.change())
    return reply(request, {"session_id": form.session_id})


@router.post("/jam/reseed")
async def reseed(request: Request, sessions: Sessions) -> Response:
    """Go on from another loop at once."""
    form, loop = await _form(request, OfSession, "loop_audio")
    await sessions.link.reseed(form.session_id, loop)
    return reply(request, {"session_id": form.session_id})


@router.post("/jam/reseed_splice")
async def reseed_splice(request: Request, sessions: Sessions) -> Response:
    """Go on from another loop with the next chunk, keeping the newest bars."""
    form, loop = await _form(request, Splice, "combined_audio")
    await sessions.link.reseed_splice(form.session_id, loop, form.anchor_bars)
    return reply(request, {"session_id": form.session_id, "anchor_bars": form.anchor_bars})


@router.post("/session/close")
async def close(request: Request, sessions: Sessions) -> Response:
    """The end, with the figures that are billed."""
    form, _ = await _form(request, Close)
    status = await sessions.close(form.session_id, form.reason)
    return reply(request, {**status_as_data(status), "status": "closed"})


async def _kept_alive(request: Request, sessions: WorkerSessions, session_id: str) -> Response:
    return reply(request, {**status_as_data(await sessions.link.status(session_id)), "peek": False})


async def _peeked(request: Request, sessions: WorkerSessions, session_id: str) -> Response:
    return reply(request, {**status_as_data(await sessions.peek(session_id)), "peek": True})


async def _form(request: Request, kind: type[F], file: str | None = None) -> tuple[F, bytes | None]:
    """The fields, and the bytes of the file where there is one."""
    max_bytes = _MAX_FIELDS_BYTES + (0 if file is None else _MAX_LOOP_BYTES)
    form = await read_form(request, max_bytes=max_bytes, max_field_bytes=_MAX_FIELDS_BYTES)
    try:
        fields = _parsed(request, kind, form)
        upload = None if file is None else form.get(file)
        if not isinstance(upload, UploadFile) or not (upload.filename or upload.size):
            return fields, None  # a browser's form sends an empty part where no file was chosen
        return fields, await upload.read()
    finally:
        await form.close()


def _parsed(request: Request, kind: type[F], values: Mapping[str, Any]) -> F:
    session_id = values.get("session_id")
    if isinstance(session_id, str) and is_id(session_id):
        about(request, session_id)
    return parsed(kind, values)


async def _while_asked(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives, unless the client leaves first: then a chunk is kept for whoever asks next."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(_when_client_leaves(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Unavailable("Nobody waits for the answer.")
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()


async def _when_client_leaves(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
