"""A gate in front of a file store, at which a test lets requests stand: whoever reads or writes there is caught in the
middle, wherever it runs and whatever it is made of."""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType

from aiohttp import ClientSession, web
from yarl import URL

_HOP = {"connection", "transfer-encoding", "keep-alive"}


@dataclass
class Held:
    """The first request of a method to a path that the pattern is found in; those after it pass."""

    method: str
    pattern: re.Pattern[str]
    came: threading.Event = field(default_factory=threading.Event)
    may_pass: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Until somebody stands at the gate."""
        assert self.came.wait(40), f"nobody came to {self.method} {self.pattern.pattern}"

    def release(self) -> None:
        self.may_pass.set()

    def holds(self, request: web.Request) -> bool:
        return request.method == self.method and bool(self.pattern.search(request.path)) and not self.came.is_set()


class StoreGate:
    """url: of the gate, which speaks for the store at `endpoint`. passed: each request that went through, with the
    status of its answer."""

    def __init__(self, endpoint: str) -> None:
        self.url = ""
        self.passed: list[tuple[str, str, int]] = []
        self._endpoint = endpoint
        self._held: list[Held] = []
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._address: Future[str] = Future()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()), name="store-gate")

    def __enter__(self) -> StoreGate:
        self._thread.start()
        self.url = self._address.result(20)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for held in self._held:
            held.release()
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)
        self._loop.close()

    def hold(self, method: str, pattern: str) -> Held:
        held = Held(method, re.compile(pattern))
        self._held.append(held)
        return held

    def count(self, method: str, pattern: str, status: int = 200) -> int:
        """How many such requests passed and were answered so."""
        return sum(
            (method, status) == (one, answer) and bool(re.search(pattern, path)) for one, path, answer in self.passed
        )

    async def _serve(self) -> None:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", self._pass)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)  # who is gone stands here no more
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        async with ClientSession(auto_decompress=False) as self._session:
            self._address.set_result(f"http://127.0.0.1:{runner.addresses[0][1]}")
            await self._end.wait()
            await runner.cleanup()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        for held in [held for held in self._held if held.holds(request)]:
            held.came.set()
            while not held.may_pass.is_set():
                await asyncio.sleep(0.01)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        address = URL(self._endpoint + request.raw_path, encoded=True)
        async with self._session.request(
            request.method, address, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            self.passed.append((request.method, request.path, answer.status))
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
            return web.Response(status=answer.status, headers=kept, body=await answer.read() or None)
