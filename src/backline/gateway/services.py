"""The composition root: every part is made here, by hand, and handed to whoever needs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from backline.accounts.loopback import LoopbackGate
from backline.compute.runner import Runner
from backline.db.database import Database
from backline.engines.catalog import CATALOG, EngineEntry
from backline.gateway.metrics import MetricsAccess
from backline.migrations.schema import require_current, upgrade
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
    database = await open_database(settings)
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
                Database: database,
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
        await database.close()


async def open_database(settings: Settings) -> Database:
    """The database, with the schema of this code. Our own file is brought forward on the way; a Postgres is not: there
    an operator says when. Raises SchemaMismatch."""
    address = settings.database_address
    database = Database.open(
        address, pool_size=settings.database.pool_size, synchronous=settings.database.sqlite_synchronous
    )
    fit = upgrade if database.dialect == "sqlite" else require_current
    await asyncio.to_thread(fit, address)
    return database


def scratch_folder(settings: Settings) -> Path:
    """Where answers wait that are too large for memory. Whoever serves makes it."""
    return settings.server.data_dir / "tmp"
