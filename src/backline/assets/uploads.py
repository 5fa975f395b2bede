"""Resumable uploads by the protocol of tus (https://tus.io/protocols/resumable-upload, version 1.0.0): its core, and
the extensions creation, expiration and termination. Well-kept clients exist for browsers, iOS, Android and Python."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from backline.accounts.caller import Caller, visitor
from backline.assets.service import Assets
from backline.errors import Invalid
from backline.web.problems import problem
from backline.web.provide import provide

PREFIX = "/api/uploads"
VERSION = "1.0.0"

_TYPE = "application/offset+octet-stream"
_OTHER_EXTENSIONS = ("Upload-Checksum", "Upload-Concat", "Upload-Defer-Length")
_DEFAULT_CONTENT_TYPE = "application/octet-stream"

router = APIRouter(tags=["files"])

Service = Annotated[Assets, Depends(provide(Assets))]


@router.options(PREFIX, dependencies=[Depends(visitor)])
async def describe_uploads(assets: Service) -> Response:
    """What of the protocol is spoken here."""
    return Response(
        status_code=204,
        headers={
            "Tus-Resumable": VERSION,
            "Tus-Version": VERSION,
            "Tus-Extension": "creation,expiration,termination",
            "Tus-Max-Size": str(assets.max_file_bytes),
        },
    )


@router.post(PREFIX, status_code=201)
async def begin_upload(request: Request, caller: Caller, assets: Service) -> Response:
    """`Upload-Length`, and `Upload-Metadata` with `filename` and `filetype`. `Location` is where the bytes go."""
    if (refused := _not_spoken(request)) is not None:
        return refused
    told = _metadata(request.headers.get("upload-metadata", ""))
    upload = await assets.begin_upload(
        caller.id,
        told.get("filename") or "file",
        told.get("filetype") or _DEFAULT_CONTENT_TYPE,
        _number(request, "Upload-Length"),
    )
    if not upload.size_bytes:
        await assets.offset(caller.id, upload.id)  # there is nothing to wait for
    return _answer(
        201,
        {
            "Location": f"{PREFIX}/{upload.id}",
            "Upload-Expires": upload.expires_at.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        },
    )


@router.head(PREFIX + "/{upload_id}")
async def get_offset(upload_id: str, caller: Caller, assets: Service) -> Response:
    """How far it is: where to go on."""
    offset, size = await assets.offset(caller.id, upload_id)
    return _answer(200, {"Upload-Offset": str(offset), "Upload-Length": str(size)})


@router.patch(PREFIX + "/{upload_id}", status_code=204)
async def append(upload_id: str, request: Request, caller: Caller, assets: Service) -> Response:
    """Bytes at `Upload-Offset`. With its last bytes the upload becomes the file of the same id."""
    if (refused := _not_spoken(request)) is not None:
        return refused
    if request.headers.get("content-type") != _TYPE:
        return problem(415, f"Send the bytes with the header Content-Type: {_TYPE}.", "unsupported_media_type")
    offset = await assets.append(caller.id, upload_id, _number(request, "Upload-Offset"), _body(request))
    return _answer(204, {"Upload-Offset": str(offset)})


@router.delete(PREFIX + "/{upload_id}", status_code=204)
async def abort_upload(upload_id: str, request: Request, caller: Caller, assets: Service) -> Response:
    """Give an upload up; its room is free again."""
    await assets.abort(caller.id, upload_id)
    return _answer(204, {})


async def _body(request: Request) -> AsyncIterator[bytes]:
    """What had come before a client left is kept: it asks for the offset, and goes on there."""
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        return


def _answer(status: int, headers: dict[str, str]) -> Response:
    return Response(status_code=status, headers={"Tus-Resumable": VERSION, "Cache-Control": "no-store", **headers})


def _not_spoken(request: Request) -> Response | None:
    """Another version, or an extension that would be taken for granted by whoever asks for it."""
    if request.headers.get("tus-resumable", VERSION) != VERSION:
        refused = problem(412, f"This server speaks tus {VERSION}.", "unknown_tus_version")
        refused.headers["Tus-Version"] = VERSION
        return refused
    if name := next((name for name in _OTHER_EXTENSIONS if name in request.headers), None):
        return problem(400, f"{name} belongs to an extension that is not spoken here.", "unknown_tus_extension")
    return None


def _number(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise Invalid(f"The header {name} is a number of bytes.", code="bad_upload_header")
    return int(text)


def _metadata(text: str) -> dict[str, str]:
    """`name base64, name base64`, as the protocol has it."""
    told = {}
    for pair in filter(None, map(str.strip, text.split(","))):
        name, _, value = pair.partition(" ")
        try:
            told[name] = b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Invalid("Upload-Metadata is names with values in base64.", code="bad_upload_header") from None
    return told
