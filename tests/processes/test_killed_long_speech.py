"""kill -9, twice, in the middle of a book: it sounds as if nothing had happened, and is paid for once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from random import Random

import httpx
import pytest

from backline.credits.queries import verify
from backline.db.database import Database
from tests.conftest import Running, RunServer
from tests.fakes.engines import diary
from tests.processes.conftest import ROOT
from tests.speech.hearing import TONE_HZ, eventually
from tests.speech.long_jobs import LongJobs, SlowToneEngine, assert_same, book, expected, left_in, starts, tone_entry
from tests.web.some_key import PEPPER

pytestmark = pytest.mark.slow

SENTENCES = 420
A_SEGMENT = 54
"""Units in one, and one over."""

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def start_loop(tmp_path: Path, database_url: str) -> Iterator[Start]:
    begun: list[subprocess.Popen[bytes]] = []
    settings = {
        "server": {"data_dir": str(tmp_path / "data")},
        "database": {"url": database_url},
        "accounts": PEPPER,
        "jobs": {"lease_seconds": 1},
        "speech": {"workers": 1},
    }

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / "log").open("a") as log:
            command = [sys.executable, "-m", "tests.processes.long_loop", json.dumps(settings)]
            begun.append(subprocess.Popen(command, cwd=ROOT, stderr=log))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.wait()


def signed_in(server: Running) -> dict[str, str]:
    answer = httpx.post(f"{server.address}/auth/mock-login", json={"test_user_id": "ada"})
    return {"Authorization": f"Bearer {answer.json()['token']}"}


async def test_a_book_survives_two_kills(
    run_server: RunServer, start_loop: Start, database: Database, database_url: str, tmp_path: Path
) -> None:
    catalog = (tone_entry(SlowToneEngine),)
    limits = {"key_requests_per_minute": 100_000}  # it is asked for all the time
    settings = {"database": {"url": database_url}, "accounts": PEPPER, "limits": limits}
    server = run_server(catalog, **settings, jobs={"loop": False})
    text, chance = book(SENTENCES), Random()
    with server.client(headers=signed_in(server)) as client:
        jobs = LongJobs(client)
        job_id = jobs.make(text)
        done = 0
        for part in (0.4, 0.8):
            done = chance.randint(done + 1, int(part * len(text)))
            process = start_loop()
            done = int(jobs.until(job_id, characters_done=done)["characters_done"])
            process.kill()
            process.wait()
        start_loop()
        job = jobs.succeeded(job_id, 120)
        assert job["attempt"] == 3, (tmp_path / "log").read_text()
        assert_same(jobs.heard(job), expected(SENTENCES))
        assert [cue.start_s for cue in jobs.cues(job)] == pytest.approx(starts(SENTENCES), abs=0.002)
        assert SENTENCES <= diary().count("unit") <= SENTENCES + 2 * A_SEGMENT
        balance = client.get("/credits/balance").json()
        cost = (Decimal(len(expected(SENTENCES))) / TONE_HZ).quantize(Decimal("0.000001"), "ROUND_DOWN")
        assert Decimal(job["credits_consumed"]) == cost
        assert (Decimal(balance["balance_seconds"]), balance["held_seconds"]) == (600 - cost, "0")
        async with database.read() as tx:
            assert await verify(tx) == []
        files = client.get("/api/files").json()["files"]
        assert len(files) == 3
        kept = {job["result"][name] for name in ("audio_file_id", "chapters_file_id", "captions_file_id")}
        assert {file["id"] for file in files} == kept
        eventually(lambda: all(name.startswith("u/") for name in left_in(tmp_path / "data")))
