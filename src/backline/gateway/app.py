"""The gateway as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from fastapi import FastAPI

from backline.accounts import keys_router
from backline.accounts import router as accounts
from backline.accounts.assembly import check
from backline.assets import links, uploads
from backline.assets import router as files
from backline.compat import openai
from backline.compute.jam_in_process import check_jam
from backline.compute.runner import OnFault, no_fault
from backline.credits import router as credits
from backline.engines.catalog import CATALOG, EngineEntry, find
from backline.exports import router as exports
from backline.exports import socket as exports_socket
from backline.gateway import description, health, metrics
from backline.gateway.cloud import check_cloud, jams_are_on_modal
from backline.gateway.files import check_files
from backline.gateway.services import open_services, scratch_folder
from backline.gateway.speech import check_speech
from backline.jam import router as jam
from backline.jam import socket as jam_socket
from backline.jobs import router as jobs
from backline.jobs import socket as jobs_socket
from backline.jobs.kinds import JobKind
from backline.release import VERSION
from backline.settings import Settings
from backline.speech import account_router as speech_account
from backline.speech import jobs_router as speech_jobs
from backline.speech import router as speech
from backline.speech import socket as speech_socket
from backline.speech import voices_router
from backline.speech.render import SuperResolution
from backline.speech.service import SpeechService
from backline.studio.router import add_studio
from backline.web.addresses import ForwardedMiddleware, TrustedProxies
from backline.web.cors import add_cors
from backline.web.middleware import RequestMiddleware
from backline.web.problems import add_problem_handlers

ROUTERS = (
    speech.router,
    speech_account.router,
    speech_jobs.router,
    voices_router.router,
    openai.router,
    speech_socket.router,
    accounts.router,
    keys_router.router,
    credits.router,
    files.router,
    uploads.router,
    links.router,
    jobs.router,
    jobs.streams,
    jobs_socket.router,
    exports.router,
    exports_socket.router,
    jam.router,
    jam_socket.router,
    health.router,
    metrics.router,
    description.router,
)


def create_app(
    settings: Settings,
    catalog: tuple[EngineEntry, ...] = CATALOG,
    super_resolution: SuperResolution | None = None,
    job_kinds: tuple[JobKind, ...] = (),
    on_fault: OnFault = no_fault,
) -> FastAPI:
    """Routes and middleware; the services come up with the server and go down with it (`app.state.provided`)."""

    _check(settings, catalog)
    passing_on: Callable[[], AbstractAsyncContextManager[None]] = nullcontext

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        scratch_folder(settings).mkdir(parents=True, exist_ok=True)
        async with passing_on(), open_services(settings, catalog, super_resolution, job_kinds, on_fault) as provided:
            app.state.provided = provided
            await provided.get(SpeechService).warm_up()
            yield

    app = FastAPI(
        title="Backline",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,  # they load their scripts from elsewhere
        redoc_url=None,
        openapi_url=None,  # FastAPI's own would be open to everybody; ours is in `description`
    )
    for router in ROUTERS:
        app.include_router(router)
    add_studio(app)
    add_problem_handlers(app)
    if settings.speech.plane_url is not None:
        from backline.gateway.relay import add_relay  # its library takes 80 ms, and nobody else wants it

        passing_on = add_relay(app, settings.speech.plane_url, settings.speech.stall_seconds)
    app.add_middleware(
        RequestMiddleware,
        max_body_bytes=settings.server.max_body_bytes,
        # their own limits: what was declared, what was signed, and room for a million characters
        unlimited=(f"{uploads.PREFIX}/", links.PREFIX, speech_jobs.PATH, *exports.FORMS, *jam.FORMS),
    )
    add_cors(app, settings.server.cors_origins)
    if settings.server.trusted_proxies:
        app.add_middleware(ForwardedMiddleware, proxies=TrustedProxies(settings.server.trusted_proxies))
    return app


def _check(settings: Settings, catalog: tuple[EngineEntry, ...]) -> None:
    """What could not work is refused before anything starts."""
    if settings.speech.engine is not None:
        find(settings.speech.engine, catalog)
    check(settings.accounts)
    check_files(settings.storage)
    check_cloud(settings)
    if not jams_are_on_modal(settings):
        check_jam(settings.jam)
    check_speech(settings)
