from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from backline.db.database import Database
from backline.ids import new_id
from tests.conftest import Running, running
from tests.jam.client import Musician
from tests.jam.house import Gateway, House

Meet = Callable[..., Musician]

JAM = {"engine": "metronome", "poll_seconds": 0.2, "max_sessions": 400}


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


@pytest.fixture
def gateway(house: House) -> Gateway:
    return Gateway(house, "gateway_1")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all tests of a module: every musician is somebody else."""
    with running(tmp_path_factory.mktemp("data"), jam=JAM) as it:
        yield it


@pytest.fixture
def meet() -> Iterator[Meet]:
    """Musicians, who leave at the end."""
    with ExitStack() as stack:

        def arrive(server: Running, name: str | None = "ada") -> Musician:
            musician = Musician(server.address, name and new_id(name))
            stack.callback(musician.http.close)
            return musician

        yield arrive


@pytest.fixture
def ada(server: Running, meet: Meet) -> Musician:
    return meet(server)
