from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from backline.db.database import Database
from tests.conftest import Running, RunServer
from tests.jam.client import Musician
from tests.jam.house import Gateway, House

Meet = Callable[..., Musician]


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


@pytest.fixture
def gateway(house: House) -> Gateway:
    return Gateway(house, "gateway_1")


@pytest.fixture
def server(run_server: RunServer) -> Running:
    return run_server(jam={"engine": "metronome", "poll_seconds": 0.2})


@pytest.fixture
def meet() -> Iterator[Meet]:
    """Musicians, who leave at the end."""
    with ExitStack() as stack:

        def arrive(server: Running, name: str | None = "ada") -> Musician:
            musician = Musician(server.address, name)
            stack.callback(musician.http.close)
            return musician

        yield arrive


@pytest.fixture
def ada(server: Running, meet: Meet) -> Musician:
    return meet(server)
