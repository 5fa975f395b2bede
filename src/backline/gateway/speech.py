"""Speech put together: for a server, and alone for a command, which must not wait for a server's libraries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backline.compute.runner import Runner
from backline.credits.billing import free_of_charge
from backline.engines.catalog import CATALOG, EngineEntry
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
async def open_runner(settings: Settings, catalog: tuple[EngineEntry, ...]) -> AsyncIterator[Runner]:
    runner = Runner(settings.speech.workers, settings.speech.stall_seconds, catalog)
    await runner.start()
    try:
        yield runner
    finally:
        await runner.close()


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
