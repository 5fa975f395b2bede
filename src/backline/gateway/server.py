"""The process that serves: starts, says where it is, and goes away without cutting anybody off."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from backline.clock import monotonic
from backline.observability.logging import get_logger
from backline.realtime.sessions import Sessions
from backline.realtime.socket import MAX_MESSAGE_BYTES
from backline.settings import ServerSettings
from backline.speech.service import SpeechService
from backline.web.provide import Provided

UNSENT_BYTES = 128 * 1024
"""What the kernel takes of an answer before it can send it. By itself Linux takes up to 4 MB: minutes of sound that a
client who leaves has never got, and would pay for. What is on its way is not limited by it, so nothing gets slower."""


class Server(uvicorn.Server):
    """On the first SIGTERM or SIGINT it takes no new work, lets running streams end, and then stops; on the second it
    stops at once. It goes on answering meanwhile, so that whoever asks /health/ready hears that it is going.

    on_start: called once with the address it really listens on.
    """

    def __init__(self, app: FastAPI, settings: ServerSettings, on_start: Callable[[str], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws_max_size=MAX_MESSAGE_BYTES,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=5,
                ws_per_message_deflate=False,  # sound is compressed already, or wanted at once
            )
        )
        self._app = app
        self._drain_seconds = settings.drain_seconds
        self._on_start = on_start
        self._draining: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Raises OSError at once, before any engine is started, when the address cannot be listened on."""
        gc.collect()
        gc.freeze()  # the loaded code stays for good; to look through it for garbage takes 80 ms, in which nothing runs
        super().run(sockets or [listen(self.config.host, self.config.port)])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._loop = asyncio.get_running_loop()
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._on_start(f"http://{f'[{host}]' if ':' in host else host}:{port}")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._loop is None:
            super().handle_exit(sig, frame)
        elif self._draining is None:
            self._loop.call_soon_threadsafe(self._begin_drain, sig)
        else:
            self.force_exit = True
            self.config.timeout_graceful_shutdown = 0
            super().handle_exit(sig, frame)

    def _begin_drain(self, sig: int) -> None:
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain(sig))

    async def _drain(self, sig: int) -> None:
        provided: Provided = self._app.state.provided
        service, sessions = provided.get(SpeechService), provided.get(Sessions)
        service.drain()
        get_logger().info("server.draining", signal=signal.Signals(sig).name, streams=service.streams_in_flight)
        began = monotonic()
        try:
            async with asyncio.timeout(self._drain_seconds):
                await sessions.drain()
                await service.idle()
        except TimeoutError:
            get_logger().warning("server.drain_timeout", streams=service.streams_in_flight)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with a session, the server must end
            get_logger().error("server.drain_failed", exc_info=error)
        finally:
            # What was made must still be sent: the rest of the time is for that.
            self.config.timeout_graceful_shutdown = max(1, round(self._drain_seconds - (monotonic() - began)))
            self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A socket on the first address that `host` stands for. Raises OSError."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listening = socket.create_server(address[:2], family=family, backlog=2048)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # every connection has it from here
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    return listening
