"""Live jams through a gateway that believes it talks to Modal: what is heard, and what is paid."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backline.compute.on_modal import names
from tests.deploy.cloud import PUBLIC_URL, WORKER_KEY, Cloud
from tests.jam.client import Musician
from tests.modal_standin.records import Container
from tests.processes.jam_place import LOOP, PATIENCE_SECONDS, SHORT, Lived, Member, Place, code_of, go_on_at, heard

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def place(tmp_path: Path, database_url: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    cloud.enter(monkeypatch)
    place = Place(tmp_path, database_url)
    yield place
    place.close()


def gateway_on_modal(place: Place, **settings: Any) -> Member:
    groups = {
        "server": {"public_url": PUBLIC_URL},
        "modal": {"jam__engine": "metronome", "speech__engines": "[]"},
    }
    return place.gateway(groups=groups, worker_key=WORKER_KEY, **settings)


def playing(cloud: Cloud) -> Container:
    (container,) = [one for one in cloud.standin.containers(names.JAM) if one.sessions]
    return container


def time_that_stood_still(who: Musician, session_id: str, index: int) -> float:
    """Wait for the chunk; for how many seconds nothing was billed meanwhile."""
    begun, still, until = time.monotonic(), 0.0, time.monotonic() + PATIENCE_SECONDS
    billed = who.status(session_id)["billable_elapsed_seconds"]
    while who.next(session_id, index=index, timeout_seconds=0.2)["chunk"] is None:
        status = who.status(session_id)
        assert (status["billing_state"], status["reachable"]) == ("active", True)
        if status["billable_elapsed_seconds"] == billed:
            still = time.monotonic() - begun
        assert time.monotonic() < until
    return still


@SQLITE
def test_the_container_is_killed_and_the_time_until_the_next_one_plays_is_free(place: Place, cloud: Cloud) -> None:
    gateway = gateway_on_modal(place)
    ada, lived = place.musician(gateway), Lived()
    session_id = ada.playing(LOOP, **SHORT)
    for index in range(3):
        heard(ada, session_id, index)
    told = place.billed(session_id)
    cloud.standin.kill(playing(cloud))
    still = time_that_stood_still(ada, session_id, 3)
    assert still > 0
    for index in (3, 4):
        heard(ada, session_id, index)
    place.billed(session_id, told + 0.5)
    ada.post("close", session_id)
    ended = place.session(session_id)
    assert ended.close_reason == "manual_close"
    assert told < ended.total / 1_000_000 <= lived.seconds - still
    place.assert_right()
    assert [one for one in cloud.standin.containers(names.JAM) if one.sessions] == []


@SQLITE
def test_the_gateway_is_killed_and_the_next_one_finds_the_session(place: Place, cloud: Cloud) -> None:
    gateway = gateway_on_modal(place)
    ada, lived = place.musician(gateway), Lived()
    session_id = ada.playing(LOOP, **SHORT)
    for index in range(2):
        heard(ada, session_id, index)
    told, container = place.billed(session_id), playing(cloud)
    gateway.kill()
    another = gateway_on_modal(place)
    go_on_at(ada, another)
    for index in (2, 3):
        heard(ada, session_id, index)
    assert playing(cloud) is container
    ada.post("close", session_id)
    assert told < place.session(session_id).total / 1_000_000 <= lived.seconds
    assert code_of(ada, "stop", session_id) == "session_closed"
    place.assert_right()
