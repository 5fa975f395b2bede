"""Resumable uploads as multipart uploads of S3.

Beside the parts there are two small objects: `.uploads/<id>/record`, and `.uploads/<id>/tail-<n>`: bytes that are too
few for a part, and will begin part n. A tail with another number than the next part has is a leftover without meaning;
so a kill between sending a part and deleting the tail inside of it doubles nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from backline.errors import BacklineError, Conflict, NotFound
from backline.ids import new_id
from backline.storage.base import Source, Storage, Stored, Uploads, UploadState
from backline.storage.over_obstore import PrivateObjects
from backline.storage.s3_requests import Part, S3Requests
from backline.storage.streams import Digest, blocks
from backline.storage.uploads import InUse, Remembered, UploadRecord, check_upload_id, unknown_upload

MAX_PARTS = 10_000
_MIB = 1 << 20
_FOLDER = ".uploads"


@dataclass
class _Hashed:
    """A hash state, and the parts that it covers: parts that somebody else replaced are found out by their etags."""

    digest: Digest = field(default_factory=Digest)
    etags: list[str] = field(default_factory=list)

    def add(self, part: Part, body: bytes) -> None:
        self.digest.update(body)
        self.etags.append(part.etag)

    def covers(self, parts: list[Part]) -> bool:
        return self.etags == [part.etag for part in parts]


@dataclass(frozen=True)
class _Progress:
    """parts: without a gap. finished: bytes of the object, if it is complete but nobody has written that down."""

    parts: list[Part]
    tail_bytes: int = 0
    finished: int | None = None

    @property
    def end(self) -> int:
        if self.finished is not None:
            return self.finished
        return sum(part.size_bytes for part in self.parts) + self.tail_bytes

    @property
    def next_number(self) -> int:
        return len(self.parts) + 1


class S3Uploads(Uploads):
    """part_bytes: the least size of a part; more where the declared size needs it.

    Two gateways that append to one upload at once are not kept apart, as S3 has no locks: parts are replaced by the
    same bytes of the same file, and if they were not the same, the hash is counted over what is stored.
    """

    def __init__(self, storage: Storage, objects: PrivateObjects, requests: S3Requests, part_bytes: int) -> None:
        self._storage = storage
        self._objects = objects
        self._requests = requests
        self._part_bytes = part_bytes
        self._in_use = InUse()
        self._hashed: Remembered[_Hashed] = Remembered()

    async def begin(
        self,
        key: str,
        *,
        content_type: str,
        size_bytes: int | None = None,
        max_bytes: int | None = None,
        if_absent: bool = False,
    ) -> str:
        part_bytes = _part_bytes(size_bytes or 0, self._part_bytes)
        most = part_bytes * MAX_PARTS
        limit = most if max_bytes is None else min(max_bytes, most)
        record = UploadRecord(key, content_type, size_bytes, limit, if_absent, part_bytes)
        upload_id = new_id("up")
        multipart = await self._requests.create(key, content_type, upload_id)
        await self._write(upload_id, replace(record, multipart=multipart))
        return upload_id

    async def state(self, upload_id: str) -> UploadState:
        record = await self._read(upload_id)
        if record.stored is not None:
            return record.state(record.stored.size_bytes)
        return record.state((await self._progress(upload_id, record)).end)

    async def append(self, upload_id: str, offset: int, source: Source) -> int:
        record = await self._read(upload_id)
        with self._in_use.alone(upload_id):
            if record.stored is not None:
                record.room(offset, record.stored.size_bytes)
            progress = await self._progress(upload_id, record)
            room = record.room(offset, progress.end)
            if progress.finished is not None or any(part.size_bytes < record.part_bytes for part in progress.parts):
                raise Conflict("All bytes have come; complete the upload.", code="offset_mismatch")
            await self._write(upload_id, record)  # a sign of life for the sweep
            hashed = self._hashed.take(upload_id) if offset else _Hashed()
            covered = hashed if hashed is not None and hashed.covers(progress.parts) else None
            try:
                return await self._append(upload_id, record, progress, covered, source, room)
            finally:
                if covered is not None:
                    self._hashed.keep(upload_id, covered)

    async def _append(
        self,
        upload_id: str,
        record: UploadRecord,
        progress: _Progress,
        hashed: _Hashed | None,
        source: Source,
        room: int | None,
    ) -> int:
        """What fills a part is sent; the rest becomes the tail, also when the source fails."""
        number, end = progress.next_number, progress.end
        tail = await self._objects.read(_tail(upload_id, number)) if progress.tail_bytes else b""
        first_bytes = record.part_bytes - len(tail)
        async with aclosing(blocks(source, record.part_bytes, max_bytes=room, first_bytes=first_bytes)) as bodies:
            async for block in bodies:
                body, tail = tail + block, b""
                end += len(block)
                if len(body) < record.part_bytes:
                    await self._objects.write(_tail(upload_id, number), body)
                    continue
                part = await self._requests.send_part(record.key, record.multipart, number, body)
                if hashed is not None:
                    await asyncio.to_thread(hashed.add, part, body)
                number += 1
        return end

    async def complete(self, upload_id: str) -> Stored:
        record = await self._read(upload_id)
        if record.stored is not None:
            return record.stored
        with self._in_use.alone(upload_id):
            progress = await self._progress(upload_id, record)
            record.check_whole(progress.end)
            stored = await self._finish(upload_id, record, progress)
            await self._write(upload_id, record.finished(stored))
            await self._objects.delete([one for one in await self._names(upload_id) if not one.endswith("/record")])
            return stored

    async def _finish(self, upload_id: str, record: UploadRecord, progress: _Progress) -> Stored:
        hashed = self._hashed.take(upload_id)
        if hashed is None or not hashed.covers(progress.parts):
            hashed = None
        if progress.end == 0 and progress.finished is None:
            stored = await self._storage.put(
                record.key, b"", content_type=record.content_type, if_absent=record.if_absent
            )
            await self._requests.abort(record.key, record.multipart)
            return stored
        parts = list(progress.parts)
        if progress.tail_bytes:
            body = await self._objects.read(_tail(upload_id, progress.next_number))
            parts.append(await self._requests.send_part(record.key, record.multipart, progress.next_number, body))
            if hashed is not None:
                hashed.add(parts[-1], body)
        etag = await finish(
            self._requests, record.key, record.multipart, parts, token=upload_id, if_absent=record.if_absent
        )
        digest = hashed.digest if hashed is not None else await self._read_again(record.key)
        return Stored(digest.size_bytes, digest.hex, etag)

    async def _read_again(self, key: str) -> Digest:
        digest = Digest()
        async for chunk in (await self._storage.get(key)).stream:
            await asyncio.to_thread(digest.update, chunk)
        return digest

    async def abort(self, upload_id: str) -> None:
        try:
            record = await self._read(upload_id)
        except NotFound:
            record = None
        if record is not None and record.stored is None:
            await self._requests.abort(record.key, record.multipart)
        await self._objects.delete(await self._names(upload_id))

    async def sweep(self, before: datetime) -> int:
        newest: dict[str, datetime] = {}
        for info in await self._objects.list(_FOLDER):
            upload_id = info.key.split("/")[1]
            newest[upload_id] = max(info.modified, newest.get(upload_id, info.modified))
        stale = [upload_id for upload_id, moment in newest.items() if moment <= before]
        for upload_id in stale:
            await self.abort(upload_id)
        return len(stale)

    async def multiparts(self) -> set[str]:
        """The multipart uploads that belong to uploads here."""
        names = [info.key for info in await self._objects.list(_FOLDER)]
        records = [await self._objects.read(name) for name in names if name.endswith("/record")]
        return {UploadRecord.from_json(record).multipart for record in records}

    async def _progress(self, upload_id: str, record: UploadRecord) -> _Progress:
        try:
            listed = await self._requests.parts(record.key, record.multipart)
        except NotFound:
            return await self._finished(upload_id, record)
        parts = [part for number, part in enumerate(listed, start=1) if part.number == number]
        progress = _Progress(parts)
        tails = {info.key: info.size_bytes for info in await self._objects.list(f"{_FOLDER}/{upload_id}")}
        return replace(progress, tail_bytes=tails.get(_tail(upload_id, progress.next_number), 0))

    async def _finished(self, upload_id: str, record: UploadRecord) -> _Progress:
        """No such multipart upload: either it became the object, or somebody ended it."""
        with suppress(NotFound):
            token, _ = await self._requests.token_of(record.key)
            if token == upload_id:
                return _Progress([], finished=(await self._storage.head(record.key)).size_bytes)
        raise unknown_upload()

    async def _names(self, upload_id: str) -> list[str]:
        return [info.key for info in await self._objects.list(f"{_FOLDER}/{check_upload_id(upload_id)}")]

    async def _read(self, upload_id: str) -> UploadRecord:
        try:
            return UploadRecord.from_json(await self._objects.read(f"{_FOLDER}/{check_upload_id(upload_id)}/record"))
        except NotFound:
            raise unknown_upload() from None

    async def _write(self, upload_id: str, record: UploadRecord) -> None:
        await self._objects.write(f"{_FOLDER}/{upload_id}/record", record.as_json())


async def finish(
    requests: S3Requests, key: str, upload_id: str, parts: list[Part], *, token: str, if_absent: bool
) -> str:
    """Complete a multipart upload; returns the etag. If the answer is lost, the object's token tells who made it."""
    try:
        return await requests.complete(key, upload_id, parts, if_absent=if_absent)
    except BacklineError:
        with suppress(BacklineError):
            found, etag = await requests.token_of(key)
            if found == token:
                return etag
        raise


def _tail(upload_id: str, number: int) -> str:
    return f"{_FOLDER}/{upload_id}/tail-{number}"


def _part_bytes(size_bytes: int, least: int) -> int:
    """So that the whole fits into as many parts as S3 allows; in whole MiB."""
    return max(least, -(-size_bytes // (MAX_PARTS * _MIB)) * _MIB)
