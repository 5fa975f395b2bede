"""Live jams, played here or by a worker, as the settings want it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from backline.compute.base import Compute
from backline.db.database import Database
from backline.gateway.cloud import jam_link, jams_are_on_modal
from backline.jam.assembly import open_jam
from backline.observability.metrics import Metrics
from backline.settings import Settings


@asynccontextmanager
async def open_live_jams(
    settings: Settings, database: Database, compute: Compute, credits: Mapping[type[Any], Any], metrics: Metrics
) -> AsyncIterator[dict[type[Any], Any]]:
    """The sessions end first, and then the link to who plays them."""
    elsewhere = settings.jam.worker_url is not None or jams_are_on_modal(settings)
    async with (
        jam_link(settings) as link,
        open_jam(settings.jam, database, link, compute, credits, metrics, elsewhere=elsewhere) as parts,
    ):
        yield parts
