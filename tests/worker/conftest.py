"""The worker's application, asked as a gateway asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from backline.engines.catalog import CATALOG, EngineEntry
from backline.settings import JamSettings
from backline.worker.app import create_worker
from tests.processes.jam_worker import KEY


@asynccontextmanager
async def open_worker(catalog: tuple[EngineEntry, ...] = CATALOG, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client that shows the key. The engine is the metronome, unless the settings say otherwise."""
    app = create_worker(JamSettings(**{"worker_key": KEY, "engine": "metronome", **settings}), catalog)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://worker", headers={"X-API-Key": KEY}) as client,
    ):
        yield client


@pytest.fixture
async def worker() -> AsyncIterator[httpx.AsyncClient]:
    async with open_worker() as client:
        yield client


@pytest.fixture
async def session(worker: httpx.AsyncClient) -> str:
    """A warm one."""
    answer = await worker.post("/warmup", data={"session_id": "jam_test"})
    session: str = answer.json()["session_id"]
    return session
