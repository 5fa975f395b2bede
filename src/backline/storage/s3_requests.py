"""The calls of S3 that obstore does not offer: multipart uploads part by part, and presigned URLs with conditions.

Answers are read by the S3 API reference (CreateMultipartUpload, UploadPart, ListParts, CompleteMultipartUpload,
AbortMultipartUpload, ListMultipartUploads, HeadObject).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import httpx

from backline.clock import Clock
from backline.errors import BacklineError, Conflict, Failed, NotFound, Unavailable
from backline.storage.failures import Limits, away, object_exists, refused, within
from backline.storage.sigv4 import Credentials, Signer, query_string

ATTEMPTS = 3
BACKOFF_SECONDS = 0.2
SLICE_BYTES = 256 * 1024
"""What is handed to the socket at once: a whole part would be copied several times and hold up the event loop."""

_EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Part:
    number: int
    size_bytes: int
    etag: str


@dataclass(frozen=True)
class Multipart:
    """An unfinished multipart upload."""

    key: str
    upload_id: str
    initiated: datetime


@dataclass(frozen=True)
class Bucket:
    """endpoint: `https://host` without a path; addresses are path style: `endpoint/name/key`."""

    endpoint: str
    name: str
    region: str
    credentials: Credentials


class S3Requests:
    """Each call ends within its time; errors carry no address and no header."""

    def __init__(self, bucket: Bucket, limits: Limits, clock: Clock) -> None:
        self._bucket = bucket
        self._limits = limits
        self._clock = clock
        self._signer = Signer(bucket.credentials, bucket.region, urlsplit(bucket.endpoint).netloc)
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(
                limits.part_seconds,
                connect=limits.connect_seconds,
                read=limits.answer_seconds,
            ),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def create(self, key: str, content_type: str, token: str) -> str:
        """The id of a new multipart upload. token: kept with the object, to know it again; see `token_of`."""
        headers = {"content-type": content_type, "x-amz-meta-upload": token}
        try:
            answer = await self._request("POST", key, {"uploads": ""}, headers)
        except NotFound:  # the bucket
            raise refused() from None
        return _text(_xml(answer), "UploadId")

    async def send_part(self, key: str, upload_id: str, number: int, body: bytes) -> Part:
        """Sending the same number again replaces it."""
        query = {"partNumber": str(number), "uploadId": upload_id}
        answer = await self._request("PUT", key, query, body=body)
        return Part(number, len(body), answer.headers["etag"].strip('"'))

    async def parts(self, key: str, upload_id: str) -> list[Part]:
        found: list[Part] = []
        query = {"uploadId": upload_id}
        while True:
            tree = _xml(await self._request("GET", key, query))
            found += (
                Part(int(_text(one, "PartNumber")), int(_text(one, "Size")), _text(one, "ETag").strip('"'))
                for one in _each(tree, "Part")
            )
            if _text(tree, "IsTruncated", "false") != "true":
                return found
            query["part-number-marker"] = _text(tree, "NextPartNumberMarker")

    async def complete(self, key: str, upload_id: str, parts: list[Part], *, if_absent: bool) -> str:
        """The object's etag. Once only: when the answer is lost, `token_of` tells what happened."""
        body = f"<CompleteMultipartUpload>{''.join(map(_part_xml, parts))}</CompleteMultipartUpload>".encode()
        headers = {"if-none-match": "*"} if if_absent else {}
        tree = _xml(await self._request("POST", key, {"uploadId": upload_id}, headers, body, attempts=1))
        if tree.tag.endswith("Error"):  # S3 may find out after it has begun to answer 200
            raise away("could not finish the file")
        return _text(tree, "ETag")

    async def abort(self, key: str, upload_id: str) -> None:
        try:
            await self._request("DELETE", key, {"uploadId": upload_id})
        except NotFound:
            return

    async def unfinished(self) -> list[Multipart]:
        found: list[Multipart] = []
        query = {"uploads": ""}
        while True:
            tree = _xml(await self._request("GET", "", query))
            for one in _each(tree, "Upload"):
                initiated = datetime.fromisoformat(_text(one, "Initiated"))
                found.append(Multipart(_text(one, "Key"), _text(one, "UploadId"), initiated))
            if _text(tree, "IsTruncated", "false") != "true":
                return found
            query["key-marker"] = _text(tree, "NextKeyMarker")
            query["upload-id-marker"] = _text(tree, "NextUploadIdMarker")

    async def token_of(self, key: str) -> tuple[str, str]:
        """The token of `create` that an object was made with (or ""), and its etag. Raises NotFound."""
        answer = await self._request("HEAD", key, {})
        return answer.headers.get("x-amz-meta-upload", ""), answer.headers.get("etag", "")

    def presigned(
        self, method: str, key: str, query: Mapping[str, str], headers: Mapping[str, str], expires_seconds: int
    ) -> str:
        path = self._path(key)
        text = self._signer.presigned_query(method, path, query, headers, self._clock(), expires_seconds)
        return f"{self._bucket.endpoint}{path}?{text}"

    def _path(self, key: str) -> str:
        return quote(f"/{self._bucket.name}/{key}" if key else f"/{self._bucket.name}", safe="/-_.~")

    async def _request(
        self,
        method: str,
        key: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        attempts: int = ATTEMPTS,
    ) -> httpx.Response:
        """Tries again where the store may recover and the call does no harm twice."""
        payload = await asyncio.to_thread(_sha256, body) if body else _EMPTY
        async with within(self._limits.part_seconds):
            for attempt in range(1, attempts + 1):
                try:
                    return await self._attempt(method, key, query, headers or {}, body, payload)
                except Unavailable as error:
                    if attempt == attempts or not error.retryable or error.code == "storage_timeout":
                        raise
                await asyncio.sleep(BACKOFF_SECONDS * 4 ** (attempt - 1))
        raise AssertionError("unreachable")

    async def _attempt(
        self,
        method: str,
        key: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        payload: str,
    ) -> httpx.Response:
        path = self._path(key)
        signed = self._signer.headers(method, path, query, headers, payload, self._clock())
        signed["content-length"] = str(len(body))
        url = f"{self._bucket.endpoint}{path}?{query_string(query)}" if query else f"{self._bucket.endpoint}{path}"
        try:
            answer = await self._client.request(method, url, headers=signed, content=_slices(body) if body else None)
        except httpx.TimeoutException:
            raise Unavailable("The file store does not answer; try again.", code="storage_timeout") from None
        except (httpx.TransportError, httpx.InvalidURL):
            raise away("cannot be reached") from None
        if answer.status_code >= 300:
            raise _failure(answer.status_code)
        return answer


