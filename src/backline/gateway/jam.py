"""Live jams, played here or by a worker, as the settings want it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from backline.compute.base import Compute
from backline.compute.jam_in_process import open_jam_link
from backline.db.database import Database
from backline.jam.assembly import open_jam
from backline.observability.metrics import Metrics
from backline.settings import JamSettings


@asynccontextmanager
async def open_live_jams(
    settings: JamSettings, database: Database, compute: Compute, credits: Mapping[type[Any], Any], metrics: Metrics
) -> AsyncIterator[dict[type[Any], Any]]:
    """The sessions end first, and then the link to who plays them."""
    async with (
        open_jam_link(settings) as link,
        open_jam(settings, database, link, compute, credits, metrics) as parts,
    ):
        yield parts
