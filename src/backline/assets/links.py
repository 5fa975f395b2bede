"""Signed addresses of a store that has none of its own: the gateway serves them. Whoever has one may do that one thing;
S3 and R2 serve theirs themselves."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response, StreamingResponse

from backline.accounts.caller import visitor
from backline.assets.conditions import CONDITIONS, goes_on, has_copy, is_as_known
from backline.errors import Conflict, Invalid, TooLarge
from backline.storage.base import MAX_PUT_BYTES, ByteRange, Reading, Storage
from backline.storage.signing import Grant, UrlSigner, content_disposition
from backline.web.problems import problem
from backline.web.provide import provide

PREFIX = "/files/"

router = APIRouter(tags=["files"], dependencies=[Depends(visitor)])


def signed_key(request: Request) -> str:
    """All of the path: the router would let go of a newline at its end."""
    return str(request.scope["path"]).removeprefix(PREFIX)


Key = Annotated[str, Depends(signed_key)]
Store = Annotated[Storage, Depends(provide(Storage))]
Signer = Annotated[UrlSigner, Depends(provide(UrlSigner))]

_PLAYABLE = ("audio/", "video/", "image/")
"""Shown in the page; anything else is saved: a file that somebody uploaded must never run as a page of ours."""


@router.get(PREFIX + "{key:path}")
@router.head(PREFIX + "{key:path}", include_in_schema=False)
async def fetch(key: Key, request: Request, store: Store, signer: Signer) -> Response:
    """A file, or the range of it that `Range` names; 304 for a copy that is still good."""
    grant = signer.verify(request.method, key, request.url.query)
    wanted = _range(request.headers.get("range")) if request.method == "GET" else None
    if CONDITIONS.intersection(request.headers.keys()):
        etag = (await store.head(key)).etag
        if not is_as_known(request.headers.get("if-match"), etag):
            return problem(412, "The file is another one by now.", "file_changed")
        if has_copy(request.headers.get("if-none-match"), etag):
            return Response(status_code=304, headers=_lasting(etag))
        if not goes_on(request.headers.get("if-range"), etag):
            wanted = None
    try:
        reading = await store.get(key, wanted)
    except Invalid as error:
        size = (await store.head(key)).size_bytes
        refused = problem(416, error.detail, error.code)
        refused.headers["Content-Range"] = f"bytes */{size}"
        return refused
    headers = _headers(key, grant, reading)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {reading.start}-{reading.stop - 1}/{reading.info.size_bytes}"
    if request.method == "HEAD":
        await reading.stream.aclose()
        return Response(status_code=200, headers=headers)
    return StreamingResponse(reading.stream, 200 if wanted is None else 206, headers)


def _headers(key: str, grant: Grant, reading: Reading) -> dict[str, str]:
    kind = grant.content_type or "application/octet-stream"
    disposition = content_disposition(grant.download_name or key.rpartition("/")[2])
    return {
        "Content-Type": kind,
        "Content-Length": str(reading.size_bytes),
        "Content-Disposition": disposition.replace("attachment", "inline", 1) if _shown(kind) else disposition,
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        **_lasting(reading.info.etag),
    }


def _lasting(etag: str | None) -> dict[str, str]:
    """How long a copy is good, and its mark."""
    return {"Cache-Control": "private, max-age=3600"} | ({"ETag": etag} if etag else {})


@router.put(PREFIX + "{key:path}", status_code=201)
async def store_at(key: Key, request: Request, store: Store, signer: Signer) -> Response:
    """Exactly the bytes that were granted; only where there are none, if the address says so: else 412."""
    grant = signer.verify("PUT", key, request.url.query)
    if request.headers.get("content-type") != grant.content_type:
        return problem(415, "Send the type that the address was signed for.", "unsupported_media_type")
    kind, max_bytes = grant.content_type or "", _length(request, grant)
    try:
        stored = await store.put(
            key, request.stream(), content_type=kind, if_absent=grant.if_absent, max_bytes=max_bytes
        )
    except Conflict as error:
        if error.code != "object_exists":
            raise
        return problem(412, error.detail, error.code)
    return Response(status_code=201, headers={"ETag": stored.etag} if stored.etag else {})


def _length(request: Request, grant: Grant) -> int:
    """Of the body. S3 wants it told too."""
    told = request.headers.get("content-length", "")
    if grant.max_bytes is not None and told != str(grant.max_bytes):
        raise Invalid("Send exactly as many bytes as the address was signed for.", code="bad_upload_header")
    if not (told.isascii() and told.isdecimal() and len(told) <= 18):
        raise Invalid("Say in Content-Length how many bytes come.", code="bad_upload_header")
    if int(told) > MAX_PUT_BYTES:
        raise TooLarge(f"At most {MAX_PUT_BYTES} bytes are accepted at once.", code="file_too_large")
    return int(told)


def _shown(content_type: str) -> bool:
    return content_type.startswith(_PLAYABLE) and "svg" not in content_type


def _range(header: str | None) -> ByteRange | None:
    """One range; several, or other units, are answered whole, as RFC 9110 (14.2) allows."""
    unit, _, text = (header or "").partition("=")
    first, dash, last = text.strip().partition("-")
    if unit.strip().lower() != "bytes" or not dash or "," in text:
        return None
    if not all(part == "" or (part.isascii() and part.isdecimal() and len(part) <= 18) for part in (first, last)):
        return None
    try:
        return ByteRange(int(first) if first else None, int(last) if last else None)
    except Invalid:
        return None
