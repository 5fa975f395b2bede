"""Exports put together, for whoever serves and for whoever only works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backline.assets.service import Assets
from backline.compute.remote import Remote
from backline.credits.ledger import Ledger
from backline.credits.pricing import Pricing
from backline.db.database import Database
from backline.exports.elsewhere import RenderElsewhere
from backline.exports.films import Films
from backline.exports.kind import ExportKind
from backline.exports.scratch import Scratch
from backline.exports.service import Exports
from backline.exports.work import RenderWork
from backline.jobs.kinds import InProcess, JobKind
from backline.jobs.leftovers import Leftovers
from backline.jobs.queue import Jobs
from backline.settings import ExportsSettings
from backline.storage.base import Storage


def export_kind_of(
    settings: ExportsSettings,
    parts: Mapping[type[Any], Any],
    leftovers: Leftovers,
    scratch: Scratch,
    kept_days: float,
    remote: Remote | None = None,
) -> JobKind:
    """The job. remote: who renders; None: this machine."""
    ground = (parts[Assets], parts[Ledger], parts[Pricing].export, leftovers)
    if remote is None:
        here = RenderWork(parts[Storage], scratch, settings.stall_seconds)
        return ExportKind(*ground, InProcess(here.render), kept_days).kind
    elsewhere = RenderElsewhere(parts[Storage], remote)
    return ExportKind(*ground, elsewhere.work, kept_days, elsewhere.store).kind


def exports_of(settings: ExportsSettings, database: Database, jobs: Jobs, parts: Mapping[type[Any], Any]) -> Exports:
    """What the routes need."""
    assets: Assets = parts[Assets]
    return Exports(database, jobs, assets, Films(assets, parts[Storage]), settings)
