"""What resumable uploads have in common, whichever back end keeps them."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Generic, TypeVar

from backline.errors import Conflict, Invalid, NotFound, TooLarge
from backline.ids import is_id
from backline.storage.base import Stored, UploadState
from backline.storage.paths import check_content_type, check_key

T = TypeVar("T")


@dataclass(frozen=True)
class UploadRecord:
    """What is remembered of an upload beside its bytes.

    part_bytes, multipart: how S3 keeps it. stored: the result, from when it is known.
    """

    key: str
    content_type: str
    size_bytes: int | None
    max_bytes: int | None
    if_absent: bool
    part_bytes: int = 0
    multipart: str = ""
    stored: Stored | None = None

    def __post_init__(self) -> None:
        check_key(self.key)
        check_content_type(self.content_type)
        if self.size_bytes is not None and self.max_bytes is not None and self.size_bytes > self.max_bytes:
            raise TooLarge(f"At most {self.max_bytes} bytes are accepted.", code="file_too_large")
        if min(self.size_bytes or 0, self.max_bytes or 0) < 0:
            raise Invalid("A size is not negative.", code="bad_size")

    def as_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> UploadRecord:
        data = json.loads(text)
        stored = data.pop("stored")
        return cls(**data, stored=Stored(**stored) if stored else None)

    def finished(self, stored: Stored) -> UploadRecord:
        return replace(self, stored=stored)

    def state(self, offset: int) -> UploadState:
        return UploadState(self.key, self.content_type, offset, self.size_bytes, self.stored)

    def room(self, offset: int, end: int) -> int | None:
        """How many bytes may follow at `offset`; None is any number. Raises Conflict if that is not the end."""
        if self.stored is not None or offset != end:
            raise Conflict(f"The upload is at {end}, not at {offset}.", code="offset_mismatch")
        limits = [limit for limit in (self.size_bytes, self.max_bytes) if limit is not None]
        return max(0, min(limits) - end) if limits else None

    def check_whole(self, end: int) -> None:
        if self.size_bytes is not None and end != self.size_bytes:
            raise Conflict(f"{end} of {self.size_bytes} bytes have come.", code="upload_incomplete")


def check_upload_id(upload_id: str) -> str:
    if not is_id(upload_id):
        raise unknown_upload()
    return upload_id


def unknown_upload() -> NotFound:
    return NotFound("There is no such upload.", code="upload_not_found")


def in_use() -> Conflict:
    return Conflict("Another request is at this upload; try again in a moment.", code="upload_in_use", retryable=True)


class InUse:
    """The uploads that this process is at."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    @contextmanager
    def alone(self, upload_id: str) -> Iterator[None]:
        if upload_id in self._ids:
            raise in_use()
        self._ids.add(upload_id)
        try:
            yield
        finally:
            self._ids.discard(upload_id)


class Remembered(Generic[T]):
    """Hash states between two requests, which cannot be written down; the oldest is forgotten first.

    Only a saving: whoever finds none reads the bytes again.
    """

    def __init__(self, capacity: int = 1000) -> None:
        self._kept: OrderedDict[str, T] = OrderedDict()
        self._capacity = capacity

    def keep(self, upload_id: str, value: T) -> None:
        self._kept[upload_id] = value
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)

    def take(self, upload_id: str) -> T | None:
        return self._kept.pop(upload_id, None)
