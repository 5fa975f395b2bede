"""Objects as files below one folder: `<root>/<key>`. What begins with a dot there is the store's own.

obstore's local store reads; writing is ours, because obstore neither syncs to disk, nor creates a streamed file only if
its name is free, nor says where the leftovers of a killed process are.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from obstore.store import LocalStore

from backline.ids import new_id
from backline.storage import local_files
from backline.storage.base import ByteRange, ObjectInfo, Page, Reading, SignedRequest, Source, Stored, Uploads
from backline.storage.failures import Limits
from backline.storage.local_files import IncomingFile
from backline.storage.local_uploads import LocalUploads
from backline.storage.over_obstore import OverObstore, as_page, check_limit
from backline.storage.paths import check_content_type, check_key, check_prefix
from backline.storage.signing import UrlSigner
from backline.storage.streams import blocks
from backline.storage.threads import FileThreads

BLOCK_BYTES = 1 << 20


class LocalDisk(OverObstore):
    """root: made if missing; on one file system, which must have hard links for `if_absent`.

    Several processes may share it. On a file system that does not tell `A` from `a`, neither does the store.
    """

    def __init__(self, root: Path, signer: UrlSigner, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self._root = root.resolve()
        self._root.mkdir(parents=True, exist_ok=True)
        super().__init__(LocalStore(self._root), limits)
        self._signer = signer
        self._incoming = self._root / ".incoming"
        self._threads = FileThreads(limits.answer_seconds)
        self._slow_threads = FileThreads(limits.part_seconds)
        self._uploads = LocalUploads(self._root, self._threads, self._slow_threads)

    @property
    def uploads(self) -> Uploads:
        return self._uploads

    async def put(
        self, key: str, source: Source, *, content_type: str, if_absent: bool = False, max_bytes: int | None = None
    ) -> Stored:
        check_content_type(content_type)
        target = self._root / check_key(key)
        async with self._incoming_file() as file:
            await self._write(file, source, max_bytes)
            await self._slow_threads.run(file.publish, target, self._root, if_absent=if_absent)
        return Stored(file.digest.size_bytes, file.digest.hex, file.etag)

    async def _write(self, file: IncomingFile, source: Source, max_bytes: int | None) -> None:
        """One block is written while the next one is fetched."""
        writing: asyncio.Task[None] | None = None
        try:
            async with aclosing(blocks(source, BLOCK_BYTES, max_bytes=max_bytes)) as parts:
                async for block in parts:
                    if writing is not None:
                        await writing
                    writing = asyncio.create_task(self._threads.run(file.write, block))
            if writing is not None:
                await writing
        finally:
            if writing is not None and not writing.cancel() and not writing.cancelled():
                writing.exception()  # seen: where the source failed as well, that is what is raised

    @asynccontextmanager
    async def _incoming_file(self) -> AsyncIterator[IncomingFile]:
        file = IncomingFile(self._incoming / new_id("in"))
        try:
            yield file
        finally:
            await self._threads.finish(file.discard)

    async def get(self, key: str, byte_range: ByteRange | None = None) -> Reading:
        await self.head(key)  # obstore has no word for a folder or for a path below a file
        return await super().get(key, byte_range)

    async def head(self, key: str) -> ObjectInfo:
        return await self._threads.run(local_files.info, self._root, check_key(key))

    async def list(self, prefix: str = "", *, after: str | None = None, limit: int = 1000) -> Page:
        below = check_prefix(prefix)
        check_limit(limit)
        walk = local_files.walk(self._root, below and below + "/", after or "")
        found = await self._slow_threads.run(lambda: list(itertools.islice(walk, limit + 1)))
        return as_page(found, limit)

    async def _delete(self, keys: Sequence[str]) -> None:
        await self._slow_threads.run(local_files.remove, [self._root / key for key in keys], self._root)

    async def copy(self, source_key: str, target_key: str) -> None:
        source, target = self._root / check_key(source_key), self._root / check_key(target_key)
        await self._slow_threads.run(local_files.copy_file, source, self._incoming / new_id("in"), target, self._root)

    def sign_get(
        self, key: str, *, expires_seconds: int, content_type: str | None = None, download_name: str | None = None
    ) -> SignedRequest:
        return self._signer.get(key, expires_seconds, content_type, download_name)

    def read_link(self, key: str, *, expires_seconds: int) -> str:
        return (self._root / check_key(key)).as_uri()

    def sign_put(
        self, key: str, *, size_bytes: int | None, content_type: str, expires_seconds: int, if_absent: bool = False
    ) -> SignedRequest:
        return self._signer.put(key, expires_seconds, content_type, size_bytes, if_absent)

    async def sweep(self, older_than_seconds: float) -> int:
        before = time.time() - older_than_seconds
        return await self._slow_threads.run(self._sweep_incoming, before) + await self._uploads.sweep(before)

    def _sweep_incoming(self, before: float) -> int:
        leftovers = [path for path, old in local_files.ages(self._incoming, before) if old]
        local_files.remove(leftovers, self._incoming)
        return len(leftovers)

    async def close(self) -> None:
        self._threads.close()
        self._slow_threads.close()
