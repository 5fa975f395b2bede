"""What a long speech costs: what was made, to the microsecond, once; and nothing when it failed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from backline.clock import utc_now
from backline.credits.models import credit_holds
from backline.credits.queries import verify
from backline.db.database import Database
from backline.jobs.models import job_events, jobs
from backline.speech.models import speech_orders
from tests.conftest import Running, RunServer, running
from tests.speech.hearing import TONE_HZ, eventually
from tests.speech.long_jobs import JOBS, LongJobs, SlowToneEngine, book, expected, left_in, tone_entry
from tests.web.some_key import PEPPER

CATALOG = (tone_entry(SlowToneEngine),)


class Account:
    """Somebody who signed in."""

    def __init__(self, client: httpx.Client, server: Running, url: str) -> None:
        self.client = client
        self.server = server
        self.jobs = LongJobs(client)
        self._url = url

    def balance(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get("/credits/balance").json()
        return answer

    def posted(self) -> Decimal:
        return Decimal(self.balance()["balance_seconds"])

    def held(self) -> Decimal:
        return Decimal(self.balance()["held_seconds"])

    def record(self, job_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get(f"/v1/tts/requests/{job_id}").json()
        return answer

    def assert_true(self) -> None:
        """Every balance equals its entries."""

        async def audit() -> list[str]:
            database = Database.open(self._url)
            async with database.read() as tx:
                findings = await verify(tx)
            await database.close()
            return findings

        assert asyncio.run(audit()) == []


def signed_in(server: Running) -> dict[str, str]:
    answer = httpx.post(f"{server.address}/auth/mock-login", json={"test_user_id": "ada"})
    return {"Authorization": f"Bearer {answer.json()['token']}"}


@pytest.fixture
def start(run_server: RunServer, database_url: str) -> Iterator[Any]:
    clients: list[httpx.Client] = []

    def start(welcome: str = "600", **settings: Any) -> Account:
        credits = {"welcome_seconds": welcome, "tick_seconds": 0.05, "hold_seconds": 5}
        server = run_server(CATALOG, database={"url": database_url}, credits=credits, **settings)
        clients.append(server.client(headers=signed_in(server)))
        return Account(clients[-1], server, database_url)

    yield start
    for client in clients:
        client.close()


def test_what_was_made_is_charged_exactly_and_once(start: Any) -> None:
    ada = start()
    job_id = ada.jobs.make(book(120))
    assert ada.held() > 100  # before anything is made
    ada.jobs.until(job_id, characters_done=1)
    eventually(lambda: ada.posted() < 600)  # while it is made
    job = ada.jobs.succeeded(job_id)
    cost = Decimal(len(expected(120))) / TONE_HZ
    assert Decimal(job["credits_consumed"]) == cost.quantize(Decimal("0.000001"), "ROUND_DOWN")
    assert ada.posted() == 600 - Decimal(job["credits_consumed"])
    assert ada.held() == 0
    assert ada.record(job_id)["credits_consumed"] == job["credits_consumed"]
    history = ada.client.get("/credits/history").json()["entries"]
    mine = [one for one in history if one["reference"] == job_id]
    assert {one["kind"] for one in mine} == {"charge"}
    assert sum(Decimal(one["seconds"]) for one in mine) == -Decimal(job["credits_consumed"])
    ada.assert_true()


async def test_a_job_that_waits_keeps_its_hold(start: Any, database: Database) -> None:
    """Nobody ticks it; a sweep of what was not ticked for long must leave it alone."""
    ada = start(jobs={"loop": False})
    job_id = ada.jobs.make(book(4))
    async with database.read() as tx:
        (expires,) = (
            await tx.execute(select(credit_holds.c.expires_at).where(credit_holds.c.reference == job_id))
        ).one()
    assert expires > utc_now() + timedelta(days=7)


async def test_what_was_said_does_not_stay_with_the_job(start: Any, database: Database) -> None:
    ada = start()
    kept = ada.jobs.make(book(4), title="Nights", lexicon={"dark": "bright"})
    ada.jobs.succeeded(kept)
    cancelled = ada.jobs.make(book(400))
    ada.client.post(f"/api/jobs/{cancelled}/cancel")
    ada.jobs.until(cancelled, "cancelled")
    async with database.read() as tx:
        assert (await tx.execute(select(speech_orders))).all() == []
        rows = [*(await tx.execute(select(jobs))).all(), *(await tx.execute(select(job_events))).all()]
    for word in ("dark", "Nights", "bright"):
        assert word not in repr(rows)


@pytest.mark.slow
def test_texts_that_are_deleted_while_the_job_waits_are_not_kept_when_it_ends(start: Any) -> None:
    ada = start()
    job_id = ada.jobs.make(book(60))
    assert ada.client.delete("/v1/tts/texts").status_code == 204
    ada.jobs.succeeded(job_id)
    assert ada.record(job_id)["outcome"] == "completed"
    assert ada.client.get("/v1/tts/texts").json()["texts"] == []


def test_who_has_too_little_is_told_what_it_takes_and_no_job_is_made(start: Any) -> None:
    ada = start(welcome="3")
    answer = ada.jobs.order("a-key", text="x" * 588)
    assert (answer.status_code, answer.json()["code"]) == (402, "insufficient_credits")
    assert (answer.json()["required"], answer.json()["available"]) == ("50", "3")
    assert "top_up" in answer.json()
    assert ada.client.get("/api/jobs").json()["jobs"] == []
    assert (ada.posted(), ada.held()) == (3, 0)
    assert ada.jobs.order("a-key", text="Hi.").status_code == 202  # the key was not used up


@pytest.mark.slow
def test_who_cancels_pays_for_what_was_made_and_keeps_nothing(start: Any, tmp_path: Path) -> None:
    ada = start()
    job_id = ada.jobs.make(book(400))
    ada.jobs.until(job_id, characters_done=1)
    assert ada.client.post(f"/api/jobs/{job_id}/cancel").status_code in (200, 202)
    ada.jobs.until(job_id, "cancelled")
    record = ada.record(job_id)
    assert record["outcome"] == "cancelled"
    assert 60 <= record["audio_seconds"] < len(expected(400)) / TONE_HZ
    assert Decimal(record["credits_consumed"]) == Decimal(str(record["audio_seconds"]))
    assert ada.posted() == 600 - Decimal(record["credits_consumed"])
    assert ada.held() == 0
    eventually(lambda: left_in(tmp_path / "data") == [])
    assert ada.client.get("/api/files").json()["files"] == []
    ada.assert_true()


@pytest.mark.slow
def test_who_cancels_what_waits_to_go_on_pays_for_what_was_made(database_url: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"database": {"url": database_url}, "accounts": PEPPER}
    with running(tmp_path, CATALOG, **settings) as server, server.client(headers=signed_in(server)) as client:
        job_id = LongJobs(client).make(book(400))
        LongJobs(client).until(job_id, characters_done=1)
    with running(tmp_path, CATALOG, **settings, jobs={"loop": False}) as server:
        with server.client(headers=signed_in(server)) as client:
            ada = Account(client, server, database_url)
            assert ada.jobs.get(job_id)["state"] == "queued"
            assert client.post(f"/api/jobs/{job_id}/cancel").status_code == 200
            record = ada.record(job_id)
            assert record["outcome"] == "cancelled"
            assert Decimal(record["credits_consumed"]) == Decimal(str(record["audio_seconds"])) > 60
            assert ada.posted() == 600 - Decimal(record["credits_consumed"])
            assert ada.held() == 0
            ada.assert_true()
        eventually(lambda: left_in(tmp_path) == [])


def test_who_cancels_before_it_begins_pays_nothing(start: Any, tmp_path: Path) -> None:
    ada = start(jobs={"loop": False})
    job_id = ada.jobs.make(book(4))
    assert ada.client.post(f"/api/jobs/{job_id}/cancel").status_code == 200
    assert (ada.posted(), ada.held()) == (600, 0)
    assert ada.record(job_id)["outcome"] == "cancelled"
    assert left_in(tmp_path / "data") == []
    ada.assert_true()


@pytest.mark.slow
def test_what_failed_costs_nothing_though_it_was_charged_as_it_went(start: Any, tmp_path: Path) -> None:
    """The estimate was for speech four times as fast, and there is no credit for the rest."""
    ada = start(welcome="150")
    job_id = ada.jobs.make(f'<speak><prosody rate="25%">{book(100)}</prosody></speak>')
    ada.jobs.until(job_id, characters_done=1)
    job = ada.jobs.until(job_id, "failed")
    assert job["error"]["code"] == "insufficient_credits"
    assert "dark" not in job["error"]["detail"]
    assert (ada.posted(), ada.held()) == (150, 0)
    assert ada.record(job_id)["outcome"] == "failed"
    assert ada.record(job_id)["credits_consumed"] == "0"
    eventually(lambda: left_in(tmp_path / "data") == [])
    ada.assert_true()


@pytest.mark.slow
def test_a_text_that_turns_out_longer_is_paid_while_there_is_credit(start: Any) -> None:
    ada = start(welcome="600")
    job_id = ada.jobs.make(f'<speak><prosody rate="25%">{book(60)}</prosody></speak>')
    assert ada.held() < 100
    job = ada.jobs.succeeded(job_id)
    assert job["audio_seconds"] > 200
    assert ada.posted() == 600 - Decimal(job["credits_consumed"])
    assert Decimal(job["credits_consumed"]) == Decimal(str(job["audio_seconds"]))
    ada.assert_true()


def test_without_an_account_nothing_is_charged(start: Any) -> None:
    ada = start()
    with ada.server.client() as nobody:
        jobs = LongJobs(nobody)
        job = jobs.succeeded(jobs.make(book(4)))
        assert job["credits_consumed"] == "0"
        assert nobody.get(JOBS + "/" + job["id"]).status_code == 200
    assert (ada.posted(), ada.held()) == (600, 0)
