"""The port to wherever bytes are kept. It knows keys and bytes; owners, quotas and rows are above it.

Keys are `paths.check_key`'s. Every wait for the store has an end: a store that is down, slow or full is `Unavailable`.
The wait for a source is the caller's: a client that stalls is no failure of the store.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from backline.errors import Invalid

Source = AsyncIterable[bytes] | bytes

MAX_PUT_BYTES = 5_000_000_000
"""Of one signed PUT. S3 takes 5 GiB in one request, R2 5 MiB less."""


@dataclass(frozen=True)
class Stored:
    """What a finished put wrote. sha256: 64 hex digits, counted over the very bytes that were stored.

    etag: the store's own mark of this version, in quotes as HTTP wants it; None where a store has none.
    """

    size_bytes: int
    sha256: str
    etag: str | None


@dataclass(frozen=True)
class ObjectInfo:
    key: str
    size_bytes: int
    modified: datetime
    etag: str | None


@dataclass(frozen=True)
class Page:
    """Objects in the order of their keys' bytes. after: where the next page begins; None on the last one."""

    objects: tuple[ObjectInfo, ...]
    after: str | None


@dataclass(frozen=True)
class ByteRange:
    """A range of bytes as HTTP has it (RFC 9110, 14.1.2): both ends are included.

    first and last: those bytes. first alone: from there to the end. last alone: the last `last` bytes.
    """

    first: int | None = None
    last: int | None = None

    def __post_init__(self) -> None:
        ends = [end for end in (self.first, self.last) if end is not None]
        if not ends or min(ends) < 0 or (len(ends) == 2 and ends[1] < ends[0]):
            raise Invalid("A range needs a first byte, a last byte or both, in this order.", code="bad_range")

    def within(self, size_bytes: int) -> tuple[int, int]:
        """The bytes [start, stop) of an object of this size. Raises Invalid `range_not_satisfiable`."""
        if self.first is None:
            start, stop = max(0, size_bytes - (self.last or 0)), size_bytes
        else:
            start = self.first
            stop = size_bytes if self.last is None else min(self.last + 1, size_bytes)
        if start >= stop:
            raise Invalid(f"The file has {size_bytes} bytes; none is in the range.", code="range_not_satisfiable")
        return start, stop


@dataclass(frozen=True)
class Reading:
    """Bytes [start, stop) of an object, once. `stream` may be left unread; closing it early is allowed."""

    info: ObjectInfo
    start: int
    stop: int
    stream: AsyncGenerator[bytes, None]

    @property
    def size_bytes(self) -> int:
        """How many bytes the stream gives."""
        return self.stop - self.start


@dataclass(frozen=True)
class SignedRequest:
    """A request that anybody may make until it expires. headers: must be sent exactly as given."""

    method: Literal["GET", "PUT"]
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True)
class UploadState:
    """How far a resumable upload is. size_bytes: as declared. stored: set once it is complete."""

    key: str
    content_type: str
    offset: int
    size_bytes: int | None
    stored: Stored | None


class Uploads(ABC):
    """Uploads that outlive connections and processes: bytes are appended at an offset (the model of tus).

    One append at a time: a second one meanwhile is Conflict `upload_in_use`. An unknown, aborted or swept upload
    is NotFound. Whoever holds an upload's id may go on with it; whose it is, is known above.
    """

    @abstractmethod
    async def begin(
        self,
        key: str,
        *,
        content_type: str,
        size_bytes: int | None = None,
        max_bytes: int | None = None,
        if_absent: bool = False,
    ) -> str:
        """The id of a new upload to `key`. size_bytes: the whole, if known. if_absent: see `Storage.put`."""

    @abstractmethod
    async def state(self, upload_id: str) -> UploadState: ...

    @abstractmethod
    async def append(self, upload_id: str, offset: int, source: Source) -> int:
        """Add bytes at `offset`, which must be the present end; returns the new end.

        When the source fails, what had come from it is kept and its error is raised. When the task is cancelled, at
        most the bytes still in memory are lost. Always ask `state` before resuming.
        Raises Conflict `offset_mismatch`; TooLarge beyond the size or limit of `begin`.
        """

    @abstractmethod
    async def complete(self, upload_id: str) -> Stored:
        """Make the object visible, whole. May be repeated: the same answer until the upload is swept.

        Raises Conflict `upload_incomplete` before the declared size is reached, `object_exists` as `put` does.
        """

    @abstractmethod
    async def abort(self, upload_id: str) -> None:
        """Forget the upload and its bytes; a completed object stays. Without effect on an unknown upload."""


class Storage(ABC):
    """A back end. Use it as an async context manager, or call `close`."""

    @property
    @abstractmethod
    def uploads(self) -> Uploads: ...

    @abstractmethod
    async def put(
        self, key: str, source: Source, *, content_type: str, if_absent: bool = False, max_bytes: int | None = None
    ) -> Stored:
        """Store the source's bytes, seen by nobody before they are whole; memory does not grow with their number.

        content_type: given to the store where it keeps one (S3); the truth about it is kept above.
        if_absent: Conflict `object_exists` when there is an object; of several at once exactly one succeeds.
        Raises TooLarge beyond max_bytes, and whatever the source raises. Nothing is left then, nor when cancelled.
        """

    @abstractmethod
    async def get(self, key: str, byte_range: ByteRange | None = None) -> Reading:
        """Raises NotFound, Invalid `range_not_satisfiable`. A failure on the way is raised by the stream."""

    @abstractmethod
    async def head(self, key: str) -> ObjectInfo: ...

    @abstractmethod
    async def exists(self, key: str) -> bool: ...

    @abstractmethod
    async def list(self, prefix: str = "", *, after: str | None = None, limit: int = 1000) -> Page:
        """Objects below `prefix`, which is whole segments: `u/ab` never gives `u/abc/...`. limit: 1 to 1000."""

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Without effect when there is no such object."""

    @abstractmethod
    async def delete_prefix(self, prefix: str) -> int:
        """Delete all objects below a prefix (never all of the store); returns how many."""

    @abstractmethod
    async def copy(self, source_key: str, target_key: str) -> None:
        """Replaces the target. On S3 objects up to 5 GB (its limit for one copy)."""

    @abstractmethod
    def sign_get(
        self,
        key: str,
        *,
        expires_seconds: int,
        content_type: str | None = None,
        download_name: str | None = None,
    ) -> SignedRequest:
        """content_type, download_name: what the answer's headers will say. expires_seconds: 1 to 7 days."""

    def read_link(self, key: str, *, expires_seconds: int) -> str:
        """Where a process of ours reads it: a file's address (`file://`), or a signed one."""
        return self.sign_get(key, expires_seconds=expires_seconds).url

    @abstractmethod
    def sign_put(
        self, key: str, *, size_bytes: int | None, content_type: str, expires_seconds: int, if_absent: bool = False
    ) -> SignedRequest:
        """A URL that takes exactly this many bytes of this type; None: whatever `Content-Length` says, up to
        `MAX_PUT_BYTES`. if_absent: answered 412 when there is an object; of several at once exactly one succeeds."""

    @abstractmethod
    async def sweep(self, older_than_seconds: float) -> int:
        """Remove what killed processes and forgotten uploads left, untouched for that long; returns how many.

        Any number of processes may do it at once. The age must be longer than any pause inside of a put.
        """

    @abstractmethod
    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
