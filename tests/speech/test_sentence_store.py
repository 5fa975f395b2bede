"""The texts that were spoken: kept for their owners, found again, deleted for good, and never told to the log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from backline.db.database import Database
from backline.observability.metrics import MetricsInMemory
from backline.speech import repository
from backline.speech.record_writer import RecordsInDatabase
from backline.speech.repository import StoredText
from tests.conftest import Running, running
from tests.fakes.engines import FakeEngine, SlowEngine, entry
from tests.speech.guests import rows, signed_in
from tests.speech.hearing import GENERATE, eventually
from tests.speech.talker import talking
from tests.speech.test_records_in_database import record

CATALOG = (entry(FakeEngine, default=True), entry(SlowEngine))
CANARY = "zanzibarquokka"
Start = Any


@pytest.fixture
def start(tmp_path: Path, database_url: str) -> Iterator[Start]:
    """Servers on one database, each with settings of its own for speech."""
    with ExitStack() as stack:

        def start(**speech: Any) -> Running:
            return stack.enter_context(running(tmp_path, CATALOG, database={"url": database_url}, speech=speech))

        yield start


def texts(client: httpx.Client, **params: Any) -> list[dict[str, Any]]:
    answer = client.get("/v1/tts/texts", params=params)
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["texts"]
    return found


def said(client: httpx.Client, **params: Any) -> list[str]:
    return [one["text"] for one in texts(client, **params)]


def say(client: httpx.Client, *words: str) -> None:
    for number, one in enumerate(words):
        answer = client.post(GENERATE, json={"text": one}, headers={"X-Request-ID": f"request-{number}"})
        assert answer.status_code == 200
    eventually(lambda: set(said(client, limit=100)) >= set(words))


async def test_a_text_is_kept_as_it_came_by_every_door(start: Start) -> None:
    server: Running = start()
    with server.client() as client:
        client.post(GENERATE, json={"text": "By HTTP, 5 km.", "format": "mp3", "stream": True})
        client.post("/v1/audio/speech", json={"model": "tts-1", "voice": "alloy", "input": "By OpenAI's way."})
        async with talking(server) as talker:
            await talker.say("By ", "socket, in\n", "pieces.")
            await talker.send("input.flush")
            await talker.hear()
            await talker.say("Then another.")
            await talker.send("input.done")
            await talker.hear()
            await talker.end()
        wanted = ["Then another.", "By socket, in\npieces.", "By OpenAI's way.", "By HTTP, 5 km."]
        await asyncio.to_thread(lambda: eventually(lambda: len(said(client)) == 4))
        assert said(client) == wanted
        first = texts(client)[-1]
        facts = client.get(f"/v1/tts/requests/{first['request_id']}").json()
    shared = {
        "characters",
        "voice",
        "voice_name",
        "engine",
        "format",
        "stream",
        "languages",
        "outcome",
        "audio_seconds",
    }
    assert {name: first[name] for name in shared} == {name: facts[name] for name in shared}
    assert (first["format"], first["engine"], first["outcome"]) == ("mp3", "fake", "completed")
    assert first["audio_seconds"] > 0


def test_texts_are_searched_and_paged_and_ones_own(start: Start) -> None:
    server: Running = start()
    with server.client(headers=signed_in(server, "ada")) as ada, server.client() as other:
        say(ada, "The red fox.", "A Red_House", "100% wool", "नमस्ते")
        assert said(ada, search="red") == ["A Red_House", "The red fox."]
        assert said(ada, search="0%") == ["100% wool"]
        assert said(ada, search="d_h") == ["A Red_House"]
        assert said(ada, search="d_f") == []
        assert said(ada, search="मस्") == ["नमस्ते"]
        assert said(other) == []
        page = ada.get("/v1/tts/texts", params={"limit": 3}).json()
        assert said(ada, cursor=page["next_cursor"]) == ["The red fox."]
        assert ada.get("/v1/tts/texts", params={"limit": 4}).json()["next_cursor"] is None
        for bad in ({"limit": 0}, {"limit": 101}, {"search": "x" * 201}):
            assert ada.get("/v1/tts/texts", params=bad).status_code == 422


def test_deleting_takes_ones_own_and_leaves_the_records_and_the_others(start: Start, database_url: str) -> None:
    server: Running = start()
    with server.client(headers=signed_in(server, "ada")) as ada, server.client() as other:
        say(ada, CANARY, f"{CANARY} again")
        say(other, "Mine")
        assert ada.delete("/v1/tts/texts").status_code == 204
        assert said(ada) == []
        assert ada.get("/v1/tts/requests/request-1").json()["outcome"] == "completed"
        assert said(other) == ["Mine"]
        assert rows(database_url, "SELECT text FROM speech_texts") == [("Mine",)]
        say(ada, "Something new")
        assert said(ada) == ["Something new"]


def test_a_request_that_runs_while_its_owner_deletes_leaves_no_text(start: Start, database_url: str) -> None:
    """Also one that another server is speaking."""
    speaking, deleting = start(), start()
    body = {"text": CANARY, "voice": "slow", "stream": True}
    with speaking.client() as client, deleting.client() as other:
        with client.stream("POST", GENERATE, json=body, headers={"X-Request-ID": "now"}) as answer:
            heard = answer.iter_raw()  # kept: without it the answer would be closed
            next(heard)
            assert other.delete("/v1/tts/texts").status_code == 204
        eventually(lambda: other.get("/v1/tts/requests/now").status_code == 200)
        say(client, "After")
    assert rows(database_url, "SELECT text FROM speech_texts") == [("After",)]


async def test_a_text_that_is_being_stored_is_deleted_too(database: Database) -> None:
    """Whoever deletes waits for whoever stores; on SQLite there is one writer anyway."""
    one = record("a")
    storing = asyncio.Event()

    async def store() -> None:
        async with database.write() as tx:
            await repository.insert_requests(tx, [one])
            await repository.insert_texts(tx, [StoredText("hello", one)], None)
            storing.set()
            await asyncio.sleep(0.3)

    async def forget() -> None:
        await storing.wait()
        async with database.write() as tx:
            await repository.forget_texts(tx, "me", datetime.now(UTC))

    await asyncio.gather(store(), forget())
    async with database.read() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM speech_texts"))).scalar_one() == 0


def test_without_retention_no_text_is_kept_and_old_ones_go(start: Start, database_url: str) -> None:
    with start().client() as client:
        say(client, CANARY)
    server: Running = start(retention_days=0)
    with server.client() as client:
        eventually(lambda: said(client) == [])
        client.post(GENERATE, json={"text": CANARY}, headers={"X-Request-ID": "unsaid"})
        stored = "SELECT request_id FROM speech_requests WHERE request_id = 'unsaid'"
        eventually(lambda: bool(rows(database_url, stored)))
    assert rows(database_url, "SELECT text FROM speech_texts") == []


async def fill(database: Database, count: int, created_at: datetime, name: str) -> None:
    many = [record(f"{name}-{number}", created_at=created_at) for number in range(count)]
    async with database.write() as tx:
        await repository.insert_requests(tx, many)
        await repository.insert_texts(tx, [StoredText(name, one) for one in many], None)


@pytest.mark.slow
async def test_what_is_too_old_goes_however_much_it_is(database: Database, start: Start, database_url: str) -> None:
    now = datetime.now(UTC)
    await fill(database, 1_200, now - timedelta(days=8), "old")
    await fill(database, 3, now - timedelta(days=6), "young")
    start(retention_days=7)
    left = "SELECT count(*) FROM speech_requests"
    await asyncio.to_thread(lambda: eventually(lambda: rows(database_url, left) == [(3,)]))
    assert rows(database_url, "SELECT text FROM speech_texts") == [("young",)] * 3


async def test_of_a_user_who_leaves_nothing_stays(start: Start, database: Database, database_url: str) -> None:
    server: Running = start()
    with server.client(headers=signed_in(server, "ada")) as ada, server.client() as other:
        user_id = ada.get("/api/me").json()["user"]["id"]
        for client in (ada, other):
            say(client, "Hello")
            client.put("/v1/tts/lexicon", json={"lexicon": {"a": "b"}})
            assert client.post("/v1/voices", json={"name": "One", "voice": "fake"}).status_code == 201
    async with database.write() as tx:
        await repository.delete_user_data(tx, user_id, datetime.now(UTC))
    for table in ("requests", "texts", "voices", "lexicon"):
        assert {row[0] for row in rows(database_url, f"SELECT owner_id FROM speech_{table}")} == {"local"}, table


def test_no_text_is_in_the_log(start: Start) -> None:
    server: Running = start()
    with server.client() as client:
        say(client, f"{CANARY}.")
        client.get("/v1/tts/texts", params={"search": CANARY})
        client.delete("/v1/tts/texts")
    assert CANARY not in server.log.getvalue()


async def test_of_an_endless_utterance_the_beginning_is_kept(database: Database) -> None:
    records = RecordsInDatabase(database, MetricsInMemory())
    long = record("long")
    records.begin(long, lambda: "x" * 60_000)
    records.end(long)
    records.start()
    await records.close()
    async with database.read() as tx:
        (kept,) = await repository.list_texts(tx, "me", search="", before=None, limit=9)
    assert kept.text == "x" * 50_000
