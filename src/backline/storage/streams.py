"""Bytes on their way: cut into blocks, counted, limited and hashed."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator

from backline.errors import TooLarge
from backline.storage.base import Source


class Digest:
    """Size and SHA-256 of what has passed. `update` is work for a thread: about 0.6 ms a megabyte."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._sha256 = hashlib.sha256()

    def update(self, block: bytes) -> None:
        self._sha256.update(block)
        self.size_bytes += len(block)

    def copy(self) -> Digest:
        twin = Digest()
        twin.size_bytes, twin._sha256 = self.size_bytes, self._sha256.copy()
        return twin

    @property
    def hex(self) -> str:
        return self._sha256.hexdigest()


async def blocks(
    source: Source, block_bytes: int, *, max_bytes: int | None = None, first_bytes: int | None = None
) -> AsyncGenerator[bytes, None]:
    """The source in blocks of exactly `block_bytes`; the last one may be shorter, and none is empty.

    first_bytes: the length of the first block, where it must fill up something begun.
    max_bytes: TooLarge as soon as more has come; the block that is too much is not given.
    When the source fails, what had come is given first, then its error is raised. The source is closed at the end.
    """
    gathered, wanted, total = bytearray(), first_bytes or block_bytes, 0
    chunks = _chunks(source)
    try:
        async for chunk in chunks:
            total += len(chunk)
            if max_bytes is not None and total > max_bytes:
                raise TooLarge(f"At most {max_bytes} bytes are accepted.", code="file_too_large")
            view = memoryview(chunk)
            while len(gathered) + len(view) >= wanted:
                needed = wanted - len(gathered)
                gathered += view[:needed]
                view, wanted = view[needed:], block_bytes
                block = bytes(gathered)
                gathered.clear()
                yield block
            gathered += view
    except Exception:
        if gathered:
            yield bytes(gathered)
        raise
    finally:
        await chunks.aclose()
    if gathered:
        yield bytes(gathered)


async def _chunks(source: Source) -> AsyncGenerator[bytes, None]:
    if isinstance(source, bytes):
        yield source
        return
    iterator = aiter(source)
    try:
        async for chunk in iterator:
            yield chunk
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()
