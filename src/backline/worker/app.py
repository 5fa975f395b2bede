"""The worker as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from backline.compute.jam_in_process import jam_engine, open_jam_host
from backline.engines.catalog import CATALOG, EngineEntry
from backline.errors import Invalid
from backline.observability.metrics import PrometheusMetrics
from backline.release import VERSION
from backline.settings import JamSettings
from backline.web.middleware import RequestMiddleware
from backline.web.provide import Provided
from backline.worker.replies import add_failure_handlers
from backline.worker.router import open_router, router
from backline.worker.sessions import WorkerSessions


def create_worker(settings: JamSettings, catalog: tuple[EngineEntry, ...] = CATALOG) -> FastAPI:
    """Raises Invalid without a key, since anybody could play on it, and what `jam_engine` raises."""
    if settings.worker_key is None:
        raise Invalid(
            "The worker needs a key that its callers show. Set BACKLINE_JAM__WORKER_KEY to a secret of at least 16 "
            "characters, here and on the gateway.",
            code="no_worker_key",
        )
    jam_engine(settings.engine, catalog)  # a name that means nothing is refused before anything starts

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        metrics = PrometheusMetrics()
        async with open_jam_host(settings, catalog) as host:
            sessions = WorkerSessions(host, metrics)
            app.state.provided = Provided({WorkerSessions: sessions, PrometheusMetrics: metrics})
            yield

    app = FastAPI(
        title="Backline worker",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.key = settings.worker_key.get_secret_value()
    app.include_router(open_router)
    app.include_router(router)
    add_failure_handlers(app)
    app.add_middleware(RequestMiddleware, max_body_bytes=0, unlimited=("/",))  # each form has a limit of its own
    return app
