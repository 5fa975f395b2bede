"""What only S3 has: its own signatures, multipart uploads that others began, and answers that get lost."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import obstore
import pytest
from botocore.auth import S3SigV4QueryAuth, SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials as BotoCredentials  # type: ignore[import-untyped]
from obstore.store import S3Store

from backline.errors import BacklineError, Unavailable
from backline.storage.base import Storage
from backline.storage.s3 import S3
from backline.storage.s3_requests import Multipart, S3Requests
from backline.storage.sigv4 import Credentials, Signer
from tests.storage import stores
from tests.storage.stores import CREDENTIALS, MIB, content, pattern, pieces

TYPE = "audio/wav"
LARGE = pattern(11 * MIB)
NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)


def _boto(token: str | None) -> BotoCredentials:
    return BotoCredentials(CREDENTIALS.access_key_id, CREDENTIALS.secret_access_key, token)


@pytest.fixture
def _boto_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore knows no other clock than its own."""
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: NOW.replace(tzinfo=None))


@pytest.mark.usefixtures("_boto_clock")
@pytest.mark.parametrize("token", [None, "a/token+="])
@pytest.mark.parametrize(
    ("method", "query", "headers"),
    [
        ("GET", {}, {}),
        ("GET", {"response-content-disposition": "attachment; filename=\"a b\"; filename*=UTF-8''%E0"}, {}),
        ("PUT", {}, {"Content-Type": "audio/wav", "Content-Length": "1000"}),
    ],
)
def test_a_presigned_url_is_signed_as_botocore_signs_it(
    token: str | None, method: str, query: dict[str, str], headers: dict[str, str]
) -> None:
    signer = Signer(Credentials(CREDENTIALS.access_key_id, CREDENTIALS.secret_access_key, token), "auto", "host:9000")
    ours = signer.presigned_query(method, "/files/u/a/1.wav", query, headers, NOW, 600)
    request = AWSRequest(method, "http://host:9000/files/u/a/1.wav", params=query, headers=headers)
    S3SigV4QueryAuth(_boto(token), "s3", "auto", expires=600).add_auth(request)
    theirs = urlsplit(request.url).query
    assert parse_qs(ours) == parse_qs(theirs)


@pytest.mark.usefixtures("_boto_clock")
@pytest.mark.parametrize("token", [None, "a/token+="])
def test_a_request_is_signed_as_botocore_signs_it(token: str | None) -> None:
    signer = Signer(Credentials(CREDENTIALS.access_key_id, CREDENTIALS.secret_access_key, token), "auto", "host:9000")
    payload = hashlib.sha256(b"body").hexdigest()
    query = {"partNumber": "7", "uploadId": "a+b/c=="}
    ours = signer.headers("PUT", "/files/u/a", query, {"If-None-Match": "*"}, payload, NOW)
    headers = {"If-None-Match": "*", "x-amz-content-sha256": payload, "x-amz-date": "20260301T123456Z"}
    request = AWSRequest("PUT", "http://host:9000/files/u/a", params=query, headers=headers, data=b"body")
    SigV4Auth(_boto(token), "s3", "auto").add_auth(request)
    assert ours["authorization"] == request.headers["Authorization"]


async def test_a_plain_url_is_signed_as_obstore_signs_it(s3_endpoint: str, s3_bucket: str) -> None:
    store = S3Store(
        s3_bucket,
        endpoint=s3_endpoint,
        region="us-east-1",
        access_key_id=CREDENTIALS.access_key_id,
        secret_access_key=CREDENTIALS.secret_access_key,
        client_options={"allow_http": True},
    )
    theirs = obstore.sign(store, "GET", "u/a/1", timedelta(seconds=600))
    date = parse_qs(urlsplit(theirs).query)["X-Amz-Date"][0]
    moment = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    async with stores.s3(s3_endpoint, s3_bucket, clock=lambda: moment) as storage:
        ours = storage.sign_get("u/a/1", expires_seconds=600).url
    assert parse_qs(urlsplit(ours).query) == parse_qs(urlsplit(theirs).query)
    assert ours.partition("?")[0] == theirs.partition("?")[0]


