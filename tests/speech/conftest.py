"""A server whose engines misbehave on purpose, each by its own voice."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import Running, running
from tests.fakes.engines import (
    BreakingEngine,
    BrokenEngine,
    FakeEngine,
    LateEngine,
    SilentEngine,
    SlowEngine,
    TrivialEngine,
    entry,
)
from tests.speech.odd_engines import MumblingEngine, MuteEngine, QuotingEngine

ENGINES = (
    SlowEngine,
    LateEngine,
    BrokenEngine,
    BreakingEngine,
    SilentEngine,
    TrivialEngine,
    MuteEngine,
    MumblingEngine,
    QuotingEngine,
)


@pytest.fixture(scope="session")
def fakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Two workers; the voice of an engine has the engine's name. The default is `fake`, which does nothing wrong."""
    catalog = (entry(FakeEngine, default=True), *(entry(engine) for engine in ENGINES))
    with running(tmp_path_factory.mktemp("fakes"), catalog, speech={"workers": 2}) as it:
        yield it


@pytest.fixture
def fake_client(fakes: Running) -> Iterator[httpx.Client]:
    with fakes.client() as client:
        yield client
