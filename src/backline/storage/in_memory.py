"""Objects in this process's memory: for tests and for trying things out. Gone with the process."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import dataclass, field

import obstore
from obstore.store import MemoryStore

from backline.clock import Monotonic
from backline.ids import new_id
from backline.storage.base import SignedRequest, Source, Stored, Uploads, UploadState
from backline.storage.failures import Limits, within
from backline.storage.over_obstore import OverObstore
from backline.storage.paths import check_content_type, check_key
from backline.storage.signing import UrlSigner
from backline.storage.streams import Digest, blocks
from backline.storage.uploads import InUse, UploadRecord, unknown_upload

BLOCK_BYTES = 1 << 20


class InMemory(OverObstore):
    """now: seconds, by which uploads grow stale."""

    def __init__(self, signer: UrlSigner, limits: Limits | None = None, now: Monotonic = time.monotonic) -> None:
        super().__init__(MemoryStore(), limits or Limits())
        self._signer = signer
        self._uploads = _MemoryUploads(self, now)

    @property
    def uploads(self) -> Uploads:
        return self._uploads

    async def put(
        self, key: str, source: Source, *, content_type: str, if_absent: bool = False, max_bytes: int | None = None
    ) -> Stored:
        check_key(key)
        check_content_type(content_type)
        content, digest = bytearray(), Digest()
        async with aclosing(blocks(source, BLOCK_BYTES, max_bytes=max_bytes)) as parts:
            async for block in parts:
                content += block
                digest.update(block)
        async with within(self._limits.answer_seconds):
            result = await obstore.put_async(
                self._store, key, bytes(content), mode="create" if if_absent else "overwrite", use_multipart=False
            )
        return Stored(digest.size_bytes, digest.hex, result["e_tag"])

    def sign_get(
        self, key: str, *, expires_seconds: int, content_type: str | None = None, download_name: str | None = None
    ) -> SignedRequest:
        return self._signer.get(key, expires_seconds, content_type, download_name)

    def sign_put(
        self, key: str, *, size_bytes: int | None, content_type: str, expires_seconds: int, if_absent: bool = False
    ) -> SignedRequest:
        return self._signer.put(key, expires_seconds, content_type, size_bytes, if_absent)

    async def sweep(self, older_than_seconds: float) -> int:
        return self._uploads.sweep(older_than_seconds)

    async def close(self) -> None:
        """Nothing is held beside the memory."""


@dataclass
class _Upload:
    record: UploadRecord
    touched: float
    content: bytearray = field(default_factory=bytearray)


class _MemoryUploads(Uploads):
    def __init__(self, storage: InMemory, now: Monotonic) -> None:
        self._storage = storage
        self._now = now
        self._kept: dict[str, _Upload] = {}
        self._in_use = InUse()

    async def begin(
        self,
        key: str,
        *,
        content_type: str,
        size_bytes: int | None = None,
        max_bytes: int | None = None,
        if_absent: bool = False,
    ) -> str:
        upload_id = new_id("up")
        record = UploadRecord(key, content_type, size_bytes, max_bytes, if_absent)
        self._kept[upload_id] = _Upload(record, self._now())
        return upload_id

    async def state(self, upload_id: str) -> UploadState:
        upload = self._upload(upload_id)
        stored = upload.record.stored
        return upload.record.state(stored.size_bytes if stored else len(upload.content))

    async def append(self, upload_id: str, offset: int, source: Source) -> int:
        upload = self._upload(upload_id)
        with self._in_use.alone(upload_id):
            end = (await self.state(upload_id)).offset
            room = upload.record.room(offset, end)
            async with aclosing(blocks(source, BLOCK_BYTES, max_bytes=room)) as parts:
                async for block in parts:
                    upload.content += block
                    upload.touched = self._now()
        return len(upload.content)

    async def complete(self, upload_id: str) -> Stored:
        upload = self._upload(upload_id)
        with self._in_use.alone(upload_id):
            record = upload.record
            if record.stored is not None:
                return record.stored
            record.check_whole(len(upload.content))
            stored = await self._storage.put(
                record.key, bytes(upload.content), content_type=record.content_type, if_absent=record.if_absent
            )
            upload.record, upload.content, upload.touched = record.finished(stored), bytearray(), self._now()
            return stored

    async def abort(self, upload_id: str) -> None:
        self._kept.pop(upload_id, None)

    def sweep(self, older_than_seconds: float) -> int:
        before = self._now() - older_than_seconds
        stale = [upload_id for upload_id, upload in self._kept.items() if upload.touched <= before]
        for upload_id in stale:
            del self._kept[upload_id]
        return len(stale)

    def _upload(self, upload_id: str) -> _Upload:
        if upload_id not in self._kept:
            raise unknown_upload()
        return self._kept[upload_id]
