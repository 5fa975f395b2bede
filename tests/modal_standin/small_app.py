"""An app with something of everything that the stand-in supports; the tests deploy copies of this file.

No postponed annotations here: the SDK reads the types of `modal.parameter` from the class itself.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import modal
import modal.experimental

WORD = "one"  # the tests' second version says "two"

app = modal.App("small")
image = modal.Image.debian_slim().pip_install("numpy").env({"FROM_IMAGE": "two words"})
weights = modal.Volume.from_name("weights", create_if_missing=True)
secret = modal.Secret.from_name("small-secret", required_keys=["SMALL_KEY"])
notes = modal.Dict.from_name("notes", create_if_missing=True)
parcels = modal.Queue.from_name("parcels", create_if_missing=True)


class Refused(Exception):
    """Carries a number, so that a test sees that it crossed whole."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@app.function(
    image=image,
    gpu=["L4", "A10G:2"],
    secrets=[secret],
    volumes={
        "/weights": weights,
        "/bucket": modal.CloudBucketMount("media", bucket_endpoint_url="https://r2.example", secret=secret),
    },
    timeout=120,
    startup_timeout=60,
    max_containers=3,
    scaledown_window=30,
)
def report() -> dict[str, str]:
    """What this container finds around it; it leaves a file on the volume."""
    folder = Path(json.loads(os.environ["STANDIN_VOLUMES"])["/weights"])
    weights.reload()
    (folder / "left.txt").write_text(WORD)
    weights.commit()
    return {
        "word": WORD,
        "secret": os.environ["SMALL_KEY"],
        "image": os.environ["FROM_IMAGE"],
        "weights": (folder / "put.txt").read_text(),
        "container": os.environ["MODAL_TASK_ID"],
    }


@app.function()
@modal.concurrent(max_inputs=8, target_inputs=4)
async def nap(seconds: float, name: str = "") -> str:
    """Note the beginning and how it ended, wait, and say which container it was."""
    started = await notes.get.aio(f"{name} started") or 0
    await notes.put.aio(f"{name} started", started + 1)
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        await notes.put.aio(f"{name} cancelled", True)
        raise
    return os.environ["MODAL_TASK_ID"]


@app.function()
def word() -> str:
    return WORD


@app.function()
def size(data: bytes) -> bytes:
    return data[::-1]


@app.function(timeout=1)
def too_long() -> None:
    time.sleep(60)


@app.function()
async def refuse(number: int) -> None:
    raise Refused(number)


@app.function(retries=modal.Retries(max_retries=2, initial_delay=0.0, backoff_coefficient=1.0))
async def third_time() -> int:
    tries = (await notes.get.aio("tries") or 0) + 1
    await notes.put.aio("tries", tries)
    if tries < 3:
        raise Refused(tries)
    return tries


@app.function()
async def drains() -> str:
    """Answers, and lets its container take nothing more."""
    modal.experimental.stop_fetching_inputs()
    return os.environ["MODAL_TASK_ID"]


@app.function()
async def count(items: int, pause_seconds: float, fails_at: int = -1) -> AsyncIterator[bytes]:
    for index in range(items):
        if index == fails_at:
            raise Refused(index)
        yield index.to_bytes(2)
        await asyncio.sleep(pause_seconds)


@app.function()
@modal.concurrent(max_inputs=4)
async def endless() -> AsyncIterator[str]:
    """Says first which call it is, for the SDK does not tell who reads a generator; then goes on until cancelled."""
    yield modal.current_function_call_id() or ""
    while True:
        yield "more"
        await asyncio.sleep(0.02)


@app.function()
async def sort_parcels() -> int:
    """Take numbers from one partition until there is none for a while, and put their sum into another."""
    total = 0
    while (parcel := await parcels.get.aio(partition="in", timeout=5)) is not None and parcel >= 0:
        total += parcel
    await parcels.put.aio(total, partition="out")
    return total


@app.cls(enable_memory_snapshot=True, min_containers=0)
@modal.concurrent(max_inputs=4)
class Engine:
    name: str = modal.parameter()
    rate_hz: int = modal.parameter(default=24_000)

    @modal.enter(snap=True)
    def before_snapshot(self) -> None:
        self.entered = ["before"]

    @modal.enter()
    async def after_snapshot(self) -> None:
        self.entered.append("after")

    @modal.method()
    async def describe(self) -> tuple[str, int, list[str], int]:
        return self.name, self.rate_hz, self.entered, os.getpid()

    @modal.method()
    async def word(self) -> str:
        print("asked for its word")  # noqa: T201 - a test reads the log
        return WORD

    @modal.method()
    async def speak(self, blocks: int) -> AsyncIterator[bytes]:
        for _ in range(blocks):
            yield self.name.encode() * 4


@app.function()
@modal.concurrent(max_inputs=20)
@modal.asgi_app()
def site() -> object:
    from fastapi import FastAPI, Request, WebSocket
    from fastapi.responses import StreamingResponse

    web = FastAPI()

    async def slowly() -> AsyncIterator[bytes]:
        for index in range(4):
            yield b"%d" % index
            await asyncio.sleep(0.2)

    @web.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(slowly(), media_type="application/octet-stream", headers={"X-Word": WORD})

    @web.post("/turn")
    async def turn(request: Request) -> dict[str, str]:
        return {"body": (await request.body()).decode()[::-1], "query": request.url.query}

    @web.websocket("/echo")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        while True:
            await socket.send_bytes((await socket.receive_bytes())[::-1])

    return web


@app.function()
@modal.asgi_app(requires_proxy_auth=True)
def locked() -> object:
    from fastapi import FastAPI

    return FastAPI()


@app.cls()
@modal.concurrent(max_inputs=4)
class Studio:
    @modal.enter()
    def prepare(self) -> None:
        self.ready = "prepared"

    @modal.asgi_app()
    def web(self) -> object:
        from fastapi import FastAPI

        web = FastAPI()

        @web.get("/")
        def root() -> str:
            return self.ready

        return web


@app.server(port=8000, target_concurrency=1, max_containers=2, unauthenticated=True)
@modal.sessioned()
class Room:
    @modal.enter()
    def listen(self) -> None:
        import threading

        import uvicorn
        from fastapi import FastAPI, WebSocket

        web = FastAPI()
        visits: list[int] = []

        @web.websocket("/turn")
        async def turn(socket: WebSocket) -> None:
            await socket.accept()
            await socket.send_bytes((await socket.receive_bytes())[::-1])

        @web.get("/")
        def visit() -> dict[str, object]:
            visits.append(1)
            return {"container": os.environ["MODAL_TASK_ID"], "visits": len(visits)}

        config = uvicorn.Config(web, host="127.0.0.1", port=int(os.environ["PORT"]), log_config=None)
        threading.Thread(target=uvicorn.Server(config).run, daemon=True).start()
