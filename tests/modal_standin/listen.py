"""An ASGI app on a free loopback port, in the stand-in's own loop."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn

GRACE_SECONDS = 1


class Listener:
    """Serves from `open` to `close`. url: the address without a slash at its end."""

    def __init__(self, app: Any) -> None:
        config = uvicorn.Config(
            app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_SECONDS
        )
        self._server = uvicorn.Server(config)
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)  # asyncio turns Nagle off only where TCP is said
        self._serving: asyncio.Task[None] | None = None
        self.url = ""

    def open(self, port: int = 0) -> Listener:
        """port: 0 takes a free one."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen(128)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        return self

    async def close(self) -> None:
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        self._socket.close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
