"""The body of the jam server: a worker in a thread, for one session."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from backline.compute.jam_over_http import JamOverHttp
from backline.compute.jam_requests import JamRequests
from backline.deploy.jam_server import JamServer
from backline.errors import Busy, Unavailable
from backline.ids import new_id
from backline.settings import JamSettings
from tests.modal_standin.listen import free_port
from tests.processes.conftest import until

KEY = "a key of tests, long enough"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def server(port: int) -> Iterator[JamServer]:
    """It answers."""
    server = JamServer(JamSettings(engine="metronome", worker_key=KEY, max_sessions=7), port)
    server.start()
    yield server
    server.stop()


async def test_one_session_is_played_and_told_its_end_when_the_server_goes(server: JamServer, port: int) -> None:
    link = JamOverHttp(JamRequests(f"http://127.0.0.1:{port}", KEY))
    session = new_id("jam")
    assert (await link.warm_up(session)).warmed
    with pytest.raises(Busy):
        await link.warm_up(new_id("jam"))

    stopping = asyncio.create_task(asyncio.to_thread(server.stop))
    while (status := await link.peek(session)).billing_state != "closed":
        await asyncio.sleep(0.01)
    assert status.close_reason == "shutdown"
    assert status.billable_elapsed_seconds is not None
    async with asyncio.timeout(10):
        await stopping
    assert not [one for one in threading.enumerate() if one.name == "jam-server"]
    await link.aclose()


def test_the_engine_is_loaded_before_anybody_asks(server: JamServer) -> None:
    until(lambda: any(one.name.startswith("jam-engine") for one in threading.enumerate()))


def test_a_server_that_cannot_listen_says_so(server: JamServer, port: int) -> None:
    with pytest.raises(Unavailable) as failed:
        JamServer(JamSettings(engine="metronome", worker_key=KEY), port).start()
    assert isinstance(failed.value.__cause__, OSError)
