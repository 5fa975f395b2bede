"""The body behind the server of live jams: the worker's API on a port, for one session at a time."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import suppress

from fastapi import FastAPI

from backline.engines.jam.host import JamHost
from backline.errors import BacklineError, Unavailable
from backline.settings import JamSettings
from backline.web.provide import Provided
from backline.worker.app import create_worker
from backline.worker.server import WorkerServer
from backline.worker.sessions import WorkerSessions

START_SECONDS = 30.0

_EVERYWHERE = "0.0.0.0"  # noqa: S104 - requests enter the container from outside; the key guards it


class JamServer:
    """Its event loop is in a thread of its own, since the container's program has the main one.

    settings: of the group `jam`; `max_sessions` is 1 whatever they say. port: where requests enter. drain_seconds: how
    long, at the end, its sessions' last figures can still be asked for.

        def enter(self): self.server = JamServer(settings, port); self.server.start()
        def exit(self): self.server.stop()
    """

    def __init__(self, settings: JamSettings, port: int, *, drain_seconds: float = 15.0) -> None:
        self._app: FastAPI = create_worker(settings.model_copy(update={"max_sessions": 1}))
        self._ready = threading.Event()
        self._server = WorkerServer(self._app, _EVERYWHERE, port, self._on_start, drain_seconds)
        self._loading: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="jam-server", daemon=True)
        self._problem: BaseException | None = None
        self._patience_seconds = drain_seconds + 10

    def start(self) -> None:
        """Returns when it answers; its engine is loaded meanwhile, so that a container that is kept warm is. Raises
        Unavailable when it does not come up."""
        self._thread.start()
        if not self._ready.wait(START_SECONDS) or self._problem is not None:
            raise Unavailable("The jam server did not start.", code="worker_failed") from self._problem

    def stop(self) -> None:
        """Close its sessions, tell their last figures to whoever asks, and end. Again: at once."""
        if self._thread.is_alive():
            self._server.handle_exit(signal.SIGTERM, None)
            self._thread.join(self._patience_seconds)

    def _on_start(self, _address: str) -> None:
        self._loading = asyncio.create_task(self._load())
        self._ready.set()

    async def _load(self) -> None:
        provided: Provided = self._app.state.provided
        host = provided.get(WorkerSessions).link
        assert isinstance(host, JamHost)
        with suppress(BacklineError):  # its first session tries again, and is told
            await host.load()

    def _run(self) -> None:
        try:
            self._server.run()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - raised in the thread that waits for it
            self._problem = error
        finally:
            self._ready.set()
