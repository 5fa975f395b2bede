"""The worker's process: starts, says where it is, and closes its sessions before it goes."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from backline.observability.logging import get_logger
from backline.web.provide import Provided
from backline.worker.duties import Duties


class WorkerServer(uvicorn.Server):
    """On the first SIGTERM or SIGINT it takes no new work, lets what is spoken end, closes its sessions, and goes on
    answering until each one's figures were asked for, or `drain_seconds` are over; on the second it stops at once.
    It goes in the same way when a GPU is broken.

    on_start: called once with the address it really listens on. faulted: whether that was why it went.
    """

    def __init__(
        self, app: FastAPI, host: str, port: int, on_start: Callable[[str], None], drain_seconds: float = 30.0
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=5,
            )
        )
        self.faulted = False
        self._app = app
        self._on_start = on_start
        self._drain_seconds = drain_seconds
        self._draining: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Raises OSError at once when the address cannot be listened on."""
        super().run(sockets or [_listen(self.config.host, self.config.port)])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._loop = asyncio.get_running_loop()
            provided: Provided = self._app.state.provided
            provided.get(Duties).on_fault = self._fault
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._on_start(f"http://{f'[{host}]' if ':' in host else host}:{port}")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._loop is None:
            super().handle_exit(sig, frame)
        elif self._draining is None:
            self._loop.call_soon_threadsafe(self._begin_drain, signal.Signals(sig).name)
        else:
            self.force_exit = True
            super().handle_exit(sig, frame)

    def _fault(self) -> None:
        self.faulted = True
        self._begin_drain("gpu_fault")

    def _begin_drain(self, reason: str) -> None:
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain(reason))

    async def _drain(self, reason: str) -> None:
        provided: Provided = self._app.state.provided
        duties = provided.get(Duties)
        get_logger().info("worker.draining", reason=reason, running=duties.count)
        try:
            async with asyncio.timeout(self._drain_seconds):
                await duties.drain()
        except TimeoutError:
            get_logger().warning("worker.drain_timeout", running=duties.count)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with a session, the worker must end
            get_logger().error("worker.drain_failed", exc_info=error)
        finally:
            self.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server(address[:2], family=family, backlog=2048)