async def test_signed_urls_work(s3: Storage) -> None:
    put = s3.sign_put("u/a/1", size_bytes=5, content_type="audio/flac", expires_seconds=60)
    async with httpx.AsyncClient() as client:
        answer = await client.put(put.url, headers=dict(put.headers), content=b"hello")
        assert answer.status_code == 200
        get = s3.sign_get("u/a/1", expires_seconds=60, content_type="audio/ogg", download_name="मेरी.wav")
        answer = await client.get(get.url, headers={"Range": "bytes=1-2"})
    assert (answer.status_code, answer.content) == (206, b"el")
    assert answer.headers["content-type"] == "audio/ogg"
    assert "filename*=UTF-8''%E0" in answer.headers["content-disposition"]


async def test_a_signed_put_of_whatever_size_is_taken_once(s3: Storage) -> None:
    put = s3.sign_put("u/a/1", size_bytes=None, content_type="audio/flac", expires_seconds=60, if_absent=True)
    assert "X-Amz-SignedHeaders=content-type%3Bhost%3Bif-none-match&" in put.url  # nobody can leave it out
    again = s3.sign_put("u/a/1", size_bytes=None, content_type="audio/flac", expires_seconds=60)
    async with httpx.AsyncClient() as client:
        for body, status in ((b"first", 200), (b"second", 412)):
            assert (await client.put(put.url, headers=dict(put.headers), content=body)).status_code == status
        assert await content(s3, "u/a/1") == b"first"
        assert (await client.put(again.url, headers=dict(again.headers), content=b"over it")).status_code == 200
    assert await content(s3, "u/a/1") == b"over it"


@pytest.mark.parametrize("body", [b"small", LARGE], ids=len)
async def test_the_content_type_is_kept(s3: Storage, body: bytes) -> None:
    await s3.put("put", body, content_type="audio/flac")
    upload = await s3.uploads.begin("uploaded", content_type="audio/flac")
    await s3.uploads.append(upload, 0, body)
    await s3.uploads.complete(upload)
    async with httpx.AsyncClient() as client:
        for key in ("put", "uploaded"):
            answer = await client.get(s3.sign_get(key, expires_seconds=60).url)
            assert answer.headers["content-type"] == "audio/flac"


def _requests(storage: Storage) -> S3Requests:
    assert isinstance(storage, S3)
    return storage._requests


async def test_multipart_uploads_of_the_dead_are_swept_and_of_the_living_not(s3: Storage) -> None:
    upload = await s3.uploads.begin("resumable", content_type=TYPE)
    await s3.uploads.append(upload, 0, pieces(LARGE))
    await _requests(s3).create("dead", TYPE, "token")
    assert len(await _requests(s3).unfinished()) == 2
    assert await s3.sweep(3600) == 1  # this server says of all of them that they began in 2010
    assert [one.key for one in await _requests(s3).unfinished()] == ["resumable"]
    assert await s3.sweep(0) == 1
    assert await _requests(s3).unfinished() == []


async def test_a_multipart_upload_that_is_going_on_is_not_swept(s3: Storage) -> None:
    await _requests(s3).create("busy", TYPE, "token")
    listed = await _requests(s3).unfinished()

    async def unfinished() -> list[Multipart]:
        return [replace(one, initiated=datetime.now(UTC) - timedelta(minutes=59)) for one in listed]

    _requests(s3).unfinished = unfinished  # type: ignore[method-assign]
    assert await s3.sweep(3600) == 0
    assert await s3.sweep(3500) == 1


async def test_a_put_that_cannot_be_completed_leaves_no_parts(s3: Storage) -> None:
    await s3.put("a", b"x", content_type=TYPE)
    with pytest.raises(BacklineError):
        await s3.put("a", pieces(LARGE), content_type=TYPE, if_absent=True)
    assert await _requests(s3).unfinished() == []


