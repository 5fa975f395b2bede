"""A long speech goes on where it was, whatever ended; and who listens does not wait for it."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from backline.engines.catalog import Isolation
from backline.errors import Unavailable
from backline.storage.local_disk import LocalDisk
from tests.conftest import RunServer, running
from tests.fakes.engines import diary, entry
from tests.speech.hearing import eventually, tone_units
from tests.speech.long_jobs import (
    FallingToneEngine,
    GatedEngine,
    LongJobs,
    SlowToneEngine,
    assert_same,
    book,
    expected,
    left_in,
    tone_entry,
)
from tests.speech.odd_engines import MuteEngine

pytestmark = pytest.mark.slow  # servers that fall and come back

SENTENCES = 160
A_SEGMENT = 54
"""Units in one, and one over."""


def test_a_server_that_stops_gives_the_job_back_and_the_next_one_goes_on(tmp_path: Path) -> None:
    catalog = (tone_entry(SlowToneEngine),)
    with running(tmp_path, catalog) as first, first.client() as client:
        job_id = LongJobs(client).make(book(SENTENCES))
        LongJobs(client).until(job_id, characters_done=1)
    done = diary().count("unit")
    assert done < SENTENCES
    with running(tmp_path, catalog) as second, second.client() as client:
        jobs = LongJobs(client)
        job = jobs.succeeded(job_id)
        assert job["attempt"] == 2
        assert_same(jobs.heard(job), expected(SENTENCES))
        assert [cue.text for cue in jobs.cues(job)] == [one["text"] for one in jobs.chapters(job)["sentences"]]
        assert len(jobs.cues(job)) == SENTENCES
        assert diary().count("unit") <= SENTENCES + A_SEGMENT
        record = client.get(f"/v1/tts/requests/{job_id}").json()
        assert record["output_tokens"] == sum(letter.isalnum() for letter in book(SENTENCES))


def test_an_engine_that_falls_over_costs_less_than_a_segment(run_server: RunServer) -> None:
    server = run_server((tone_entry(FallingToneEngine, Isolation.PROCESS),), speech={"workers": 1})
    with server.client() as client:
        jobs = LongJobs(client)
        job = jobs.succeeded(jobs.make(book(SENTENCES)))
        assert job["attempt"] == 2
        assert_same(jobs.heard(job), expected(SENTENCES))
        assert SENTENCES < diary().count("unit") <= SENTENCES + A_SEGMENT


def test_a_machine_without_the_engine_leaves_the_job_to_another(tmp_path: Path) -> None:
    with running(tmp_path, jobs={"loop": False}) as server, server.client() as client:
        job_id = LongJobs(client).make("Hello you.")
    with running(tmp_path, (entry(MuteEngine, default=True),)) as server, server.client() as client:
        LongJobs(client).until(job_id, "queued", attempt=1)
        assert "engine_unavailable" in server.log.getvalue() + _events(client, job_id)
    with running(tmp_path) as server, server.client() as client:
        jobs = LongJobs(client)
        assert_same(jobs.heard(jobs.succeeded(job_id)), tone_units(["Hello you."])[0])


def test_a_store_that_is_away_is_waited_for(run_server: RunServer, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter(["work/", "u/"])  # once while segments are kept, once while the files are
    put, fails = LocalDisk.put, [next(failures)]

    async def put_or_fail(self: LocalDisk, key: str, source: Any, **more: Any) -> Any:
        if fails and key.startswith(fails[0]):
            fails[:] = [following for following in [next(failures, None)] if following]
            raise Unavailable("The store is away.", code="storage_unavailable")
        return await put(self, key, source, **more)

    monkeypatch.setattr(LocalDisk, "put", put_or_fail)
    with run_server().client() as client:
        jobs = LongJobs(client)
        job = jobs.succeeded(jobs.make(book(60)))
        assert (job["attempt"], fails) == (3, [])
        assert_same(jobs.heard(job), expected(60))


def test_segments_that_are_gone_are_made_anew(tmp_path: Path) -> None:
    catalog = (tone_entry(SlowToneEngine),)
    with running(tmp_path, catalog) as first, first.client() as client:
        job_id = LongJobs(client).make(book(SENTENCES))
        LongJobs(client).until(job_id, characters_done=1)
    lost = tmp_path / "files" / "work" / "local" / job_id / "1-00000.pcm"
    lost.write_bytes(lost.read_bytes()[:-2])
    with running(tmp_path, catalog) as second, second.client() as client:
        jobs = LongJobs(client)
        assert_same(jobs.heard(jobs.succeeded(job_id)), expected(SENTENCES))
        assert "tts.job_begun_anew" in second.log.getvalue()


def test_a_text_without_a_sound_fails_at_once_and_for_good(run_server: RunServer, tmp_path: Path) -> None:
    with run_server((entry(MuteEngine, default=True),)).client() as client:
        jobs = LongJobs(client)
        job = jobs.until(jobs.make("Hello.", voice="mute"), "failed")
        assert (job["error"]["code"], job["attempt"]) == ("nothing_to_say", 1)
        eventually(lambda: left_in(tmp_path / "data") == [])


def test_where_there_is_no_room_no_job_is_made_but_a_result_is_not_refused(run_server: RunServer) -> None:
    with run_server(storage={"quota_bytes": 1000}).client() as client:
        jobs = LongJobs(client)
        jobs.succeeded(jobs.make("Hello you."))
        refused = jobs.order(text="Hello you.")
        assert (refused.status_code, refused.json()["code"]) == (409, "quota_exceeded")
        assert len(client.get("/api/jobs").json()["jobs"]) == 1


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    with running(tmp_path) as server, server.client() as client:
        job_id = LongJobs(client).make("Hello you.")
        LongJobs(client).succeeded(job_id)
        eventually(lambda: len(left_in(tmp_path)) == 3)
    for name in (f"work/local/{job_id}/1-00000.pcm", "work/local/job_unknown/1-00000.json"):
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    with running(tmp_path):
        eventually(lambda: len(left_in(tmp_path)) == 3)
    assert all(name.startswith(f"u/local/{job_id}/") for name in left_in(tmp_path))


def _events(client: httpx.Client, job_id: str) -> str:
    """What it has told so far."""
    told = ""
    with suppress(httpx.ReadTimeout), client.stream("GET", f"/api/jobs/{job_id}/events", timeout=1) as answer:
        for line in answer.iter_lines():
            told += line
    return told


def test_listeners_come_before_the_next_sentence_of_a_job(run_server: RunServer, tmp_path: Path) -> None:
    server = run_server((entry(GatedEngine, default=True),), speech={"workers": 1})
    with server.client() as client:
        jobs = LongJobs(client)
        job_id = jobs.make("Job one. Job two. Job three.", voice="gated", format="wav")
        eventually(lambda: diary() == ["Job"])

        def listen() -> None:
            with server.client() as listener:
                body = {"text": "Live one. Live two.", "format": "pcm", "stream": True}
                assert listener.post("/v1/tts/generate", json=body).status_code == 200

        listeners = [threading.Thread(target=listen) for _ in range(3)]
        for thread in listeners:
            thread.start()
        eventually(lambda: server.service.streams_in_flight == 3)
        (tmp_path / "gate").touch()
        for thread in listeners:
            thread.join(30)
        jobs.succeeded(job_id)
    turns = [word for word in diary() if word in ("Job", "Live")]
    assert turns[:4] == ["Job", "Live", "Live", "Live"]
    assert sorted(turns) == ["Job"] * 3 + ["Live"] * 6
