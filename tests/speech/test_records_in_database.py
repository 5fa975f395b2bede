"""Records of requests in the database: there after a restart, written behind the sound, never in its way."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import Any

import httpx
import pytest
from sqlalchemy import make_url, text

from backline.db.database import Database, Tx, open_synchronous
from backline.errors import Unavailable
from backline.observability.metrics import MetricsInMemory
from backline.speech.record_writer import Bounds, RecordsInDatabase
from backline.speech.records import RecordsInMemory, SpeechRecord, SpeechRecords
from tests.conftest import Running, RunServer, running
from tests.fakes.engines import BreakingEngine, FakeEngine, SlowEngine, entry
from tests.speech.guests import rows, signed_in
from tests.speech.hearing import GENERATE, eventually, record_of, speak

CATALOG = (entry(FakeEngine, default=True), entry(SlowEngine), entry(BreakingEngine))


def ask(client: httpx.Client, request_id: str, **body: Any) -> httpx.Response:
    return client.post(GENERATE, json={"text": "Hi", **body}, headers={"X-Request-ID": request_id})


def ids(client: httpx.Client, **params: Any) -> list[str]:
    answer = client.get("/v1/tts/requests", params=params)
    assert answer.status_code == 200
    return [one["request_id"] for one in answer.json()["requests"]]


@pytest.mark.slow
def test_a_record_outlives_its_server_and_is_the_same_afterwards(tmp_path: Path, database_url: str) -> None:
    """The server is told to end at once after its answer: what waits is stored first."""
    with running(tmp_path / "one", database={"url": database_url}) as server, server.client() as client:
        speak(client, format="mp3", stream=True)
        answer = client.post(GENERATE, json={"text": "Hi", "voice": "tone-low"}, headers={"X-Request-ID": "mine"})
        before = record_of(server, "mine")
        assert before["outcome"] == "completed"
        assert before["audio_bytes"] == len(answer.content)
        assert before["voice_name"]
    with running(tmp_path / "two", database={"url": database_url}) as server:
        assert record_of(server, "mine") == before


def test_any_server_tells_of_a_request_and_only_to_its_owner(tmp_path: Path, database_url: str) -> None:
    pepper = {"key_pepper": "p" * 32}
    with (
        running(tmp_path / "one", CATALOG, database={"url": database_url}, accounts=pepper) as one,
        running(tmp_path / "two", CATALOG, database={"url": database_url}, accounts=pepper) as two,
        one.client(headers=signed_in(one, "ada")) as ada,
        two.client(headers=signed_in(one, "ada")) as ada_elsewhere,
        two.client(headers=signed_in(two, "eve")) as eve,
    ):
        assert ask(ada, "mine").status_code == 200
        eventually(lambda: ada_elsewhere.get("/v1/tts/requests/mine").status_code == 200)
        assert ids(ada_elsewhere) == ["mine"]
        assert eve.get("/v1/tts/requests/mine").status_code == 404
        assert ids(eve) == []


def test_a_list_has_the_newest_first_and_goes_on_where_it_was(run_server: RunServer, database_url: str) -> None:
    server = run_server(CATALOG, database={"url": database_url})
    with server.client() as client:
        for number in range(5):
            ask(client, f"request-{number}")
        ask(client, "broken", voice="breaking")
        assert ids(client, outcome="failed") == ["broken"]
        eventually(lambda: len(rows(database_url, "SELECT id FROM speech_requests")) == 6)
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = client.get("/v1/tts/requests", params={"limit": 2, "outcome": "completed", **cursor}).json()
            seen += [one["request_id"] for one in page["requests"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert seen == [f"request-{number}" for number in reversed(range(5))]
        for bad in ({"outcome": "odd"}, {"limit": 0}, {"limit": 101}, {"cursor": "x" * 65}):
            assert client.get("/v1/tts/requests", params=bad).status_code == 422


def test_what_runs_and_what_is_not_stored_yet_is_in_the_list(run_server: RunServer, database_url: str) -> None:
    server = run_server(CATALOG, database={"url": database_url})
    with server.client() as client:
        ask(client, "before")
        body = {"text": "x", "voice": "slow", "stream": True}
        with client.stream("POST", GENERATE, json=body, headers={"X-Request-ID": "now"}) as answer:
            heard = answer.iter_raw()  # kept: without it the answer would be closed
            next(heard)
            with server.client() as other:
                assert ids(other) == ["now", "before"]
                assert ids(other, outcome="running") == ["now"]
        eventually(lambda: record_of(server, "now")["outcome"] == "client_left")


def test_a_repeated_id_means_the_newest_also_after_a_restart(tmp_path: Path, database_url: str) -> None:
    with running(tmp_path / "one", CATALOG, database={"url": database_url}) as server, server.client() as client:
        for words in ("One", "One two three"):
            ask(client, "again", text=words)
    with running(tmp_path / "two", CATALOG, database={"url": database_url}) as server:
        assert record_of(server, "again")["characters"] == len("One two three")


@contextmanager
def away(url: str) -> Iterator[None]:
    """The database takes nothing meanwhile: a Postgres lets nobody in, a SQLite file has another writer."""
    if make_url(url).get_backend_name() == "sqlite":
        file = sqlite3.connect(make_url(url).database or "", isolation_level=None)
        file.execute("BEGIN IMMEDIATE")
        yield
        file.execute("ROLLBACK")
        file.close()
        return
    name = make_url(url).database
    engine = open_synchronous(make_url(url).set(database="postgres").render_as_string(hide_password=False))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        connection.execute(text(ended), {"name": name})
        yield
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    engine.dispose()


def test_a_database_that_goes_away_and_comes_back_loses_nothing(run_server: RunServer, database_url: str) -> None:
    server = run_server(CATALOG, database={"url": database_url})
    wanted = {"before", *(f"away-{number}" for number in range(20)), "after"}
    with server.client() as client:
        ask(client, "before")
        eventually(lambda: len(rows(database_url, "SELECT id FROM speech_requests")) == 1)
        with away(database_url):
            for number in range(20):
                assert ask(client, f"away-{number}").status_code == 200
                assert record_of(server, f"away-{number}")["outcome"] == "completed"
        assert ask(client, "after").status_code == 200
    eventually(lambda: {row[0] for row in rows(database_url, "SELECT request_id FROM speech_requests")} == wanted)
    assert len(rows(database_url, "SELECT id FROM speech_texts")) == len(wanted)


class Gate:
    """A database that can be closed. commits: transactions that were written."""

    def __init__(self, database: Database) -> None:
        self.open = True
        self.commits = 0
        self._database = database
        self.read = database.read

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Tx]:
        if not self.open:
            raise Unavailable("Closed.")
        async with self._database.write() as tx:
            yield tx
        self.commits += 1


def record(request_id: str, owner_id: str = "me", **more: Any) -> SpeechRecord:
    sleep(0.002)  # ids sort by the millisecond
    facts: dict[str, Any] = {
        "engine": "tone",
        "model_version": "tone-1",
        "voice": "tone-low",
        "voice_name": "Low",
        "format": "wav",
        "sample_rate": 24000,
        "stream": True,
        "characters": 1,
        "created_at": datetime.now(UTC),
        "outcome": "completed",
    }
    return SpeechRecord(request_id=request_id, owner_id=owner_id, **{**facts, **more})


def spoken(records: SpeechRecords, *made: SpeechRecord) -> None:
    for one in made:
        records.begin(one, lambda: "some text")
        records.end(one)


async def stored(database: Database) -> set[str]:
    async with database.read() as tx:
        return set((await tx.execute(text("SELECT request_id FROM speech_requests"))).scalars())


async def test_what_does_not_fit_is_dropped_and_counted(database: Database) -> None:
    gate, metrics = Gate(database), MetricsInMemory()
    gate.open = False
    records = RecordsInDatabase(gate, metrics, bounds=Bounds(requests=3))  # type: ignore[arg-type]
    records.start()
    spoken(records, *(record(f"r{number}") for number in range(5)))
    assert await records.find("r4", "me") is None
    assert await records.find("r0", "me") is not None
    await asyncio.sleep(0.5)
    assert metrics.totals["backline_speech_record_writes_failed", ()] >= 1
    gate.open = True
    await records.close()
    assert await stored(database) == {"r0", "r1", "r2"}
    assert metrics.totals["backline_speech_records_lost", ("full",)] == 2


async def test_texts_have_a_bound_of_their_own(database: Database) -> None:
    metrics = MetricsInMemory()
    records = RecordsInDatabase(database, metrics, bounds=Bounds(characters=20))
    spoken(records, record("a"), record("b"), record("c"))  # nine characters each
    records.start()
    await records.close()
    assert await stored(database) == {"a", "b"}
    assert metrics.totals["backline_speech_records_lost", ("full",)] == 1


async def test_one_that_cannot_be_stored_does_not_keep_the_others_back(database: Database) -> None:
    metrics = MetricsInMemory()
    records = RecordsInDatabase(database, metrics)
    odd = record("odd", model_version=None)
    spoken(records, record("a"), odd, record("b"))
    records.start()
    await records.close()
    assert await stored(database) == {"a", "b"}
    assert metrics.totals["backline_speech_records_lost", ("refused",)] == 1


async def test_records_are_written_together(database: Database) -> None:
    gate = Gate(database)
    records = RecordsInDatabase(gate, MetricsInMemory())  # type: ignore[arg-type]
    spoken(records, *(record(f"r{number}") for number in range(250)))
    records.start()
    await records.close()
    assert len(await stored(database)) == 250
    assert gate.commits == 3


async def test_a_commit_that_arrived_unheard_is_made_again_without_harm(database: Database) -> None:
    class Unheard(Gate):
        @asynccontextmanager
        async def write(self) -> AsyncIterator[Tx]:
            async with super().write() as tx:
                yield tx
            if self.commits == 1:
                raise Unavailable("The connection broke.")

    records = RecordsInDatabase(Unheard(database), MetricsInMemory())  # type: ignore[arg-type]
    spoken(records, record("a"), record("b"))
    records.start()
    await records.close()
    assert len(rows_of := await records.recent("me", outcome=None, before=None, limit=9)) == 2
    assert {one.request_id for one in rows_of} == {"a", "b"}


@pytest.mark.slow
async def test_a_server_that_ends_without_its_database_says_what_it_lost(database: Database) -> None:
    gate, metrics = Gate(database), MetricsInMemory()
    gate.open = False
    records = RecordsInDatabase(gate, metrics)  # type: ignore[arg-type]
    records.start()
    spoken(records, record("a"))
    await records.close()
    spoken(records, record("late"))
    assert metrics.totals["backline_speech_records_lost", ("closed",)] == 2


@pytest.fixture(params=["in memory", "in the database"])
async def port(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[SpeechRecords]:
    if request.param == "in memory":
        yield RecordsInMemory(100)
    else:
        records = RecordsInDatabase(database, MetricsInMemory())
        records.start()
        yield records
        await records.close()


@pytest.mark.parametrize("later", [False, True], ids=["at once", "stored"])
async def test_every_port_finds_the_newest_hides_what_is_foreign_and_lists(port: SpeechRecords, later: bool) -> None:
    mine, yours, again, failed = record("a"), record("a", "you"), record("a"), record("b", outcome="failed")
    spoken(port, mine, yours, again, failed)
    if later:
        await asyncio.sleep(1.0)
    assert await port.find("a", "me") == again
    assert await port.find("a", "you") == yours
    assert await port.find("a", "nobody") is None
    assert await port.recent("me", outcome=None, before=None, limit=9) == [failed, again, mine]
    assert await port.recent("me", outcome=None, before=failed.id, limit=1) == [again]
    assert await port.recent("me", outcome="failed", before=None, limit=9) == [failed]


async def test_memory_forgets_the_oldest() -> None:
    records = RecordsInMemory(2)
    spoken(records, record("a"), record("b"), record("c"))
    assert [await records.find(name, "me") is not None for name in "abc"] == [False, True, True]


def test_a_server_knows_its_running_requests_alone(tmp_path: Path, database_url: str) -> None:
    def found(server: Running) -> int:
        with server.client() as client:
            return client.get("/v1/tts/requests/now").status_code

    with (
        running(tmp_path / "one", CATALOG, database={"url": database_url}) as one,
        running(tmp_path / "two", CATALOG, database={"url": database_url}) as two,
        one.client() as client,
    ):
        body = {"text": "x", "voice": "slow", "stream": True}
        with client.stream("POST", GENERATE, json=body, headers={"X-Request-ID": "now"}) as answer:
            heard = answer.iter_raw()  # kept: without it the answer would be closed
            next(heard)
            assert (found(one), found(two)) == (200, 404)
        eventually(lambda: found(two) == 200)
