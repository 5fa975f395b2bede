"""Exports over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import JSONResponse, RedirectResponse, Response

from backline.accounts.caller import caller_with
from backline.accounts.principal import Principal
from backline.errors import BacklineError
from backline.exports.form import keep_film, read_film_form
from backline.exports.schemas import (
    Acknowledged,
    Acknowledgement,
    ExportItem,
    ExportList,
    ExportRequest,
    ExportType,
    ProbeOut,
)
from backline.exports.service import Exports, Found
from backline.exports.views import item_of
from backline.jobs.router import IdempotencyKey
from backline.web.provide import provide

PREFIX = "/api/exports"
FORMS = (f"{PREFIX}/framing", f"{PREFIX}/overlay")
"""Routes whose bodies hold a film: their limit is that of a file."""

router = APIRouter(prefix=PREFIX, tags=["exports"])

Caller = Annotated[Principal, Depends(caller_with("exports"))]
Service = Annotated[Exports, Depends(provide(Exports))]


@router.post("", status_code=202, response_model=ExportItem)
async def start_export(
    body: ExportRequest, caller: Caller, exports: Service, idempotency_key: IdempotencyKey = None
) -> Response:
    """Render a film. It is paid by its length, when it is there."""
    found, _ = await exports.create(caller, body, idempotency_key)
    return await _told(found, exports, 202)


@router.post("/framing", status_code=202, response_model=ExportItem)
async def start_framing(
    request: Request, caller: Caller, exports: Service, idempotency_key: IdempotencyKey = None
) -> Response:
    """The same with the film in the form: `video`, `project_id`, `keyframes_json`, `segment_data_json`, `target_fps`,
    `export_mode`, `include_audio`."""
    return await _from_form(request, "framing", caller, exports, idempotency_key)


@router.post("/overlay", status_code=202, response_model=ExportItem)
async def start_overlay(
    request: Request, caller: Caller, exports: Service, idempotency_key: IdempotencyKey = None
) -> Response:
    """The same with the film in the form: `video`, `project_id`, `highlight_regions_json` (or, from older clients,
    `highlight_keyframes_json`), `highlight_effect_type`."""
    return await _from_form(request, "overlay", caller, exports, idempotency_key)


@router.get("/active")
async def active_exports(caller: Caller, exports: Service) -> ExportList:
    """Those that wait or are being rendered, the newest first."""
    return await _list(await exports.active(caller), exports)


@router.get("/recent")
async def recent_exports(
    caller: Caller, exports: Service, hours: Annotated[int, Query(ge=1, le=168)] = 24
) -> ExportList:
    """Those of the last hours, however they stand."""
    return await _list(await exports.recent(caller, hours), exports)


@router.get("/unacknowledged")
async def unacknowledged_exports(caller: Caller, exports: Service) -> ExportList:
    """Those that ended in the last 24 hours and were not acknowledged: what to show after a page was away."""
    return await _list(await exports.unacknowledged(caller), exports)


@router.post("/acknowledge")
async def acknowledge_exports(body: Acknowledgement, caller: Caller, exports: Service) -> Acknowledged:
    """The user has seen that these are over."""
    return Acknowledged(acknowledged=await exports.acknowledge(caller, body.job_ids))


@router.get("/probe")
async def probe_film(
    caller: Caller, exports: Service, input_key: Annotated[str, Query(min_length=1, max_length=400)]
) -> ProbeOut:
    """What a stored film is."""
    source = (await exports.films.of(caller.id, [input_key]))[input_key].source
    return ProbeOut(
        width=source.width,
        height=source.height,
        rate=float(source.rate),
        duration_seconds=source.seconds,
        rotation=source.rotation,
        audio=source.audio_rate_hz is not None,
    )


@router.get("/project/{project_id}")
async def project_exports(
    project_id: Annotated[int, Path(ge=0, le=2**53 - 1)], caller: Caller, exports: Service
) -> ExportList:
    """Those of one project, the newest first."""
    return await _list(await exports.of_project(caller, project_id), exports)


@router.get("/{job_id}", response_model=ExportItem)
async def get_export(job_id: str, caller: Caller, exports: Service) -> Response:
    """One export as it stands."""
    return await _told(await exports.get(caller, job_id), exports)


@router.delete("/{job_id}", response_model=ExportItem)
async def cancel_export(job_id: str, caller: Caller, exports: Service) -> Response:
    """Ask for its end. 200 once it is over, 202 while its work is still being stopped."""
    found = await exports.cancel(caller, job_id)
    return await _told(found, exports, 200 if found[1].terminal else 202)


@router.get("/{job_id}/download", status_code=302)
async def download_export(job_id: str, caller: Caller, exports: Service) -> RedirectResponse:
    """To the film."""
    return RedirectResponse(exports.assets.link(await exports.output(caller, job_id)).url, 302)


async def _from_form(
    request: Request, kind: ExportType, caller: Principal, exports: Exports, key: str | None
) -> Response:
    """The same key is good for the same fields and the same bytes: each request brings its film along."""
    form = await read_film_form(request, kind, exports.assets.max_file_bytes)
    try:
        file_id = await keep_film(form.film, caller.id, exports.assets)
    finally:
        await form.film.close()
    try:
        config = form.config(f"files/{file_id}")
        body = ExportRequest.model_validate({**form.project, "type": kind, "config": config})
        film = await exports.assets.get(caller.id, file_id)
        found, new = await exports.create(caller, body, key, {**form.fields, "type": kind, "video": film.sha256})
        if not new:
            await exports.assets.delete(caller.id, file_id)
    except ValidationError as error:
        await exports.assets.delete(caller.id, file_id)
        raise RequestValidationError(error.errors(include_input=False, include_url=False)) from None
    except BacklineError:
        await exports.assets.delete(caller.id, file_id)  # nothing came of it
        raise
    return await _told(found, exports, 202)


async def _told(found: Found, exports: Exports, status: int = 200) -> Response:
    export, job = found
    item: dict[str, Any] = (await item_of(export, job, exports.assets, exports.jobs.clock())).model_dump(mode="json")
    headers = {} if item["poll_after_ms"] is None else {"Retry-After": str(round(item["poll_after_ms"] / 1000))}
    if status == 202:
        headers["Location"] = f"{PREFIX}/{job.id}"
    return JSONResponse(item, status, headers)


async def _list(found: list[Found], exports: Exports) -> ExportList:
    now = exports.jobs.clock()
    return ExportList(exports=[await item_of(export, job, exports.assets, now) for export, job in found])
