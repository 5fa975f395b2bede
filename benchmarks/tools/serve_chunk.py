"""Bare Starlette that takes a loop and hands out one chunk, always the same: the reference; prints its port.

Argument: how many bytes of sound a chunk has."""

from __future__ import annotations

import asyncio
import base64
import json
import sys

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.tools.serve_bare import Server

CHUNK = json.dumps({"chunk": {"index": 0, "audio_base64": base64.b64encode(bytes(int(sys.argv[1]))).decode()}}).encode()


async def start(request: Request) -> Response:
    async with request.form() as form:
        await form["loop_audio"].read()  # type: ignore[union-attr]
    return Response(b'{"ok": true}', media_type="application/json")


async def next_chunk(_request: Request) -> Response:
    return Response(CHUNK, media_type="application/json")


if __name__ == "__main__":
    uvloop.install()
    app = Starlette(routes=[Route("/jam/start", start, methods=["POST"]), Route("/jam/next", next_chunk)])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False)
    asyncio.run(Server(config).serve())
