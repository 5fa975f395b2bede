"""The back ends as the tests set them up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from backline.storage.base import Reading, Storage
from backline.storage.failures import Limits
from backline.storage.in_memory import InMemory
from backline.storage.local_disk import LocalDisk
from backline.storage.s3 import S3
from backline.storage.s3_requests import Bucket
from backline.storage.signing import UrlSigner
from backline.storage.sigv4 import Credentials

SECRET = b"a secret for the tests, 32 bytes"
CREDENTIALS = Credentials("AKIATESTACCESSKEY", "test/secret+key")
MIB = 1 << 20
PART_BYTES = 5 * MIB
"""The least that S3 takes."""


_SERVE = """
import sys, time
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of a server that speaks S3, in a process of its own: what it holds in memory is not ours."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(20)


def signer(**options: Any) -> UrlSigner:
    return UrlSigner([SECRET], **options)


def bucket(endpoint: str, name: str = "files") -> Bucket:
    return Bucket(endpoint, name, "us-east-1", CREDENTIALS)


def make_bucket(endpoint: str, name: str) -> None:
    httpx.put(f"{endpoint}/{name}", timeout=20).raise_for_status()


def s3(endpoint: str, name: str = "files", **options: Any) -> S3:
    return S3(bucket(endpoint, name), part_bytes=PART_BYTES, **options)


def local(root: Path, **options: Any) -> LocalDisk:
    return LocalDisk(root, signer(), **options)


def memory(**options: Any) -> InMemory:
    return InMemory(signer(), **options)


def quick() -> Limits:
    """For stores that never answer."""
    return Limits(connect_seconds=0.2, answer_seconds=0.2, part_seconds=0.4)


async def pieces(content: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def read(reading: Reading) -> bytes:
    return b"".join([chunk async for chunk in reading.stream])


async def content(storage: Storage, key: str) -> bytes:
    return await read(await storage.get(key))


async def keys(storage: Storage, prefix: str = "") -> list[str]:
    return [one.key for one in (await storage.list(prefix)).objects]


def pattern(size: int) -> bytes:
    """Bytes that show where they belong: no two blocks of 4 are alike nearby."""
    return b"".join(number.to_bytes(4, "big") for number in range(-(-size // 4)))[:size]