class _Losing(httpx.AsyncBaseTransport):
    """Passes requests on, and loses the answer of the one that completes an upload."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.lost = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        if request.method == "POST" and "uploadId" in request.url.params:
            await answer.aread()
            self.lost += 1
            raise httpx.ReadError("lost")
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.mark.parametrize("if_absent", [False, True])
async def test_a_lost_answer_to_the_last_step_is_found_out(s3: Storage, if_absent: bool) -> None:
    client = _requests(s3)._client
    losing = client._transport = _Losing(client._transport)
    stored = await s3.put("a", pieces(LARGE), content_type=TYPE, if_absent=if_absent)
    assert losing.lost == 1
    assert stored.sha256 == hashlib.sha256(LARGE).hexdigest()
    assert await content(s3, "a") == LARGE


async def test_an_upload_completed_by_a_process_that_died_is_found_out(s3: Storage, s3_twin: Storage) -> None:
    """The kill comes after S3 has finished the object and before the result is written down."""
    upload = await s3.uploads.begin("a", content_type=TYPE, if_absent=True)
    await s3.uploads.append(upload, 0, pieces(LARGE))

    async def died(*_: object) -> None:
        raise Unavailable("died")

    s3.uploads._write = died  # type: ignore[attr-defined]
    with pytest.raises(Unavailable):
        await s3.uploads.complete(upload)
    assert (await s3_twin.uploads.state(upload)).offset == len(LARGE)
    stored = await s3_twin.uploads.complete(upload)
    assert stored.sha256 == hashlib.sha256(LARGE).hexdigest()
    assert stored.etag == (await s3_twin.head("a")).etag


async def test_a_tail_that_is_inside_of_a_part_already_is_not_counted_twice(s3: Storage) -> None:
    """As after a kill between sending the part and deleting the tail."""
    upload = await s3.uploads.begin("a", content_type=TYPE)
    await s3.uploads.append(upload, 0, LARGE[: 2 * MIB])
    await s3.uploads.append(upload, 2 * MIB, LARGE[2 * MIB : 5 * MIB])
    assert (await s3.uploads.state(upload)).offset == 5 * MIB
    await s3.uploads.append(upload, 5 * MIB, LARGE[5 * MIB :])
    assert (await s3.uploads.complete(upload)).sha256 == hashlib.sha256(LARGE).hexdigest()


async def test_parts_that_another_process_replaced_are_hashed_as_they_are(s3: Storage, s3_twin: Storage) -> None:
    upload = await s3.uploads.begin("a", content_type=TYPE)
    multipart = (await _requests(s3).unfinished())[0].upload_id
    await s3.uploads.append(upload, 0, LARGE[: 10 * MIB])
    other = bytes(5 * MIB)
    await _requests(s3_twin).send_part("a", multipart, 2, other)
    stored = await s3.uploads.complete(upload)
    whole = LARGE[: 5 * MIB] + other
    assert await content(s3, "a") == whole
    assert stored.sha256 == hashlib.sha256(whole).hexdigest()


async def test_parts_grow_with_a_large_declared_size(s3: Storage) -> None:
    upload = await s3.uploads.begin("a", content_type=TYPE, size_bytes=100 << 30)
    assert (await s3.uploads.state(upload)).size_bytes == 100 << 30
    record = await s3.uploads._read(upload)  # type: ignore[attr-defined]
    assert record.part_bytes * 10_000 >= 100 << 30
    assert record.part_bytes % MIB == 0


async def test_a_put_cancelled_while_it_begins_leaves_no_parts(s3: Storage) -> None:
    async def source() -> AsyncIterator[bytes]:
        yield LARGE

    put = asyncio.ensure_future(s3.put("a", source(), content_type=TYPE))
    create, begun = _requests(s3).create, asyncio.Event()

    async def slow(*arguments: str) -> str:
        upload_id = await create(*arguments)
        begun.set()
        await asyncio.sleep(0.2)
        return upload_id

    _requests(s3).create = slow  # type: ignore[method-assign,assignment]
    await begun.wait()
    put.cancel()
    with pytest.raises(asyncio.CancelledError):
        await put
    assert await _requests(s3).unfinished() == []
