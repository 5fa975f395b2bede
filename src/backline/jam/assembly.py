"""Live jams put together."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from backline.compute.base import Compute, JamLink
from backline.credits.ledger import Ledger
from backline.credits.pricing import Pricing
from backline.db.database import Database
from backline.ids import new_id
from backline.jam.advance import Advance
from backline.jam.listening import Listening
from backline.jam.meter import JamMeter
from backline.jam.service import Jam
from backline.jam.session import REMOTE
from backline.observability.metrics import Metrics
from backline.settings import JamSettings


@asynccontextmanager
async def open_jam(
    settings: JamSettings,
    database: Database,
    link: JamLink,
    compute: Compute,
    parts: Mapping[type[Any], Any],
    metrics: Metrics,
    *,
    elsewhere: bool,
) -> AsyncIterator[dict[type[Any], Any]]:
    """What the routes need; meanwhile sessions are billed. elsewhere: any gateway can ask whoever plays them."""
    me = new_id("gateway")
    worker = REMOTE if elsewhere else me
    ledger, price = parts[Ledger], parts[Pricing].jam
    advance = Advance(ledger, math.ceil(settings.unreachable_seconds / settings.poll_seconds))
    meter = JamMeter(database, link, advance, price, metrics, me=me, worker=worker, poll_seconds=settings.poll_seconds)
    async with meter.running():
        jam = Jam(database, link, ledger, price, meter, metrics, worker=worker, me=me)
        yield {Jam: jam, Listening: Listening(compute)}
