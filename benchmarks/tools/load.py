"""A small HTTP/1.1 load generator: keep-alive connections, chunked answers, no library between it and the clock."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_SECONDS = 60.0


@dataclass
class Figures:
    """first_s: seconds from request to first body byte, one a request; total_s: to the last."""

    first_s: list[float] = field(default_factory=list)
    total_s: list[float] = field(default_factory=list)
    body_bytes: int = 0
    errors: int = 0
    wall_s: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.total_s) / self.wall_s

    def first_ms(self, quantile: float) -> float:
        ordered = sorted(self.first_s)
        return 1000 * ordered[min(len(ordered) - 1, int(quantile * len(ordered)))]


def request_bytes(path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    method = "GET" if body is None else "POST"
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    if content:
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return head.encode() + b"\r\n" + content


async def measure(port: int, request: bytes, *, clients: int, requests: int) -> Figures:
    """`clients` connections share `requests` requests, each one after the other."""
    figures = Figures()
    left = iter(range(requests))
    started = time.perf_counter()
    async with asyncio.timeout(TIMEOUT_SECONDS * 5):
        await asyncio.gather(*(_client(port, request, left, figures) for _ in range(clients)))
    figures.wall_s = time.perf_counter() - started
    return figures


async def _client(port: int, request: bytes, left: Any, figures: Figures) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for _ in left:
            asked = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                figures.errors += 1
                return
            await _read_body(reader, head, asked, figures)
            figures.total_s.append(time.perf_counter() - asked)
    except (asyncio.IncompleteReadError, ConnectionError):
        figures.errors += 1
    finally:
        writer.close()


async def _read_body(reader: asyncio.StreamReader, head: bytes, asked: float, figures: Figures) -> None:
    lower = head.lower()
    if b"content-length:" in lower:
        length = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        figures.first_s.append(time.perf_counter() - asked)
        figures.body_bytes += length
        return
    first = True
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        if size and first:
            await reader.readexactly(1)
            figures.first_s.append(time.perf_counter() - asked)
            await reader.readexactly(size + 1)
            first = False
        else:
            await reader.readexactly(size + 2)
        if size == 0:
            return
        figures.body_bytes += size
