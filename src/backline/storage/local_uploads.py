"""Resumable uploads in a folder: `.uploads/<id>.json` and `.uploads/<id>.data`, which becomes the object."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from backline.errors import Conflict, NotFound
from backline.ids import new_id
from backline.storage import local_files
from backline.storage.base import Source, Stored, Uploads, UploadState
from backline.storage.streams import Digest, blocks
from backline.storage.threads import FileThreads
from backline.storage.uploads import Remembered, UploadRecord, check_upload_id, in_use, unknown_upload

BLOCK_BYTES = 1 << 20


class UploadData:
    """The growing file of an upload, held alone by a lock of the system, which a killed process gives back.

    Opening raises Conflict `upload_in_use`, NotFound. The inner lock is for threads whose caller has gone.
    digest: of all bytes up to the end; None where not all have passed here.
    """

    def __init__(self, path: Path) -> None:
        self.digest: Digest | None = None
        self._inner = threading.Lock()
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            raise unknown_upload() from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(self._file), path.stat()):
                raise unknown_upload()
        except BaseException as error:
            os.close(self._file)
            if isinstance(error, BlockingIOError):
                raise in_use() from None
            if isinstance(error, FileNotFoundError):
                raise unknown_upload() from None
            raise

    def seek_end(self) -> int:
        return os.lseek(self._file, 0, os.SEEK_END)

    def write(self, block: bytes) -> None:
        with self._inner:
            local_files.write_all(self._file, block)
            if self.digest is not None:
                self.digest.update(block)

    def read_into(self, digest: Digest) -> bool:
        """One more block; False at the end."""
        block = os.pread(self._file, BLOCK_BYTES, digest.size_bytes)
        digest.update(block)
        return bool(block)

    def sync(self) -> int:
        """The end, once all before it is on the disk."""
        with self._inner:
            os.fsync(self._file)
            return self.seek_end()

    def close(self) -> None:
        with self._inner:
            os.close(self._file)


class LocalUploads(Uploads):
    """Several processes may share the folder: a lock on the data file keeps them apart."""

    def __init__(self, root: Path, threads: FileThreads, slow_threads: FileThreads) -> None:
        self._root = root
        self._folder = root / ".uploads"
        self._threads = threads
        self._slow_threads = slow_threads
        self._digests: Remembered[Digest] = Remembered()

    async def begin(
        self,
        key: str,
        *,
        content_type: str,
        size_bytes: int | None = None,
        max_bytes: int | None = None,
        if_absent: bool = False,
    ) -> str:
        record = UploadRecord(key, content_type, size_bytes, max_bytes, if_absent)
        upload_id = new_id("up")
        await self._threads.run(self._create, upload_id, record)
        return upload_id

    def _create(self, upload_id: str, record: UploadRecord) -> None:
        os.close(local_files.create(self._data(upload_id)))
        local_files.write_small(self._record(upload_id), record.as_json())

    async def state(self, upload_id: str) -> UploadState:
        record = await self._threads.run(self._read, check_upload_id(upload_id))
        if record.stored is not None:
            return record.state(record.stored.size_bytes)
        return record.state(await self._threads.run(self._size, upload_id))

    async def append(self, upload_id: str, offset: int, source: Source) -> int:
        record = await self._threads.run(self._read, check_upload_id(upload_id))
        if record.stored is not None:
            record.room(offset, record.stored.size_bytes)
        async with self._alone(upload_id) as data:
            room = record.room(offset, await self._threads.run(data.seek_end))
            digest = self._digests.take(upload_id) if offset else Digest()
            data.digest = digest if digest is not None and digest.size_bytes == offset else None
            try:
                async with aclosing(blocks(source, BLOCK_BYTES, max_bytes=room)) as parts:
                    async for block in parts:
                        await self._threads.run(data.write, block)
            finally:
                end = await self._slow_threads.run(data.sync)
                if data.digest is not None:
                    self._digests.keep(upload_id, data.digest)
        return end

    async def complete(self, upload_id: str) -> Stored:
        record = await self._threads.run(self._read, check_upload_id(upload_id))
        if record.stored is not None:
            return record.stored
        async with self._alone(upload_id) as data:
            end = await self._threads.run(data.seek_end)
            record.check_whole(end)
            digest = self._digests.take(upload_id)
            if digest is None or digest.size_bytes != end:
                digest = await self._read_again(data)
            return await self._slow_threads.run(self._finish, upload_id, record, digest)

    async def _read_again(self, data: UploadData) -> Digest:
        """In steps, each within its time, however large the file."""
        digest = Digest()
        while await self._threads.run(data.read_into, digest):
            pass
        return digest

    def _finish(self, upload_id: str, record: UploadRecord, digest: Digest) -> Stored:
        """The result is written down before the file gets its name: after a kill between the two, `_read` sees the
        file still there and the upload is completed once more."""
        path = self._data(upload_id)
        os.utime(path)  # sweeps judge an object by its time
        stored = Stored(digest.size_bytes, digest.hex, local_files.etag(path.stat()))
        local_files.write_small(self._record(upload_id), record.finished(stored).as_json())
        local_files.publish(path, self._root / record.key, self._root, if_absent=record.if_absent)
        return stored

    async def abort(self, upload_id: str) -> None:
        await self._threads.run(self._remove, check_upload_id(upload_id))

    def _remove(self, upload_id: str) -> None:
        self._record(upload_id).unlink(missing_ok=True)
        self._data(upload_id).unlink(missing_ok=True)

    async def sweep(self, before: float) -> int:
        """before: seconds since 1970."""
        return await self._slow_threads.run(self._sweep, before)

    def _sweep(self, before: float) -> int:
        """An upload is stale when all its files are; one that somebody is at is left alone."""
        stale: dict[str, bool] = {}
        for path, old in local_files.ages(self._folder, before):
            upload_id = path.name.partition(".")[0]
            stale[upload_id] = old and stale.get(upload_id, True)
        removed = 0
        for upload_id in (one for one, old in stale.items() if old):
            with suppress(Conflict):
                self._remove_unused(upload_id)
                removed += 1
        return removed

    def _remove_unused(self, upload_id: str) -> None:
        try:
            data = UploadData(self._data(upload_id))
        except NotFound:
            self._remove(upload_id)
            return
        try:
            self._remove(upload_id)
        finally:
            data.close()

    def _read(self, upload_id: str) -> UploadRecord:
        try:
            record = UploadRecord.from_json(self._record(upload_id).read_bytes())
        except FileNotFoundError:
            raise unknown_upload() from None
        return replace(record, stored=None) if self._data(upload_id).exists() else record

    def _size(self, upload_id: str) -> int:
        try:
            return self._data(upload_id).stat().st_size
        except FileNotFoundError:
            raise unknown_upload() from None

    def _record(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.json"

    def _data(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.data"

    @asynccontextmanager
    async def _alone(self, upload_id: str) -> AsyncIterator[UploadData]:
        data = await self._threads.run(UploadData, self._data(upload_id))
        try:
            yield data
        finally:
            await self._threads.finish(data.close)
