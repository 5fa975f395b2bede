"""`App.server`: a port in front of the containers' own HTTP servers, which keeps a session on one container.

Works on connections, not on messages, so that streams and WebSockets pass unread: the head of the first request decides
the container; plain HTTP is told to close afterwards, so that the next request is decided anew.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tests.modal_standin.definitions import effective, sessions_per_container
from tests.modal_standin.hub import Hub
from tests.modal_standin.records import Container, FunctionRecord

START_SECONDS = 60.0
_PIECE_BYTES = 65_536
_TOKEN = "modal-authorization"
_OWN_HEADERS = (_TOKEN, "connection")


@dataclass
class Head:
    """A request's first lines. path: without its query."""

    first: str
    headers: list[tuple[str, str]]

    @property
    def path(self) -> str:
        return self.first.split(" ")[1].partition("?")[0]

    def value(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    @property
    def token(self) -> str:
        return self.value(_TOKEN).removeprefix("Bearer ")

    @property
    def upgrades(self) -> bool:
        return "upgrade" in self.value("connection").lower()

    def passed_on(self) -> bytes:
        kept = [(key, value) for key, value in self.headers if key.lower() not in _OWN_HEADERS]
        kept.append(("Connection", "Upgrade" if self.upgrades else "close"))
        lines = [self.first, *(f"{key}: {value}" for key, value in kept)]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


class ServerProxy:
    """One server's address. url: where it listens. A session is a token that belongs to a container."""

    def __init__(self, hub: Hub, record: FunctionRecord, balance: Callable[[FunctionRecord], None]) -> None:
        self._hub, self._record, self._balance = hub, record, balance
        self._sessions: dict[str, Container] = {}
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.url = ""

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for one in list(self._open):
            one.cancel()
        if self._open:
            await asyncio.wait(self._open)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await _read_head(reader)
        if "*" in self._hub.faults or self._record.app.stopped:
            await _reply(writer, "503 Service Unavailable", {})
        elif head.path == "/_modal/sessions/start":
            await self._start_session(writer)
        elif head.path == "/_modal/sessions/terminate":
            await self._terminate_session(head, writer)
        else:
            await self._relay(head, reader, writer)

    async def _start_session(self, writer: asyncio.StreamWriter) -> None:
        token = secrets.token_urlsafe(16)
        container = await self._container_with_room(token)
        if container is None:
            await _reply(writer, "503 Service Unavailable", {})
            return
        self._sessions[token] = container
        await _reply(writer, "200 OK", {"session_id": f"se-{token[:8]}", "token": token})

    async def _terminate_session(self, head: Head, writer: asyncio.StreamWriter) -> None:
        token = head.value("x-modal-server-session-token")
        container = self._sessions.pop(token, None)
        if container is not None:
            container.sessions.discard(token)
            container.idle_since = time.time()
        await _reply(writer, "200 OK" if container else "404 Not Found", {})

    async def _relay(self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sessioned = effective(self._record).is_sessioned
        container = self._sessions.get(head.token) if sessioned else await self._container_with_room()
        if container is None or not container.alive:
            await _reply(writer, "401 Unauthorized" if sessioned else "503 Service Unavailable", {})
            return
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", container.port)
        except OSError:
            await _reply(writer, "502 Bad Gateway", {})
            return
        container.idle_since = time.time()
        inner_writer.write(head.passed_on())
        upward = asyncio.create_task(_pipe(reader, inner_writer))
        try:
            await _pipe(inner_reader, writer)
        finally:
            upward.cancel()
            inner_writer.close()

    async def _container_with_room(self, token: str = "") -> Container | None:
        """A container that listens, with the session's token in it; None when none has come in time."""
        self._record.waiting += 1
        try:
            self._balance(self._record)
            found = await self._reserve(token)
        finally:
            self._record.waiting -= 1
        return found if found is not None and await _listens(found) else None

    async def _reserve(self, token: str) -> Container | None:
        room = sessions_per_container(effective(self._record))

        def free() -> list[Container]:
            alive = self._hub.containers_of(self._record)
            return [one for one in alive if one.port_open and not one.draining and len(one.sessions) < room]

        while await self._hub.wait_until(lambda: bool(free()), START_SECONDS):
            found = min(free(), key=lambda one: len(one.sessions), default=None)
            if found is not None:  # else another session was faster
                found.sessions |= {token} - {""}
                return found
        return None


async def _listens(container: Container) -> bool:
    while container.alive:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", container.port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return True
    return False


async def _read_head(reader: asyncio.StreamReader) -> Head:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines[1:] if line)
    return Head(lines[0], [(key, value.strip()) for key, _, value in pairs])


async def _reply(writer: asyncio.StreamWriter, status: str, body: dict[str, str]) -> None:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    writer.write(head.encode() + b"Connection: close\r\n\r\n" + data)
    await writer.drain()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(_PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
