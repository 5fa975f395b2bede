"""Copies of the texts elsewhere: they arrive, however the place behaves, and speech never waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from backline.db.database import Database
from backline.observability.metrics import MetricsInMemory
from backline.speech import repository
from backline.speech.copies import Copies
from backline.speech.repository import StoredText
from backline.speech.supabase import Supabase
from tests.conftest import Running, running
from tests.fakes.engines import FakeEngine, entry
from tests.speech.copy_place import CopyPlace
from tests.speech.guests import rows, signed_in
from tests.speech.hearing import GENERATE, eventually
from tests.speech.test_records_in_database import record

KEY = "service-key-of-a-project"
CANARY = "zanzibarquokka"


@pytest.fixture
def place() -> CopyPlace:
    return CopyPlace()


@pytest.fixture
def server(tmp_path: Path, database_url: str, place: CopyPlace) -> Iterator[Running]:
    with gateway(tmp_path, database_url, place) as server:
        yield server


@contextmanager
def gateway(folder: Path, url: str, place: CopyPlace) -> Iterator[Running]:
    speech = {"supabase_url": f"{place.url}/", "supabase_service_key": KEY}
    with running(folder, (entry(FakeEngine, default=True),), database={"url": url}, speech=speech) as server:
        yield server


def say(client: httpx.Client, *words: str) -> None:
    for one in words:
        assert client.post(GENERATE, json={"text": one}).status_code == 200


def test_a_copy_is_sent_with_the_projects_key(server: Running, place: CopyPlace, database_url: str) -> None:
    with place, server.client() as client:
        answer = client.post(GENERATE, json={"text": "Hello there."}, headers={"X-Request-ID": "mine"})
        eventually(lambda: place.texts() == ["Hello there."])
        eventually(lambda: rows(database_url, "SELECT count(*) FROM speech_texts WHERE copy_at IS NOT NULL") == [(0,)])
        facts = client.get("/v1/tts/requests/mine").json()
    (row,) = place.rows.values()
    assert row["request_id"] == answer.headers["x-request-id"] == "mine"
    assert row["owner_id"] == "local"
    shared = "voice voice_name engine format stream characters audio_seconds outcome languages".split()
    assert {name: row[name] for name in shared} == {name: facts[name] for name in shared}
    assert datetime.fromisoformat(row["created_at"]) == datetime.fromisoformat(facts["created_at"])
    method, path, query, headers = place.calls[0]
    assert (method, path, query) == ("POST", "/rest/v1/tts_sentences", {"on_conflict": "id"})
    assert (headers["apikey"], headers["authorization"]) == (KEY, f"Bearer {KEY}")
    assert headers["prefer"] == "resolution=merge-duplicates,return=minimal"


def test_speech_does_not_wait_for_a_slow_place(server: Running, place: CopyPlace) -> None:
    place.gate.clear()
    with place, server.client() as client:
        say(client, "One")
        eventually(lambda: len(place.calls) == 1)
        say(client, *(f"Number {number}" for number in range(10)))  # answered, while the first copy is still waiting
        assert (len(place.calls), place.rows) == (1, {})
        place.gate.set()
        eventually(lambda: len(place.rows) == 11)


@pytest.mark.slow
@pytest.mark.parametrize("status", [500, 503, 429, 401, 404])
def test_a_place_that_refuses_for_a_while_gets_everything_in_the_end(
    server: Running, place: CopyPlace, status: int
) -> None:
    place.refuses = status
    with place, server.client() as client:
        say(client, CANARY)
        eventually(lambda: len(place.calls) >= 2)
        say(client, "Two")
        place.refuses = None
        eventually(lambda: place.texts() == ["Two", CANARY])
    log = server.log.getvalue()
    assert "speech.copies_wait" in log
    assert CANARY not in log
    assert KEY not in log


def test_a_place_that_is_gone_gets_everything_when_it_is_back(server: Running, place: CopyPlace) -> None:
    with server.client() as client:
        say(client, "One")
        eventually(lambda: "speech.copies_wait" in server.log.getvalue())
        say(client, "Two")
        with place:
            eventually(lambda: place.texts() == ["One", "Two"])


def test_what_was_not_sent_is_sent_by_the_next_server(tmp_path: Path, database_url: str, place: CopyPlace) -> None:
    with gateway(tmp_path / "one", database_url, place) as server, server.client() as client:
        say(client, "One", "Two")
    with place, gateway(tmp_path / "two", database_url, place):
        eventually(lambda: place.texts() == ["One", "Two"])


def test_a_text_that_it_will_not_take_does_not_keep_the_others_back(
    server: Running, place: CopyPlace, database_url: str
) -> None:
    place.dislikes = CANARY
    with server.client() as client:
        say(client, "One", CANARY, "Two")
        eventually(lambda: rows(database_url, "SELECT count(*) FROM speech_texts") == [(3,)])
        with place:
            eventually(lambda: place.texts() == ["One", "Two"])
            eventually(lambda: "speech.copy_refused" in server.log.getvalue())
    assert CANARY not in server.log.getvalue()


def test_a_deletion_is_sent_too(server: Running, place: CopyPlace) -> None:
    with place, server.client(headers=signed_in(server, "ada")) as ada, server.client() as other:
        say(ada, "One", "Two")
        say(other, "Mine")
        eventually(lambda: len(place.rows) == 3)
        assert ada.delete("/v1/tts/texts").status_code == 204
        eventually(lambda: place.texts() == ["Mine"])
        say(ada, "New")
        eventually(lambda: place.texts() == ["Mine", "New"])


def test_a_deletion_waits_for_a_place_that_is_gone(server: Running, place: CopyPlace) -> None:
    with server.client() as client:
        with place:
            say(client, "One")
            eventually(lambda: place.texts() == ["One"])
        client.delete("/v1/tts/texts")
        eventually(lambda: "speech.copies_wait" in server.log.getvalue())
        with place:
            eventually(lambda: place.rows == {})


async def test_a_deletion_is_sent_once_more_for_copies_that_were_on_their_way(
    database: Database, place: CopyPlace
) -> None:
    """Another server may have been sending a text while it was deleted."""
    now = datetime.now(UTC)
    moments = [now]

    async def run(until: int) -> None:
        copies = Copies(database, supabase, MetricsInMemory(), clock=lambda: moments[-1])
        copies.start()
        while len(place.calls) < until:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        await copies.close()

    with place:
        async with Supabase(place.url, KEY) as supabase:
            async with database.write() as tx:
                await repository.forget_texts(tx, "me", now)
            await run(1)
            late = record("late", created_at=now - timedelta(seconds=1))
            await supabase.add([StoredText("late", late)])
            moments.append(now + timedelta(minutes=5))
            await run(3)
            assert place.rows == {}
            await run(3)
    assert [call[0] for call in place.calls] == ["DELETE", "POST", "DELETE"]


async def test_two_servers_do_not_send_the_same(database: Database) -> None:
    many = [record(f"r{number}") for number in range(5)]
    now = datetime.now(UTC)
    async with database.write() as tx:
        await repository.insert_requests(tx, many)
        await repository.insert_texts(tx, [StoredText("x", one) for one in many], now)

    async def claim(moment: datetime) -> set[str]:
        async with database.write() as tx:
            claimed = await repository.claim_copies(tx, moment, moment + timedelta(seconds=60), 3)
        return {one.record.request_id for one in claimed}

    first, second = await claim(now), await claim(now)
    assert (len(first), len(second)) == (3, 2)
    assert first | second == {one.request_id for one in many}
    assert await claim(now) == set()
    assert len(await claim(now + timedelta(seconds=61))) == 3  # of a server that died while it sent


def test_half_a_setting_is_told_and_sends_nothing(tmp_path: Path, place: CopyPlace) -> None:
    settings: dict[str, Any] = {"speech": {"supabase_url": place.url}}
    with place, running(tmp_path, (entry(FakeEngine, default=True),), **settings) as server, server.client() as client:
        say(client, "One")
        eventually(lambda: bool(client.get("/v1/tts/texts").json()["texts"]))
        assert "speech.copies_off" in server.log.getvalue()
    assert place.calls == []
