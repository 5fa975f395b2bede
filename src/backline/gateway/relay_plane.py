"""The other server, as a client sees it: one pool of connections, and how long it may be silent."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import aiohttp
from starlette.types import Scope
from yarl import URL

from backline.errors import Unavailable
from backline.observability.logging import get_logger

CONNECT_SECONDS = 10.0
HEAD_SECONDS = 900.0
"""Until an answer begins: the machine may have to start and load weights, and an answer that is wanted whole is made
first. A client that does not want to wait leaves, which ends it over there."""

FAILURES = (aiohttp.ClientError, TimeoutError, OSError)

_KEEPALIVE_SECONDS = 15.0
"""Shorter than servers keep a connection, ours for 30 s: none is used in the moment in which it ends."""

_WAITING_BYTES = 64 * 1024
"""Of one answer, in the kernel and again here. Over there all of it counts as delivered, and is paid for."""

_LOST_MS = 60_000
"""Until bytes that nobody acknowledges end a connection."""


class Plane:
    """url: its base address. patience_seconds: how long a client may take nothing; the plane may be silent for twice as
    long, for it ends what is silent itself."""

    def __init__(self, url: str, patience_seconds: float) -> None:
        self.patience_seconds = patience_seconds
        self.silence_seconds = 2 * patience_seconds
        self._url = url.rstrip("/")
        self._origin = URL(self._url).origin()
        self._client: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Around everything that is passed on."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_SECONDS, socket_factory=_socket)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),  # cookies are the clients' own
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            auto_decompress=False,
            read_bufsize=_WAITING_BYTES // 2,  # it stops at twice as many
        ) as self._client:
            yield

    @property
    def client(self) -> aiohttp.ClientSession:
        assert self._client is not None, "the server has not started"
        return self._client

    def address(self, scope: Scope) -> URL:
        """Of the same thing over there; path and query stay as they were written."""
        raw: bytes | None = scope.get("raw_path")
        path = raw.decode("latin-1") if raw else quote(scope["path"])
        query = scope["query_string"].decode("latin-1")
        return URL(f"{self._url}{path}{f'?{query}' if query else ''}", encoded=True)

    def is_own(self, address: URL) -> bool:
        return address.is_absolute() and address.origin() == self._origin

    def unreachable(self, scope: Scope, reason: str) -> Unavailable:
        """Written down, and what a client is told."""
        get_logger().warning("relay.unreachable", path=scope["path"], reason=reason)
        return Unavailable(
            "The server that speaks does not answer now. Try again.", code="plane_unreachable", retry_after_seconds=2
        )


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A connection whose other end counts little as delivered that is not, and that is known to be dead when it is."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WAITING_BYTES)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _LOST_MS)
    return made
