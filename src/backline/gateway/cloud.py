"""Work on Modal's machines, as far as the gateway knows of it: whether it may be asked for, and by whom it is done."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from backline.compute.base import JamLink, SpeechHost
from backline.compute.jam_in_process import open_jam_link
from backline.compute.remote import Remote
from backline.errors import Invalid
from backline.settings import Settings


def check_cloud(settings: Settings) -> None:
    """Before anything starts. Raises Invalid, which says what is missing, when Modal is asked for and could not work:
    what it makes goes to a bucket, by links, and is told under an address that everybody reaches."""
    if not settings.modal.enabled:
        return
    _require_sdk()
    from backline.compute.on_modal.connection import has_credentials

    if not has_credentials():
        raise _refused("there are no credentials. Set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET", "no_modal_credentials")
    if settings.storage.bucket is None:
        raise _refused(
            "files are kept in a local folder, which Modal's machines cannot reach. Set R2_BUCKET_NAME, "
            "R2_ENDPOINT_URL, R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY",
            "modal_needs_bucket",
        )
    if settings.server.public_url is None:
        raise _refused(
            "nobody knows where clients reach this server. Set BACKLINE_SERVER__PUBLIC_URL", "modal_needs_public_url"
        )
    if jams_are_on_modal(settings) and settings.jam.worker_key is None:
        raise Invalid(
            "Jams on Modal need the key that their workers ask for. Set BACKLINE_JAM__WORKER_KEY (or DARIUS_API_KEY), "
            "here and in the workers' secret; or set BACKLINE_MODAL__JAM__ENABLED=false to play them elsewhere.",
            code="no_worker_key",
        )


@asynccontextmanager
async def remote_jobs(settings: Settings) -> AsyncIterator[Remote | None]:
    """Who does jobs that need not run here; None: nobody else."""
    if not settings.modal.enabled:
        yield None
        return
    from backline.compute.on_modal.calls import ModalCalls
    from backline.compute.on_modal.connection import ModalApp

    async with ModalApp(settings.modal) as app, ModalCalls(app) as calls:
        yield calls


@asynccontextmanager
async def speech_hosts(settings: Settings) -> AsyncIterator[Mapping[str, SpeechHost]]:
    """Engines that speak there in place of this process, by name; whoever has them closes them. In one plane there are
    none: the routes of speech pass to another server."""
    row = settings.modal.speech
    if not settings.modal.enabled or settings.modal.planes == "one":
        yield {}
        return
    from backline.compute.on_modal.connection import ModalApp
    from backline.compute.on_modal.speech import SpeechOnModal

    async with ModalApp(settings.modal) as app:
        yield {name: SpeechOnModal(name, app, row.queue_limit) for name in row.engines}


def jams_are_on_modal(settings: Settings) -> bool:
    """A worker that is named goes before the table."""
    return settings.modal.enabled and settings.modal.jam.enabled and settings.jam.worker_url is None


@asynccontextmanager
async def jam_link(settings: Settings) -> AsyncIterator[JamLink]:
    """To whoever plays live jams: Modal, or as the group `jam` says."""
    if not jams_are_on_modal(settings):
        async with open_jam_link(settings.jam) as local:
            yield local
        return
    from backline.compute.on_modal.connection import ModalApp
    from backline.compute.on_modal.jam import JamOnModal

    async with ModalApp(settings.modal) as app:
        link = JamOnModal(app, settings.modal.jam, settings.jam)
        try:
            yield link
        finally:
            await link.aclose()


def _require_sdk() -> None:
    if importlib.util.find_spec("modal") is None:
        raise _refused("its library is not installed. Install it with: pip install 'backline[modal]'", "no_modal_sdk")


def _refused(reason: str, code: str) -> Invalid:
    return Invalid(f"MODAL_ENABLED is true, but {reason}; or set MODAL_ENABLED=false to work here.", code=code)