def _failure(status: int) -> BacklineError:
    if status == 404:
        return NotFound("There is no such file or upload.")
    if status == 412:
        return object_exists()
    if status == 409:
        return Conflict("Another request is at this file; try again.", code="file_in_use", retryable=True)
    if status in (401, 403):
        return refused()
    if status >= 500 or status in (408, 429):
        return away(f"answers {status}")
    return Failed(f"The file store refuses a request with {status}.", code="storage_protocol")


async def _slices(body: bytes) -> AsyncIterator[bytes]:
    view = memoryview(body)
    for start in range(0, len(body), SLICE_BYTES):
        yield bytes(view[start : start + SLICE_BYTES])


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _xml(answer: httpx.Response) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(answer.content)  # noqa: S314 - our own store's answer; expat bounds entities
    except ElementTree.ParseError:
        raise Failed("The file store answers in an unknown way.", code="storage_protocol") from None


def _part_xml(part: Part) -> str:
    return f"<Part><PartNumber>{part.number}</PartNumber><ETag>&quot;{escape(part.etag)}&quot;</ETag></Part>"


def _each(tree: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    """Children by name, whatever their namespace."""
    return (child for child in tree if child.tag.rpartition("}")[2] == name)


def _text(tree: ElementTree.Element, name: str, default: str | None = None) -> str:
    for child in _each(tree, name):
        return child.text or ""
    if default is None:
        raise Failed("The file store answers in an unknown way.", code="storage_protocol")
    return default
