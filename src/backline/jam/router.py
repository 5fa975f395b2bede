"""Live jams over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from backline.accounts.caller import caller_with
from backline.accounts.principal import Principal
from backline.engines.jam.orders import ChunkFormat
from backline.errors import Invalid, TooLarge
from backline.jam.listening import Listening
from backline.jam.schemas import (
    ChangeForm,
    CloseReply,
    HeardReply,
    NextReply,
    Ok,
    SplicedReply,
    StartForm,
    StatusReply,
    SteppedReply,
    WarmupReply,
)
from backline.jam.service import Jam
from backline.jam.views import closed_of, next_reply, status_of
from backline.web.forms import read_form
from backline.web.provide import provide

PREFIX = "/jam"
MAX_LOOP_BYTES = 50_000_000
_ROOM_FOR_FIELDS = 100_000

FORMS = tuple(f"{PREFIX}/{route}" for route in ("start", "reseed", "reseed_splice", "listen"))
"""Routes whose bodies hold a loop: their limit is a loop's."""

router = APIRouter(prefix=PREFIX, tags=["jam"])

Caller = Annotated[Principal, Depends(caller_with("jam"))]
Service = Annotated[Jam, Depends(provide(Jam))]
SessionQuery = Annotated[str, Query(min_length=1, max_length=64)]
Model = TypeVar("Model", bound=BaseModel)


@router.post("/warmup")
async def warm_up(caller: Caller, jam: Service) -> WarmupReply:
    """A session of one's own. Warm seconds are billed; to warm up is not."""
    view = await jam.warm_up(caller)
    seconds = view.status and view.status.container_warmup_seconds
    return WarmupReply(
        session_id=view.session.id,
        warmed=view.session.state == "active",
        billing_state=view.session.state,
        container_warmup_seconds=seconds,
    )


@router.get("/status")
async def get_status(caller: Caller, jam: Service, session_id: SessionQuery) -> StatusReply:
    """How it stands. Keeps it alive, as every call does: ask at least every minute."""
    return status_of(await jam.status(caller, session_id))


@router.post("/start")
async def start(request: Request, caller: Caller, jam: Service) -> SteppedReply:
    """Hear a loop (`loop_audio`), and play on from it."""
    fields, loop = await _read(request, "loop_audio")
    session_id = _session_id(fields)
    body = _checked(StartForm, fields)
    if loop is None:
        raise Invalid("The form needs the loop as the file 'loop_audio'.", code="no_loop")
    await jam.start(caller, session_id, loop, body.options)
    return SteppedReply(session_id=session_id, status="started")


@router.get("/next", response_model=NextReply)
async def next_chunk(
    caller: Caller,
    jam: Service,
    session_id: SessionQuery,
    timeout_seconds: Annotated[float, Query(ge=0, le=25)] = 10.0,
    chunk_format: Annotated[ChunkFormat, Query(alias="format")] = "wav",
    index: Annotated[int | None, Query(ge=0, le=2**53 - 1)] = None,
) -> Response:
    """The next chunk, waiting for it so long. index: that one, also again, until it is consumed."""
    chunk = await jam.next(caller, session_id, timeout_seconds, chunk_format, index)
    if chunk is None:
        view = await jam.status(caller, session_id, keepalive=False)
    else:
        view = await jam.session(caller, session_id)
    return Response(next_reply(view, chunk), media_type="application/json")


@router.post("/consume")
async def consume(request: Request, caller: Caller, jam: Service) -> Ok:
    """The chunk `chunk_index`, and all before it, is not needed any more."""
    fields, _ = await _read(request)
    session_id = _session_id(fields)
    await jam.consume(caller, session_id, _checked(_Consumed, fields).chunk_index)
    return Ok(session_id=session_id)


@router.post("/update")
async def update(request: Request, caller: Caller, jam: Service) -> Ok:
    """Turn knobs: what is absent or empty stays as it was; `clear_styles=true` plays without styles."""
    fields, _ = await _read(request)
    session_id = _session_id(fields)
    await jam.update(caller, session_id, _checked(ChangeForm, fields).change)
    return Ok(session_id=session_id)


