"""Bare Starlette that streams 20 blocks of 4 kB: the reference; prints its port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

BLOCK = bytes(4096)


async def speak(request: Request) -> StreamingResponse:
    await request.json()

    async def blocks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield BLOCK

    return StreamingResponse(blocks(), media_type="audio/pcm")


class Server(uvicorn.Server):
    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)


if __name__ == "__main__":
    uvloop.install()
    app = Starlette(routes=[Route("/{path:path}", speak, methods=["POST"])])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False)
    asyncio.run(Server(config).serve())
