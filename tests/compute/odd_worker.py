"""A jam worker that does what a test says, answer by answer: also half of one, none, or another's words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from backline.compute.jam_over_http import JamOverHttp
from backline.compute.jam_requests import JamRequests

KEY = "a key of tests, long enough"


@dataclass(frozen=True)
class Answer:
    """What is written to the socket. cut: how many bytes of it; 0: the connection is closed without a word. hang: for
    ever, after those bytes."""

    data: bytes
    cut: int | None = None
    hang: bool = False


def answer(body: bytes | Mapping[str, Any], status: int = 200, *, cut: int | None = None, **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"content-type": "application/json", "content-length": str(len(data)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in told.items())
    return Answer(f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode() + data, cut)


NOTHING = Answer(b"", cut=0)
SILENCE = Answer(b"", hang=True)


@dataclass
class OddWorker:
    """answers: the next first; the last one for ever. asked: method, path and fields of each request."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    tasks: list[asyncio.Task[None] | None] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _ in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.append(asyncio.current_task())
        try:
            while line := await reader.readline():
                await self._hear(line.decode(), reader)
                said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                writer.write(said.data[: said.cut])
                await writer.drain()
                if said.hang:
                    await asyncio.sleep(3600)
                if said.cut is not None:
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client has left, or the test is over
        finally:
            writer.close()

    async def _hear(self, line: str, reader: asyncio.StreamReader) -> None:
        method, target, _ = line.split(" ")
        headers: dict[str, str] = {}
        while (one := (await reader.readline()).decode().strip()) != "":
            name, _, value = one.partition(":")
            headers[name.lower()] = value.strip()
        body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode("latin-1")
        address = urlsplit(target)
        sent = address.query if method == "GET" else body
        self.headers.append(headers)
        self.asked.append((method, address.path, {name: values[0] for name, values in parse_qs(sent).items()}))


@asynccontextmanager
async def odd_worker(*answers: Answer, **options: Any) -> AsyncIterator[tuple[OddWorker, JamOverHttp]]:
    """It, and a client of it. options: of the client."""
    worker = OddWorker(list(answers))
    server = await asyncio.start_server(worker.serve, "127.0.0.1", 0)
    link = JamOverHttp(JamRequests(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", KEY, **options))
    try:
        yield worker, link
    finally:
        await link.aclose()
        server.close()
        for task in filter(None, worker.tasks):
            task.cancel()
