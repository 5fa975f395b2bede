"""A worker that listens, in a thread of this process: with engines that misbehave on purpose."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from backline.engines.catalog import EngineEntry
from backline.settings import SpeechSettings
from backline.worker.app import create_worker
from backline.worker.server import WorkerServer
from backline.worker.speech import WorkerSpeech
from tests.processes.jam_worker import KEY


@dataclass
class Serving:
    """address: where it listens. server: ends by itself when a GPU is broken."""

    address: str
    server: WorkerServer
    thread: threading.Thread
    speech: WorkerSpeech


@contextmanager
def serving_worker(*catalog: EngineEntry, port: int = 0, **settings: Any) -> Iterator[Serving]:
    """It speaks, and plays no jams. settings: of the group `speech`."""
    app = create_worker(None, catalog, speech=SpeechSettings(**{"worker_key": KEY, "workers": 1, **settings}))
    started = threading.Event()
    addresses: list[str] = []

    def on_start(address: str) -> None:
        addresses.append(address)
        started.set()

    server = WorkerServer(app, "127.0.0.1", port, on_start, drain_seconds=5.0)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    assert started.wait(30), "the worker did not start"
    try:
        yield Serving(addresses[0], server, thread, app.state.provided.get(WorkerSpeech))
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive(), "the worker did not stop"
