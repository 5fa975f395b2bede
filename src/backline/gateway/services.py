"""The composition root: every part is made here, by hand, and handed to whoever needs it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from backline.accounts.loopback import LoopbackGate
from backline.compute.runner import Runner
from backline.engines.catalog import CATALOG, EngineEntry
from backline.gateway.metrics import MetricsAccess
from backline.observability.metrics import PrometheusMetrics
from backline.realtime.sessions import Sessions
from backline.settings import Settings, SpeechSettings
from backline.speech.plan import Planner
from backline.speech.records import RecordsInMemory
from backline.speech.render import SuperResolution
from backline.speech.replies import SpeechReplies
from backline.speech.service import SpeechService
from backline.web.provide import Provided


@asynccontextmanager
async def open_services(
    settings: Settings,
    catalog: tuple[EngineEntry, ...] = CATALOG,
    super_resolution: SuperResolution | None = None,
) -> AsyncIterator[Provided]:
    """Everything that runs, while it runs; closed in the opposite order."""
    speech = settings.speech
    folder = scratch_folder(settings)
    metrics = PrometheusMetrics()
    runner = Runner(speech.workers, speech.stall_seconds, catalog)
    gate = LoopbackGate(bound_to_loopback=settings.server.bound_to_loopback)
    await runner.start()
    try:
        service = SpeechService(
            runner,
            Planner(runner, speech.engine),
            RecordsInMemory(speech.records_kept),
            metrics,
            max_streams=speech.max_streams,
            overlap_seconds=speech.overlap_seconds,
            super_resolution=super_resolution,
        )
        yield Provided(
            {
                LoopbackGate: gate,
                Sessions: Sessions(),
                MetricsAccess: MetricsAccess(metrics, settings.observability.metrics_token),
                SpeechReplies: SpeechReplies(service, runner, folder, speech.stall_seconds),
                SpeechService: service,
                SpeechSettings: speech,
            }
        )
    finally:
        await runner.close()


def scratch_folder(settings: Settings) -> Path:
    """Where answers wait that are too large for memory. Whoever serves makes it."""
    return settings.server.data_dir / "tmp"
