"""The app on Modal: `modal deploy -m backline.deploy.modal_app`. docs/deploy.md has the way there.

Built from the table in the settings; a container is given the table (BACKLINE_MODAL) and so builds the same app. The
bodies are elsewhere, and imported where they run only.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar, cast

import modal
import modal.experimental

from backline.compute.on_modal import names
from backline.deploy.register import register
from backline.deploy.table import JAM_PORT, definitions, job_row, table_of
from backline.deploy.tags import tags_of
from backline.observability.logging import configure_logging
from backline.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

T = TypeVar("T")

SESSIONS = hasattr(modal, "sessioned")
SETTINGS = Settings.read().modal
DEFINITIONS = {one.name: one for one in definitions(SETTINGS, sessions=SESSIONS)}
TABLE = table_of(SETTINGS, sessions=SESSIONS)
ONE_PLANE = SETTINGS.planes == "one"

app = modal.App(
    SETTINGS.app,
    tags=tags_of(DEFINITIONS.values(), TABLE) if modal.is_local() else {},
    include_source=not __package__,  # deployed by its path this file is none of the package's
)


def settings_here(**given: Any) -> Settings:
    """Of this container, which logs as they say from here on."""
    settings = Settings.read(**given)
    configure_logging(settings.observability.log_level)
    return settings


def concurrently(name: str) -> Callable[[T], T]:
    """The decorator that lets one container have several inputs at once."""
    target, most = DEFINITIONS[name].inputs or (1, 1)
    return cast(Callable[[T], T], modal.concurrent(max_inputs=most, target_inputs=target))


async def tell_capabilities(engine: str, capabilities: Mapping[str, Any]) -> None:
    """It spares gateways a question."""
    told = modal.Dict.from_name(names.capabilities(SETTINGS.app), create_if_missing=True)
    await told.put.aio(engine, dict(capabilities))


if names.SPEECH in DEFINITIONS:

    @register(app, DEFINITIONS[names.SPEECH], TABLE)
    @concurrently(names.SPEECH)
    class Speech:
        @modal.enter(snap=SETTINGS.speech.snapshot)
        def import_engines(self) -> None:
            """Before the picture of the memory, and so without a GPU's use."""
            from backline.deploy.speech_plane import SpeechPlane

            SpeechPlane(SETTINGS.speech.engines, settings_here()).import_engines()

        @modal.enter(snap=SETTINGS.speech.snapshot and SETTINGS.speech.gpu_snapshot)
        async def load(self) -> None:
            """After the picture, unless the GPU's memory is to be in it."""
            from backline.deploy.speech_plane import SpeechPlane

            # Another one, since the picture may be older than what a secret says now.
            self.plane = SpeechPlane(SETTINGS.speech.engines, settings_here())
            await self.plane.load(modal.experimental.stop_fetching_inputs, tell_capabilities)

        @modal.exit()
        async def close(self) -> None:
            await self.plane.close()

        @modal.method()
        async def describe(self, engine: str) -> dict[str, Any]:
            return await self.plane.describe(engine)

        @modal.method()
        async def stream(self, order: dict[str, Any]) -> AsyncGenerator[bytes, None]:
            async with aclosing(self.plane.stream(order, modal.current_function_call_id() or "")) as items:
                async for item in items:
                    yield item

        @modal.asgi_app()
        def web(self) -> FastAPI:
            from backline.deploy.servers import plane_app

            return plane_app(modal.experimental.stop_fetching_inputs) if ONE_PLANE else self.plane.web()


def plane_url() -> str | None:
    return Speech().web.get_web_url() if ONE_PLANE else None


@register(app, DEFINITIONS[names.GATEWAY], TABLE)
@concurrently(names.GATEWAY)
@modal.asgi_app()
def gateway() -> FastAPI:
    from backline.deploy.servers import gateway_app

    return gateway_app(plane_url())


if names.JAM in DEFINITIONS:

    @register(app, DEFINITIONS[names.JAM], TABLE)
    @modal.sessioned()
    class Jam:
        @modal.enter(snap=SETTINGS.jam.snapshot)
        def import_server(self) -> None:
            """Before the picture of the memory."""
            importlib.import_module("backline.deploy.jam_server")

        @modal.enter()
        def start(self) -> None:
            from backline.deploy.jam_server import JamServer

            engine = {"engine": SETTINGS.jam.engine} if SETTINGS.jam.engine else {}
            self.server = JamServer(settings_here(jam=engine).jam, int(os.environ.get("PORT", JAM_PORT)))
            self.server.start()

        @modal.exit()
        def stop(self) -> None:
            self.server.stop()


async def job(operation: str, job_id: str, attempt: int, data: Mapping[str, Any]) -> dict[str, Any]:
    from backline.deploy.job_body import DictBoard, run_job

    settings_here()
    board = DictBoard(modal.Dict.from_name(names.board(SETTINGS.app), create_if_missing=True))
    return await run_job(operation, job_id, attempt, data, board, job_row(SETTINGS, operation).stall_seconds)


for one in DEFINITIONS.values():
    if one.name not in (names.GATEWAY, names.SPEECH, names.JAM):
        register(app, one, TABLE, name=one.name)(job)
