"""A world for each database."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backline.clock import Clock, utc_now
from backline.db.database import Database
from backline.jobs.kinds import JobKind
from tests.jobs.world import World, kind_of, make_trace

NewWorld = Callable[..., World]


@pytest.fixture
async def new_world(database: Database) -> NewWorld:
    await make_trace(database)

    def make(*kinds: JobKind, clock: Clock = utc_now) -> World:
        return World(database, kinds or (kind_of(),), clock)

    return make
