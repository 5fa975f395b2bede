"""What every obstore back end does alike: reading, listing, deleting."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

import obstore
from obstore.store import ObjectStore

from backline.errors import BacklineError, Invalid, NotFound
from backline.storage.base import ByteRange, ObjectInfo, Page, Reading, Storage
from backline.storage.failures import Limits, within
from backline.storage.paths import check_key, check_prefix

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ObjectMeta

READ_BYTES = 512 * 1024
MAX_PAGE = 1000


class OverObstore(Storage):
    """store: any obstore store; `close` is not needed for it."""

    def __init__(self, store: ObjectStore, limits: Limits) -> None:
        self._store = store
        self._limits = limits

    async def get(self, key: str, byte_range: ByteRange | None = None) -> Reading:
        check_key(key)
        try:
            async with within(self._limits.answer_seconds):
                result = await obstore.get_async(self._store, key, options=_options(byte_range))
            info = as_info(result.meta)
        except BacklineError as error:
            if byte_range is None or isinstance(error, NotFound):
                raise
            byte_range.within((await self.head(key)).size_bytes)  # stores differ in how they refuse a range
            raise
        start, stop = byte_range.within(info.size_bytes) if byte_range else (0, info.size_bytes)
        return Reading(info, start, stop, self._stream(result))

    async def _stream(self, result: GetResult) -> AsyncGenerator[bytes, None]:
        stream = result.stream(min_chunk_size=READ_BYTES)
        while True:
            async with within(self._limits.answer_seconds):
                chunk = await anext(stream, None)
            if chunk is None:
                return
            yield bytes(chunk)

    async def head(self, key: str) -> ObjectInfo:
        check_key(key)
        async with within(self._limits.answer_seconds):
            return as_info(await obstore.head_async(self._store, key))

    async def exists(self, key: str) -> bool:
        try:
            await self.head(key)
        except NotFound:
            return False
        return True

    async def list(self, prefix: str = "", *, after: str | None = None, limit: int = 1000) -> Page:
        below = check_prefix(prefix)
        check_limit(limit)
        found: list[ObjectInfo] = []
        stream = obstore.list(self._store, below or None, offset=after, chunk_size=limit + 1)
        while len(found) <= limit:
            async with within(self._limits.answer_seconds):
                metas: Sequence[ObjectMeta] | None = await anext(stream, None)
            if metas is None:
                break
            found += (as_info(meta) for meta in metas if not meta["path"].startswith("."))
        return as_page(found, limit)

    async def delete(self, key: str) -> None:
        check_key(key)
        await self._delete([key])

    async def _delete(self, keys: Sequence[str]) -> None:
        async with within(self._limits.answer_seconds):
            await obstore.delete_async(self._store, keys)

    async def delete_prefix(self, prefix: str) -> int:
        if not prefix:
            raise Invalid("Deleting needs a prefix.", code="bad_key")
        deleted = 0
        while objects := (await self.list(prefix)).objects:
            await self._delete([one.key for one in objects])
            deleted += len(objects)
        return deleted

    async def copy(self, source_key: str, target_key: str) -> None:
        check_key(source_key)
        check_key(target_key)
        if source_key == target_key:  # S3 refuses it
            await self.head(source_key)
            return
        async with within(self._limits.part_seconds):
            await obstore.copy_async(self._store, source_key, target_key)


class PrivateObjects:
    """Small objects of a back end's own, under names that begin with a dot and so are no keys."""

    def __init__(self, store: ObjectStore, limits: Limits) -> None:
        self._store = store
        self._limits = limits

    async def read(self, name: str) -> bytes:
        async with within(self._limits.answer_seconds):
            return bytes(await (await obstore.get_async(self._store, name)).bytes_async())

    async def write(self, name: str, content: bytes) -> None:
        async with within(self._limits.part_seconds):
            await obstore.put_async(self._store, name, content, use_multipart=False)

    async def delete(self, names: Sequence[str]) -> None:
        for start in range(0, len(names), MAX_PAGE):
            async with within(self._limits.answer_seconds):
                await obstore.delete_async(self._store, names[start : start + MAX_PAGE])

    async def list(self, folder: str) -> list[ObjectInfo]:
        found: list[ObjectInfo] = []
        stream = obstore.list(self._store, folder, chunk_size=MAX_PAGE)
        while True:
            async with within(self._limits.answer_seconds):
                metas = await anext(stream, None)
            if metas is None:
                return found
            found += (as_info(meta) for meta in metas)


def as_info(meta: ObjectMeta) -> ObjectInfo:
    return ObjectInfo(meta["path"], meta["size"], meta["last_modified"], meta["e_tag"])


def as_page(found: list[ObjectInfo], limit: int) -> Page:
    """found: in order, and one more than the limit if there is a next page."""
    more = len(found) > limit
    return Page(tuple(found[:limit]), found[limit - 1].key if more else None)


def check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_PAGE:
        raise Invalid(f"A page has 1 to {MAX_PAGE} objects.", code="bad_limit")


def _options(byte_range: ByteRange | None) -> GetOptions | None:
    if byte_range is None:
        return None
    if byte_range.first is None:
        return {"range": {"suffix": byte_range.last or 0}}
    if byte_range.last is None:
        return {"range": {"offset": byte_range.first}}
    return {"range": (byte_range.first, byte_range.last + 1)}