@router.post("/reseed")
async def reseed(request: Request, caller: Caller, jam: Service) -> Ok:
    """Play on from another loop (`loop_audio`), at once; without one, from what was last played."""
    fields, loop = await _read(request, "loop_audio")
    session_id = _session_id(fields)
    _checked(_Nothing, fields)
    await jam.reseed(caller, session_id, loop)
    return Ok(session_id=session_id)


@router.post("/reseed_splice")
async def reseed_splice(request: Request, caller: Caller, jam: Service) -> SplicedReply:
    """The same with the next chunk, keeping the newest `anchor_bars` bars (`combined_audio`)."""
    fields, loop = await _read(request, "combined_audio")
    session_id = _session_id(fields)
    anchor_bars = _checked(_Splice, fields).anchor_bars
    await jam.reseed_splice(caller, session_id, loop, anchor_bars)
    return SplicedReply(session_id=session_id, anchor_bars=anchor_bars)


@router.post("/stop")
async def stop(request: Request, caller: Caller, jam: Service) -> SteppedReply:
    """No more music after the next bar line. The session stays warm, and is billed, until it is closed."""
    fields, _ = await _read(request)
    session_id = _session_id(fields)
    _checked(_Nothing, fields)
    await jam.stop(caller, session_id)
    return SteppedReply(session_id=session_id, status="stopped")


@router.post("/close")
async def close(request: Request, caller: Caller, jam: Service) -> CloseReply:
    """The end; what was used is charged, to the microsecond. Again: the same answer."""
    fields, _ = await _read(request)
    session_id = _session_id(fields)
    _checked(_Nothing, fields)
    return closed_of(await jam.close(caller, session_id))


@router.post("/listen")
async def listen(
    request: Request, caller: Caller, listening: Annotated[Listening, Depends(provide(Listening))]
) -> HeardReply:
    """What a loop (`loop_audio`) sounds like: its tempo for one. Nothing is kept, and nothing is charged."""
    fields, loop = await _read(request, "loop_audio")
    _checked(_Nothing, fields)
    if loop is None:
        raise Invalid("The form needs the loop as the file 'loop_audio'.", code="no_loop")
    return await listening.hear(loop)


class _Nothing(BaseModel, extra="forbid"):
    """No further fields."""


class _Consumed(BaseModel, extra="forbid"):
    chunk_index: int


class _Splice(BaseModel, extra="forbid"):
    anchor_bars: float = 2.0


async def _read(request: Request, file: str | None = None) -> tuple[dict[str, str], bytes | None]:
    """The form's fields, and the bytes of its file; None without one. Raises Invalid and TooLarge."""
    try:
        form = await read_form(request, max_bytes=MAX_LOOP_BYTES + _ROOM_FOR_FIELDS, max_field_bytes=_ROOM_FOR_FIELDS)
    except TooLarge:
        raise TooLarge(
            f"A loop may have at most {MAX_LOOP_BYTES // 1_000_000} MB; send a shorter one, or as FLAC.",
            code="loop_too_large",
        ) from None
    try:
        return _fields(form, file), await _bytes(form, file)
    finally:
        await form.close()


def _fields(form: FormData, file: str | None) -> dict[str, str]:
    names = [name for name, _ in form.multi_items()]
    for name, value in form.multi_items():
        if isinstance(value, UploadFile) and name != file:
            raise Invalid("The form has a file that this route does not take.", code="bad_form")
        if names.count(name) > 1:
            raise Invalid("The form has a field twice.", code="bad_form")
    return {name: value for name, value in form.items() if isinstance(value, str) and name != file}


async def _bytes(form: FormData, file: str | None) -> bytes | None:
    upload = form.get(file) if file else None
    if isinstance(upload, str) and upload:
        raise Invalid(f"Send '{file}' as a file.", code="bad_form")
    return await upload.read() if isinstance(upload, UploadFile) else None


def _session_id(fields: dict[str, str]) -> str:
    session_id = fields.pop("session_id", "")
    if not 0 < len(session_id) <= 64:
        raise Invalid("The form needs session_id, from POST /jam/warmup.", code="no_session_id")
    return session_id


def _checked(model: type[Model], fields: dict[str, Any]) -> Model:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_url=False)) from None
