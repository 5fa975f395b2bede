"""Files to and from signed addresses: whoever has the address needs no key of the store behind it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

import httpx

from backline.errors import TooLarge, Unavailable

MOST_BYTES = 5_000_000_000
"""Of one file. S3 takes 5 GiB in one request, R2 5 MiB less."""

TIMEOUT = httpx.Timeout(60.0, connect=10.0)
"""Seconds of silence."""

_BLOCK_BYTES = 1 << 20
_ALIVE_SECONDS = 2.0
_LATER = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""Answers after which the same may be asked again. 409: S3 says so of two conditional writes at once."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What lies at an address now. sha256: 64 hex digits. etag: the store's own mark of it, in quotes."""

    size_bytes: int
    sha256: str
    etag: str | None


class Taken(Exception):
    """Somebody else's file is there already."""


class Links:
    """alive: called with how much of what is being sent has gone, 0 to 1, at least every two seconds; what it raises
    ends it. again_seconds: pauses between attempts at one thing.

    Raises Unavailable `storage_unavailable` when the last of them failed, and `storage_refused` when none can help.
    """

    def __init__(self, client: httpx.Client, alive: Callable[[float], None], again_seconds: Sequence[float]) -> None:
        self._client = client
        self._alive = alive
        self._again_seconds = again_seconds

    def read(self, link: str) -> dict[str, Any] | None:
        """A JSON object; None where there is none."""
        answer = self._tried(lambda: self._client.get(link))
        if answer.status_code in (403, 404):  # S3 says 403 to whoever may not list what is there
            return None
        try:
            found = _good(answer).json()
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def put(self, to: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        """As JSON. to: {"url", "headers"} of a signed request. Raises Taken."""
        body = json.dumps(data).encode()
        _good(self._tried(lambda: self._client.put(to["url"], headers=to["headers"], content=body)))

    def put_file(self, to: Mapping[str, Any], path: Path) -> Sent:
        """Raises Taken, TooLarge."""
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise TooLarge(
                f"The film has {size} bytes, and {MOST_BYTES} is the most. Ask for a shorter or smaller one.",
                code="file_too_large",
            )
        headers = {**to["headers"], "Content-Length": str(size)}
        digest = hashlib.sha256()

        def send() -> httpx.Response:
            nonlocal digest
            digest = hashlib.sha256()
            return self._client.put(to["url"], headers=headers, content=self._blocks(path, size, digest))

        answer = _good(self._tried(send))
        return Sent(size, digest.hexdigest(), answer.headers.get("etag"))

    def look(self, link: str) -> Sent:
        """What is there, read from end to end."""
        found = Sent(0, "", None)

        def fetch() -> httpx.Response:
            nonlocal found
            digest, size = hashlib.sha256(), 0
            with self._client.stream("GET", link) as answer:
                for block in answer.iter_bytes(_BLOCK_BYTES):
                    digest.update(block)
                    size += len(block)
                    self._alive(1.0)
            found = Sent(size, digest.hexdigest(), answer.headers.get("etag"))
            return answer

        _good(self._tried(fetch))
        return found

    def _blocks(self, path: Path, size: int, digest: Any) -> Iterator[bytes]:
        gone = 0
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
                self._alive(gone / size)
                yield block
                gone += len(block)

    def _tried(self, step: Callable[[], httpx.Response]) -> httpx.Response:
        """The first answer that is one."""
        for pause in (*self._again_seconds, None):
            try:
                answer = step()
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code not in _LATER:
                return answer
            if pause is not None:
                self._wait(pause)
        raise Unavailable("The file store does not answer; try again in a moment.", code="storage_unavailable")

    def _wait(self, seconds: float) -> None:
        while seconds > 0:
            self._alive(0.0)
            sleep(min(seconds, _ALIVE_SECONDS))
            seconds -= _ALIVE_SECONDS


def _good(answer: httpx.Response) -> httpx.Response:
    if answer.status_code == 412:
        raise Taken
    if not answer.is_success:
        detail = f"The file store does not take what was signed for it (HTTP {answer.status_code})."
        raise Unavailable(detail, code="storage_refused", retryable=False)
    return answer
