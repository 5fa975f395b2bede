"""Speech put together: for a server, and alone for a command, which must not wait for a server's libraries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from pydantic import SecretStr

from backline.compute.base import SpeechHost
from backline.compute.runner import OnFault, Runner, no_fault
from backline.credits.billing import free_of_charge
from backline.engines.catalog import CATALOG, EngineEntry, EngineKind
from backline.errors import Invalid
from backline.observability.metrics import Metrics, MetricsInMemory
from backline.settings import Settings
from backline.speech.plan import Planner
from backline.speech.records import RecordsInMemory, SpeechRecords
from backline.speech.render import SuperResolution
from backline.speech.service import OpenMeter, Room, SpeechService, any_room


@asynccontextmanager
async def open_speech(settings: Settings) -> AsyncIterator[SpeechService]:
    """Speech alone: no server, no rows."""
    async with open_runner(settings, CATALOG) as runner:
        yield speech_service(settings, runner, RecordsInMemory(1), MetricsInMemory())


@asynccontextmanager
async def open_runner(
    settings: Settings, catalog: tuple[EngineEntry, ...], on_fault: OnFault = no_fault
) -> AsyncIterator[Runner]:
    """Raises Invalid `no_worker_key` and `bad_worker_url`."""
    async with _engines_elsewhere(settings, catalog) as elsewhere:
        runner = Runner(settings.speech.workers, settings.speech.stall_seconds, catalog, elsewhere, on_fault)
        await runner.start()
        try:
            yield runner
        finally:
            await runner.close()


def check_speech(settings: Settings) -> None:
    """Before anything starts. Raises Invalid where a worker is named and its key is not."""
    if settings.speech.worker_url is not None and _worker_key(settings) is None:
        raise Invalid(
            "BACKLINE_SPEECH__WORKER_URL needs BACKLINE_SPEECH__WORKER_KEY: the key that the worker asks for.",
            code="no_worker_key",
        )


@asynccontextmanager
async def _engines_elsewhere(
    settings: Settings, catalog: tuple[EngineEntry, ...]
) -> AsyncIterator[Mapping[str, SpeechHost]]:
    """Who speaks in place of this process, by the engine's name."""
    url, key = settings.speech.worker_url, _worker_key(settings)
    if url is None and settings.modal.enabled:
        from backline.gateway.cloud import speech_hosts

        async with speech_hosts(settings) as hosts:
            yield hosts
        return
    if url is None:
        yield {}
        return
    check_speech(settings)
    from backline.compute.over_http import SpeechOverHttp
    from backline.compute.speech_requests import SpeechRequests

    assert key is not None
    requests = SpeechRequests(url, key.get_secret_value())
    try:
        engines = [entry.name for entry in catalog if entry.kind is EngineKind.SPEECH]
        yield {name: SpeechOverHttp(name, requests) for name in engines}
    finally:
        await requests.aclose()


def _worker_key(settings: Settings) -> SecretStr | None:
    """One worker may speak and play, and then has one key."""
    return settings.speech.worker_key or settings.jam.worker_key


def speech_service(
    settings: Settings,
    runner: Runner,
    records: SpeechRecords,
    metrics: Metrics,
    super_resolution: SuperResolution | None = None,
    room: Room = any_room,
    open_meter: OpenMeter = free_of_charge,
) -> SpeechService:
    speech = settings.speech
    return SpeechService(
        runner,
        Planner(runner, speech.engine),
        records,
        metrics,
        max_streams=speech.max_streams,
        overlap_seconds=speech.overlap_seconds,
        super_resolution=super_resolution,
        room=room,
        open_meter=open_meter,
    )
