"""One gigabyte into storage and out again: speed, memory, and how long the event loop is held up.

The reference is obstore's own put of the same bytes in the same run, once from a file on the disk and once from the
same asynchronous stream that ours reads; it counts no hash and syncs nothing. Rounds alternate; the best of each
counts. How long the loop was held up has its own reference: the same loop doing nothing, on the same machine.
S3 is a moto server in another process, which is slow: what is compared there is our client with obstore's.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import obstore
from obstore.store import LocalStore, ObjectStore, S3Store

from backline.storage.base import Storage
from backline.storage.local_disk import LocalDisk
from backline.storage.s3 import S3
from backline.storage.s3_requests import Bucket
from backline.storage.signing import UrlSigner
from backline.storage.sigv4 import Credentials
from benchmarks.tools.servers import machine

MIB = 1 << 20
LOCAL_BYTES, S3_BYTES, READ_BYTES, ROUNDS = 1024 * MIB, 256 * MIB, MIB, 3
SMALL, SMALL_BYTES = 300, 64 * 1024
TYPE = "application/octet-stream"
CREDENTIALS = Credentials("benchmark", "benchmark-secret")

_MOTO = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@dataclass
class Figures:
    """Of the best round; memory of the worst."""

    mb_per_second: float = 0.0
    grown_mb: float = 0.0
    loop_late_ms: float = 1e9
    loop_work_ms: float = 0.0


async def measure(figures: Figures, size: int, work: Callable[[], Awaitable[object]]) -> None:
    _clear_peak()
    before, loop = _kilobytes("VmRSS"), _Loop()
    watching = asyncio.create_task(loop.watch())
    await asyncio.sleep(0.05)
    start = time.perf_counter()
    await work()
    seconds = time.perf_counter() - start
    watching.cancel()
    figures.mb_per_second = max(figures.mb_per_second, size / 1e6 / seconds)
    figures.grown_mb = max(figures.grown_mb, (_kilobytes("VmHWM") - before) / 1000)
    figures.loop_late_ms = min(figures.loop_late_ms, loop.latest_seconds * 1000)
    figures.loop_work_ms = max(figures.loop_work_ms, loop.longest_work_seconds * 1000)


class _Loop:
    """By how much a sleep of 1 ms was late, and how long the loop's own thread was at work meanwhile.

    Where other work shares the cores, the first is also theirs; the second is the loop's alone.
    """

    latest_seconds = 0.0
    longest_work_seconds = 0.0

    async def watch(self) -> None:
        while True:
            start, work = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.001)
            self.longest_work_seconds = max(self.longest_work_seconds, time.thread_time() - work)
            self.latest_seconds = max(self.latest_seconds, time.perf_counter() - start - 0.001)


def _clear_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _kilobytes(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return float(found[1])


async def stream(path: Path) -> AsyncIterator[bytes]:
    """The file, read in threads: as little as a source can cost."""
    with path.open("rb", buffering=0) as file:
        while block := await asyncio.to_thread(file.read, READ_BYTES):
            yield block


async def compare(name: str, storage: Storage, store: ObjectStore, path: Path) -> None:
    size = _size(path)

    async def upload() -> None:
        upload_id = await storage.uploads.begin("resumable", content_type=TYPE)
        await storage.uploads.append(upload_id, 0, stream(path))
        await storage.uploads.complete(upload_id)
        await storage.uploads.abort(upload_id)

    async def read() -> None:
        async for _ in (await storage.get("ours")).stream:
            pass

    async def read_theirs() -> None:
        async for _ in (await obstore.get_async(store, "file")).stream(min_chunk_size=READ_BYTES):
            pass

    works: dict[str, Callable[[], Awaitable[object]]] = {
        "obstore put, from the file": lambda: obstore.put_async(store, "file", path),
        "obstore put, from a stream": lambda: obstore.put_async(store, "stream", stream(path)),
        "put": lambda: storage.put("ours", stream(path), content_type=TYPE),
        "resumable upload": upload,
        "obstore get": read_theirs,
        "get": read,
        "nothing": lambda: asyncio.sleep(2),
    }
    figures = {work: Figures() for work in works}
    for _ in range(ROUNDS):
        for work, run in works.items():
            await measure(figures[work], size, run)
    print(f"{name}, {size // MIB} MiB, best of {ROUNDS}")
    print(f"{'':28} {'MB/s':>7} {'ratio':>6} {'memory +MB':>11} {'loop late ms':>13} {'loop work ms':>13}")
    for work, found in figures.items():
        loop = f"{found.loop_late_ms:13.1f} {found.loop_work_ms:13.1f}"
        if work == "nothing":
            print(f"{work:28} {'':26} {loop}")
            continue
        reference = figures["obstore get" if work.endswith("get") else "obstore put, from the file"]
        ratio = found.mb_per_second / reference.mb_per_second
        print(f"{work:28} {found.mb_per_second:7.0f} {ratio:6.2f} {found.grown_mb:11.1f} {loop}")


def _size(path: Path) -> int:
    return path.stat().st_size


async def small(name: str, storage: Storage, store: ObjectStore) -> None:
    body = bytes(SMALL_BYTES)

    async def per_second(put: Callable[[str], Awaitable[object]]) -> float:
        start = time.perf_counter()
        for number in range(SMALL):
            await put(f"small/{number}")
        return SMALL / (time.perf_counter() - start)

    ours = await per_second(lambda key: storage.put(key, body, content_type=TYPE))
    theirs = await per_second(lambda key: obstore.put_async(store, key, body))
    listed = time.perf_counter()
    await storage.list("small")
    listed = time.perf_counter() - listed
    print(f"{name}, puts of 64 KiB one after another: {ours:.0f}/s, obstore {theirs:.0f}/s, ratio {ours / theirs:.2f}")
    print(f"{name}, a page of {SMALL} objects: {listed * 1000:.1f} ms")


async def main() -> None:
    print(f"{machine()}; bar: put at least 0.5 of obstore's from the file, memory flat, loop held below 50 ms")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "source"
        _fill(path, LOCAL_BYTES)
        async with LocalDisk(Path(folder) / "files", UrlSigner([bytes(32)])) as local:
            store = LocalStore(Path(folder) / "theirs", mkdir=True)
            await compare("local folder", local, store, path)
            await small("local folder", local, store)
        _fill(path, S3_BYTES)
        async with _bucket() as bucket, S3(bucket) as s3:
            await compare("S3 (moto)", s3, _obstore(bucket), path)
            await small("S3 (moto)", s3, _obstore(bucket))


def _fill(path: Path, size: int) -> None:
    block = bytes(range(256)) * (MIB // 256)
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(block)


def _obstore(bucket: Bucket) -> S3Store:
    return S3Store(
        bucket.name,
        endpoint=bucket.endpoint,
        region=bucket.region,
        access_key_id=CREDENTIALS.access_key_id,
        secret_access_key=CREDENTIALS.secret_access_key,
        client_options={"allow_http": True, "timeout": "10min"},
    )


@asynccontextmanager
async def _bucket() -> AsyncIterator[Bucket]:
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", _MOTO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        endpoint = f"http://127.0.0.1:{int(await asyncio.to_thread(process.stdout.readline))}"
        async with httpx.AsyncClient(timeout=30) as client:
            (await client.put(f"{endpoint}/files")).raise_for_status()
        yield Bucket(endpoint, "files", "us-east-1", CREDENTIALS)
    finally:
        process.stdin.close()
        process.wait(20)


if __name__ == "__main__":
    asyncio.run(main())
