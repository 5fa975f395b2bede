"""An HTTP server on loopback that fails in one chosen way, and counts who asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Misbehaving:
    """requests: the first lines of all that came."""

    def __init__(self, manner: str) -> None:
        self.manner = manner
        self.requests: list[str] = []
        self._stop = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await _head(reader):
                self.requests.append(head[0])
                await self._answer(reader, writer, head)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: list[str]) -> None:
        if self.manner == "hangs":
            await self._stop.wait()
            raise ConnectionError
        if self.manner == "closes":
            raise ConnectionError
        length = next((int(line.split(":")[1]) for line in head if line.lower().startswith("content-length:")), 0)
        await reader.readexactly(length)
        if self.manner.isdigit():
            body = b"<Error><Code>Nothing</Code><Message>X-Amz-Signature=s3cr3t AKIATESTACCESSKEY</Message></Error>"
            writer.write(f"HTTP/1.1 {self.manner} Nothing\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        else:  # half of a body, then silence or the end
            headers = 'Content-Length: 1000\r\nETag: "1"\r\nLast-Modified: Sun, 01 Mar 2026 12:00:00 GMT'
            writer.write(f"HTTP/1.1 200 OK\r\n{headers}\r\n\r\n".encode() + b"x" * 500)
            await writer.drain()
            if self.manner == "stalls":
                await self._stop.wait()
            raise ConnectionError
        await writer.drain()

    def stop(self) -> None:
        self._stop.set()


async def _head(reader: asyncio.StreamReader) -> list[str]:
    lines = []
    while line := (await reader.readline()).decode().strip():
        lines.append(line)
    return lines


@asynccontextmanager
async def misbehaving(manner: str) -> AsyncIterator[tuple[str, Misbehaving]]:
    """Its address, and itself. manner: `hangs`, `closes`, `stalls`, `cuts`, or a status to answer."""
    it = Misbehaving(manner)
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", it
    finally:
        it.stop()
        server.close()
        await asyncio.sleep(0)
