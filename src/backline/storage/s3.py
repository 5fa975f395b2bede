"""Objects in a bucket of Amazon S3, Cloudflare R2 or another store that speaks S3.

obstore does everything but multipart uploads: it has no way to end one that failed, to find those of a killed process,
or to finish one only if the key is free (decision 0009).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.store import S3Store

from backline.clock import Clock, utc_now
from backline.errors import BacklineError, NotFound
from backline.ids import new_id
from backline.storage.base import SignedRequest, Source, Stored, Uploads
from backline.storage.failures import Limits, refused, within
from backline.storage.over_obstore import OverObstore, PrivateObjects
from backline.storage.paths import check_content_type, check_key
from backline.storage.s3_requests import Bucket, Part, S3Requests
from backline.storage.s3_uploads import MAX_PARTS, S3Uploads, finish
from backline.storage.signing import content_disposition, expiry, put_headers
from backline.storage.streams import Digest, blocks

if TYPE_CHECKING:
    from obstore.store import S3Config

PART_BYTES = 8 << 20
"""All parts but the last have this size, which R2 demands; S3's least is 5 MiB."""

PARTS_AT_ONCE = 3


class S3(OverObstore):
    """bucket.region: "auto" for R2. part_bytes: at least 5 MiB; a put holds up to 5 parts in memory.

    A put of unknown length ends at 10 000 parts: 84 GB with the default.
    """

    def __init__(
        self, bucket: Bucket, limits: Limits | None = None, clock: Clock = utc_now, part_bytes: int = PART_BYTES
    ) -> None:
        limits = limits or Limits()
        super().__init__(_store(bucket, limits), limits)
        self._clock = clock
        self._part_bytes = part_bytes
        self._requests = S3Requests(bucket, limits, clock)
        self._uploads = S3Uploads(self, PrivateObjects(self._store, limits), self._requests, part_bytes)

    @property
    def uploads(self) -> Uploads:
        return self._uploads

    async def put(
        self, key: str, source: Source, *, content_type: str, if_absent: bool = False, max_bytes: int | None = None
    ) -> Stored:
        check_key(key)
        check_content_type(content_type)
        most = self._part_bytes * MAX_PARTS
        limit = most if max_bytes is None else min(max_bytes, most)
        async with aclosing(blocks(source, self._part_bytes, max_bytes=limit)) as parts:
            first = await anext(parts, b"")
            second = await anext(parts, None)
            if second is None:
                return await self._put_whole(key, first, content_type, if_absent)
            return await self._put_parts(key, _again(first, second, parts), content_type, if_absent)

    async def _put_whole(self, key: str, body: bytes, content_type: str, if_absent: bool) -> Stored:
        digest = Digest()
        await asyncio.to_thread(digest.update, body)
        try:
            async with within(self._limits.part_seconds):
                result = await obstore.put_async(
                    self._store,
                    key,
                    body,
                    attributes={"Content-Type": content_type},
                    mode="create" if if_absent else "overwrite",
                    use_multipart=False,
                )
        except NotFound:  # what is not found by a put is the bucket
            raise refused() from None
        return Stored(digest.size_bytes, digest.hex, result["e_tag"])

    async def _put_parts(
        self, key: str, parts: AsyncGenerator[bytes, None], content_type: str, if_absent: bool
    ) -> Stored:
        digest, token = Digest(), new_id("put")
        async with self._multipart(key, content_type, token) as upload_id:
            sent = await self._send(key, upload_id, parts, digest)
            etag = await finish(self._requests, key, upload_id, sent, token=token, if_absent=if_absent)
        return Stored(digest.size_bytes, digest.hex, etag)

    @asynccontextmanager
    async def _multipart(self, key: str, content_type: str, token: str) -> AsyncIterator[str]:
        """Aborted unless the block ends well; what cannot be aborted, because the store is away, is swept later."""
        creating = asyncio.ensure_future(self._requests.create(key, content_type, token))
        try:
            upload_id = await asyncio.shield(creating)
            yield upload_id
        except BaseException:
            with suppress(BacklineError):
                await asyncio.shield(self._abort(key, creating))
            raise

    async def _abort(self, key: str, creating: asyncio.Future[str]) -> None:
        await self._requests.abort(key, await creating)

    async def _send(self, key: str, upload_id: str, parts: AsyncGenerator[bytes, None], digest: Digest) -> list[Part]:
        """Several parts are on their way at once; the hash is counted in order."""
        gate, sending = asyncio.Semaphore(PARTS_AT_ONCE), []

        async def send(number: int, block: bytes) -> Part:
            try:
                return await self._requests.send_part(key, upload_id, number, block)
            finally:
                gate.release()

        try:
            async with asyncio.TaskGroup() as group:
                numbers = count(1)
                async for block in parts:
                    await asyncio.to_thread(digest.update, block)
                    await gate.acquire()
                    sending.append(group.create_task(send(next(numbers), block)))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        return [task.result() for task in sending]

    def sign_get(
        self, key: str, *, expires_seconds: int, content_type: str | None = None, download_name: str | None = None
    ) -> SignedRequest:
        query = {}
        if content_type is not None:
            query["response-content-type"] = check_content_type(content_type)
        if download_name is not None:
            query["response-content-disposition"] = content_disposition(download_name)
        expires = expiry(self._clock(), expires_seconds)
        url = self._requests.presigned("GET", check_key(key), query, {}, expires_seconds)
        return SignedRequest("GET", url, {}, expires)

    def sign_put(
        self, key: str, *, size_bytes: int | None, content_type: str, expires_seconds: int, if_absent: bool = False
    ) -> SignedRequest:
        headers = put_headers(content_type, size_bytes, if_absent)
        expires = expiry(self._clock(), expires_seconds)
        url = self._requests.presigned("PUT", check_key(key), {}, headers, expires_seconds)
        return SignedRequest("PUT", url, headers, expires)

    async def sweep(self, older_than_seconds: float) -> int:
        before = self._clock() - timedelta(seconds=older_than_seconds)
        swept = await self._uploads.sweep(before)
        old = [one for one in await self._requests.unfinished() if one.initiated <= before]
        used = await self._uploads.multiparts() if old else set()
        for one in (one for one in old if one.upload_id not in used):
            await self._requests.abort(one.key, one.upload_id)
            swept += 1
        return swept

    async def close(self) -> None:
        await self._requests.close()


async def _again(first: bytes, second: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    yield first
    yield second
    async for block in rest:
        yield block


def _store(bucket: Bucket, limits: Limits) -> S3Store:
    """The time of a whole request is left open: a download may take hours; silence is what is bounded."""
    answer = timedelta(seconds=limits.answer_seconds)
    credentials = bucket.credentials
    config: S3Config = {
        "endpoint": bucket.endpoint,
        "region": bucket.region,
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret_access_key,
        "virtual_hosted_style_request": False,
        "conditional_put": "etag",
    }
    if credentials.session_token:
        config["session_token"] = credentials.session_token
    return S3Store(
        bucket.name,
        config=config,
        client_options={
            "allow_http": urlsplit(bucket.endpoint).scheme == "http",
            "connect_timeout": timedelta(seconds=limits.connect_seconds),
            "read_timeout": answer,
            "timeout": timedelta(days=1),
        },
        retry_config={"max_retries": 2, "retry_timeout": answer},
    )
