"""The worker as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr

from backline.compute.jam_in_process import jam_engine, open_jam_host
from backline.compute.runner import Runner
from backline.engines.catalog import CATALOG, EngineEntry
from backline.errors import Invalid
from backline.observability.metrics import PrometheusMetrics
from backline.release import VERSION
from backline.settings import JamSettings, SpeechSettings
from backline.web.middleware import RequestMiddleware
from backline.web.provide import Provided
from backline.worker import router as jam_router
from backline.worker import speech_router, state_router
from backline.worker.duties import Duties, Duty
from backline.worker.replies import add_failure_handlers
from backline.worker.sessions import WorkerSessions
from backline.worker.speech import WorkerSpeech, open_worker_speech


def create_worker(
    jam: JamSettings | None,
    catalog: tuple[EngineEntry, ...] = CATALOG,
    *,
    speech: SpeechSettings | None = None,
    runner: Runner | None = None,
) -> FastAPI:
    """jam, speech: what it does, each None for nothing; either's key opens it. runner: whose engines speak; it stays
    open afterwards. None makes one that is the worker's own.

    Raises Invalid without a key, since anybody could play on it, and what `jam_engine` raises.
    """
    keys = _keys(jam, speech)
    if jam is not None:
        jam_engine(jam.engine, catalog)  # a name that means nothing is refused before anything starts

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _open_parts(jam, speech, catalog, runner) as app.state.provided:
            yield

    app = FastAPI(
        title="Backline worker",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.keys = keys
    app.include_router(state_router.open_router)
    app.include_router(state_router.router)
    if jam is not None:
        app.include_router(jam_router.router)
    if speech is not None:
        app.include_router(speech_router.router)
    add_failure_handlers(app)
    app.add_middleware(RequestMiddleware, max_body_bytes=0, unlimited=("/",))  # each form has a limit of its own
    return app


@asynccontextmanager
async def _open_parts(
    jam: JamSettings | None, speech: SpeechSettings | None, catalog: tuple[EngineEntry, ...], runner: Runner | None
) -> AsyncIterator[Provided]:
    async with AsyncExitStack() as stack:
        metrics = PrometheusMetrics()
        parts: dict[type[Any], Any] = {PrometheusMetrics: metrics}
        own: list[Duty] = []
        if jam is not None:
            sessions = WorkerSessions(await stack.enter_async_context(open_jam_host(jam, catalog)), metrics)
            parts[WorkerSessions] = sessions
            own.append(sessions)
        duties = parts[Duties] = Duties(own)
        if speech is not None:
            spoken = await stack.enter_async_context(open_worker_speech(speech, metrics, catalog, runner))
            spoken.on_fault = duties.fault
            parts[WorkerSpeech] = spoken
            own.append(spoken)
        yield Provided(parts)


def _keys(jam: JamSettings | None, speech: SpeechSettings | None) -> tuple[str, ...]:
    known: list[SecretStr | None] = [group.worker_key for group in (jam, speech) if group is not None]
    keys = tuple(key.get_secret_value() for key in known if key is not None)
    if not keys:
        raise Invalid(
            "The worker needs a key that its callers show. Set BACKLINE_JAM__WORKER_KEY to a secret of at least 16 "
            "characters, here and on the gateway.",
            code="no_worker_key",
        )
    return keys
