"""Answers that are still being made while they are sent.

The status and the headers wait for the first bytes, so that a failure before them is a proper error and never a 200
with silence. From the first moment on somebody listens for the client to leave; when it does, the work is cancelled,
also before the first byte (servers report it only to whoever asks).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from starlette.background import BackgroundTask
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from backline.errors import BacklineError
from backline.observability.logging import get_logger


@dataclass(frozen=True, slots=True)
class Stream:
    """What is known once the first bytes are there. headers: sent as they are; chunks: goes on after `first`."""

    media_type: str
    headers: Mapping[str, str]
    chunks: AsyncGenerator[bytes, None]


class StreamedResponse(Response):
    """begin: makes the stream and its first bytes; what it raises becomes the answer. patience_seconds: how long a
    client may take none of what it is sent."""

    def __init__(self, begin: Callable[[], Awaitable[Stream]], patience_seconds: float) -> None:
        self.background: BackgroundTask | None = None
        self.status_code = 200
        self._begin = begin
        self._patience_seconds = patience_seconds
        self._describe: Callable[[BacklineError], Response] | None = None

    def translated(
        self,
        *,
        describe: Callable[[BacklineError], Response] | None = None,
        frame: Callable[[Stream], Stream] | None = None,
    ) -> StreamedResponse:
        """The same answer in another API's words. describe: a failure before the first bytes; frame: the stream."""
        begin = self._begin

        async def framed() -> Stream:
            stream = await begin()
            return frame(stream) if frame else stream

        other = StreamedResponse(framed, self._patience_seconds)
        other._describe = describe or self._describe
        return other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answering = asyncio.current_task()
        assert answering is not None
        watching = asyncio.create_task(_when_client_leaves(receive, answering.cancel))
        try:
            await self._answer(scope, receive, send)
        except asyncio.CancelledError:
            if not watching.done():  # somebody else ends this task, the server for one
                raise
            answering.uncancel()
        finally:
            watching.cancel()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            stream = await self._begin()
        except BacklineError as error:
            if self._describe is None:
                raise
            await self._describe(error)(scope, receive, send)
            return
        async with aclosing(stream.chunks) as chunks:
            chunk = await anext(chunks, b"")  # from here on the generator has begun, so that closing it cleans up
            await send({"type": "http.response.start", "status": self.status_code, "headers": _raw_headers(stream)})
            try:
                await self._send_all(chunk, chunks, send)
            except (BacklineError, TimeoutError) as error:
                # The status is gone. Ending without the last chunk tells the client that this is not the whole.
                get_logger().warning("web.stream_broken", reason=type(error).__name__)
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, chunk: bytes, chunks: AsyncGenerator[bytes, None], send: Send) -> None:
        """Raises TimeoutError when the client does not take a chunk in time."""
        now = asyncio.get_running_loop().time
        async with asyncio.timeout(None) as patience:  # one for all chunks, running only while one is sent
            while chunk:
                patience.reschedule(now() + self._patience_seconds)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                patience.reschedule(None)
                chunk = await anext(chunks, b"")


def _raw_headers(stream: Stream) -> list[tuple[bytes, bytes]]:
    headers = {"content-type": stream.media_type, **stream.headers}
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


async def _when_client_leaves(receive: Receive, stop: Callable[[], object]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stop()
