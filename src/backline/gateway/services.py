"""The composition root: every part is made here, by hand, and handed to whoever needs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from backline.accounts.assembly import open_accounts
from backline.accounts.limits import CallerLimits
from backline.assets.repository import delete_user_data as delete_files
from backline.assets.service import Assets
from backline.clock import utc_now
from backline.compute.runner import OnFault, no_fault
from backline.credits.billing import Billing
from backline.credits.ledger import Ledger
from backline.credits.pricing import Pricing, micro_of
from backline.credits.service import Credits
from backline.db.database import Database, Tx
from backline.engines.catalog import CATALOG, EngineEntry
from backline.exports.assembly import export_kind_of, exports_of
from backline.exports.repository import delete_user_data as delete_exports
from backline.exports.scratch import Scratch
from backline.exports.service import Exports
from backline.gateway.cloud import remote_jobs
from backline.gateway.files import open_files
from backline.gateway.jam import open_live_jams
from backline.gateway.limits import open_limits
from backline.gateway.metrics import MetricsAccess
from backline.gateway.speech import open_runner, speech_service
from backline.jam.repository import delete_user_data as delete_jams
from backline.jobs.assembly import open_jobs
from backline.jobs.figures import Census
from backline.jobs.kinds import JobKind
from backline.jobs.leftovers import Leftovers
from backline.jobs.queue import Jobs
from backline.jobs.repository import delete_user_data as delete_jobs
from backline.migrations.schema import require_current, upgrade
from backline.observability.metrics import Metrics, MetricsInMemory, PrometheusMetrics
from backline.realtime.sessions import Sessions
from backline.settings import Settings, SpeechSettings
from backline.speech.assembly import long_speech_of, open_speech_store, speech_of_accounts
from backline.speech.casting import Casting
from backline.speech.long_orders import LongOrders
from backline.speech.record_writer import RecordsInDatabase
from backline.speech.render import SuperResolution
from backline.speech.replies import SpeechReplies
from backline.speech.repository import delete_user_data as delete_speech
from backline.speech.service import SpeechService
from backline.storage.base import Storage
from backline.web.provide import Provided


@asynccontextmanager
async def open_services(
    settings: Settings,
    catalog: tuple[EngineEntry, ...] = CATALOG,
    super_resolution: SuperResolution | None = None,
    job_kinds: tuple[JobKind, ...] = (),
    on_fault: OnFault = no_fault,
) -> AsyncIterator[Provided]:
    """Everything that runs, while it runs; closed in the opposite order."""
    speech = settings.speech
    folder = scratch_folder(settings)
    metrics = PrometheusMetrics()
    async with (
        open_database(settings) as database,
        open_credits(settings, database, metrics) as credits,
        open_accounts(settings, database, [credits[Credits].welcome], [forget_user]) as accounts,
        open_limits(settings, metrics) as limits,
        open_speech_store(speech, database, metrics) as kept,
        open_runner(settings, catalog, on_fault) as runner,
        open_files(settings, database) as files,
        open_live_jams(settings, database, runner, credits, metrics) as jams,
    ):
        billing, pricing = credits[Billing], credits[Pricing]
        service = speech_service(
            settings,
            runner,
            kept[RecordsInDatabase],
            metrics,
            super_resolution,
            limits.stream,
            lambda caller, estimate: billing.open(caller, pricing.speech, estimate),
        )
        of_accounts = speech_of_accounts(database, service.planner)
        casting = of_accounts[Casting]
        parts = {**accounts, **credits, **files, **jams, **kept, **of_accounts}
        async with _open_work(settings, database, service, parts, metrics, job_kinds) as jobs:
            yield Provided(
                {
                    **parts,
                    **jobs,
                    CallerLimits: limits,
                    Database: database,
                    Sessions: Sessions(),
                    MetricsAccess: MetricsAccess(metrics, settings.observability.metrics_token, jobs[Census].look),
                    LongOrders: LongOrders(database, jobs[Jobs], files[Assets], casting, service.planner, runner),
                    SpeechReplies: SpeechReplies(service, casting, runner, folder, speech.stall_seconds),
                    SpeechService: service,
                    SpeechSettings: speech,
                }
            )


@asynccontextmanager
async def open_job_loop(
    settings: Settings, catalog: tuple[EngineEntry, ...] = CATALOG, job_kinds: tuple[JobKind, ...] = ()
) -> AsyncIterator[Mapping[type[Any], Any]]:
    """The loop alone, for machines that only work."""
    metrics = PrometheusMetrics()  # nobody asks, but it does not grow
    async with (
        open_database(settings) as database,
        open_credits(settings, database, metrics, running=False) as credits,
        open_speech_store(settings.speech, database, metrics) as kept,
        open_runner(settings, catalog) as runner,
        open_files(settings, database, sweeping=False) as files,
    ):
        service = speech_service(settings, runner, kept[RecordsInDatabase], metrics)
        parts = {**credits, **files, **kept}
        async with _open_work(settings, database, service, parts, metrics, job_kinds, loop=True) as jobs:
            yield jobs


@asynccontextmanager
async def _open_work(
    settings: Settings,
    database: Database,
    service: SpeechService,
    parts: Mapping[type[Any], Any],
    metrics: Metrics,
    job_kinds: tuple[JobKind, ...],
    *,
    loop: bool | None = None,
) -> AsyncIterator[dict[type[Any], Any]]:
    """Jobs of every kind that there is; loop: as for `open_jobs`."""
    folder = scratch_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    leftovers, kept_days = Leftovers(parts[Storage]), settings.storage.results_kept_days
    long_speech = long_speech_of(database, parts, service, leftovers, folder, kept_days)
    scratch = Scratch(folder / "exports")
    await scratch.sweep()
    async with remote_jobs(settings) as remote:
        export = export_kind_of(settings.exports, parts, leftovers, scratch, kept_days, remote)
        kinds = (long_speech.kind, export, *job_kinds)
        async with (
            open_jobs(settings.jobs, database, kinds, metrics, loop=loop) as jobs,
            leftovers.removed(jobs[Jobs]),
        ):
            yield {**jobs, Exports: exports_of(settings.exports, database, jobs[Jobs], parts)}


@asynccontextmanager
async def open_administration(settings: Settings) -> AsyncIterator[Mapping[type[Any], Any]]:
    """Users, keys and credit, for a command: no server, no engines."""
    settings.server.data_dir.mkdir(parents=True, exist_ok=True)
    async with (
        open_database(settings) as database,
        open_credits(settings, database, MetricsInMemory(), running=False) as credits,
        open_accounts(settings, database, [credits[Credits].welcome], [forget_user]) as accounts,
    ):
        yield {**accounts, **credits}


async def forget_user(tx: Tx, user_id: str) -> None:
    """With a user goes all that is theirs but the ledger, which is never changed: it knows an id, and no name."""
    now = utc_now()
    await delete_speech(tx, user_id, now)
    await delete_files(tx, user_id, now)
    await delete_exports(tx, user_id)
    await delete_jobs(tx, user_id, now)
    await delete_jams(tx, user_id)


@asynccontextmanager
async def open_credits(
    settings: Settings, database: Database, metrics: Metrics, *, running: bool = True
) -> AsyncIterator[dict[type[Any], Any]]:
    """running: whether holds are ticked and swept meanwhile."""
    rules = settings.credits
    ledger = Ledger(hold_seconds=rules.hold_seconds, top_up_url=rules.top_up_url)
    billing = Billing(database, ledger, metrics, tick_seconds=rules.tick_seconds)
    if running:
        billing.start()
    try:
        yield {
            Billing: billing,
            Credits: Credits(database, ledger, welcome=micro_of(rules.welcome_seconds)),
            Ledger: ledger,
            Pricing: Pricing.of(rules),
        }
    finally:
        await billing.stop()


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """The database, with the schema of this code (`fit_schema`)."""
    database = Database.open(
        settings.database_address,
        pool_size=settings.database.pool_size,
        synchronous=settings.database.sqlite_synchronous,
    )
    await asyncio.to_thread(fit_schema, settings)
    try:
        yield database
    finally:
        await database.close()


def fit_schema(settings: Settings) -> None:
    """Bring our own file forward; require it of a Postgres, where an operator says when. Raises SchemaMismatch."""
    if settings.database.url is None:
        upgrade(settings.database_address)
    else:
        require_current(settings.database_address)


def scratch_folder(settings: Settings) -> Path:
    """Where answers wait that are too large for memory. Whoever serves makes it."""
    return settings.server.data_dir / "tmp"
