"""Long speech as a job: the sound of one stream, in any format, with the time of every sentence."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from backline.media.audio import from_pcm16
from backline.media.encode.formats import FORMATS
from backline.speech.schemas import MAX_LONG_TEXT_CHARACTERS
from tests.conftest import Running, RunServer, running
from tests.media.signals import heard
from tests.speech.hearing import (
    EVERY_FORMAT,
    GENERATE,
    TEXT,
    TONE_HZ,
    assert_same_sound,
    at_rate,
    eventually,
    spliced,
    tone_units,
)
from tests.speech.long_jobs import JOBS, PHRASES, LongJobs, assert_same, book, expected, left_in, starts
from tests.speech.test_generate_long import MEBIBYTE, Watch

SENTENCES = 160
"""Of three segments and a bit."""


@pytest.fixture
def jobs(client: httpx.Client) -> LongJobs:
    return LongJobs(client)


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that makes jobs and works on none."""
    with running(tmp_path_factory.mktemp("idle"), jobs={"loop": False}) as server:
        yield server


def test_it_sounds_like_one_stream_from_the_first_sentence_to_the_last(jobs: LongJobs) -> None:
    job = jobs.succeeded(jobs.make(book(SENTENCES)))
    whole = expected(SENTENCES)
    assert_same(jobs.heard(job), whole)
    assert job["audio_seconds"] == pytest.approx(len(whole) / TONE_HZ, abs=1e-6)
    assert (job["progress"], job["message"]) == (1.0, "writing the files")
    assert job["characters_done"] == job["characters"] == len(book(SENTENCES))
    streamed = jobs.client.post(
        GENERATE, json={"text": book(SENTENCES), "voice": "tone-low", "format": "pcm", "normalize": False}
    )
    assert_same(jobs.heard(job), from_pcm16(streamed.content))


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_every_format_can_be_heard(jobs: LongJobs, name: str) -> None:
    job = jobs.succeeded(jobs.make(TEXT, format=name, title="A song"))
    rate_hz = job["result"]["sample_rate"]
    copy, decoded_hz = heard(jobs.fetch(job["url"]), FORMATS[name], rate_hz)
    assert decoded_hz == rate_hz
    assert_same_sound(copy, at_rate(spliced(tone_units()), TONE_HZ, rate_hz), name)
    file = jobs.client.get(f"/api/files/{job['result']['audio_file_id']}").json()
    assert file["name"] == f"A song{FORMATS[name].suffix}"
    assert file["content_type"] == FORMATS[name].media_type
    assert (file["source"], file["expires_at"] is None) == (job["id"], False)


def test_a_wav_says_its_true_length(jobs: LongJobs) -> None:
    data = jobs.fetch(jobs.succeeded(jobs.make(book(60), format="wav"))["url"])
    assert struct.unpack_from("<I", data, 4) == (len(data) - 8,)
    assert struct.unpack_from("<I", data, 40) == (len(data) - 44,)
    assert len(data) - 44 == 2 * len(expected(60))


def test_every_sentence_is_where_the_chapters_and_the_captions_say(jobs: LongJobs) -> None:
    text = book(SENTENCES)
    job = jobs.succeeded(jobs.make(text, title="Nights"))
    chapters, cues, moments = jobs.chapters(job), jobs.cues(job), starts(SENTENCES)
    assert (chapters["title"], chapters["characters"], chapters["format"]) == ("Nights", len(text), "pcm")
    assert chapters["audio_seconds"] == job["audio_seconds"]
    assert len(chapters["sentences"]) == len(cues) == job["result"]["sentences"] == SENTENCES
    ends = [*moments[1:], job["audio_seconds"]]
    for number, (one, cue) in enumerate(zip(chapters["sentences"], cues, strict=True)):
        assert one["index"] == number
        assert one["text"] == cue.text == PHRASES[number % 4] == text[one["source_start"] : one["source_end"]]
        assert one["start_s"] == cue.start_s == pytest.approx(moments[number], abs=0.002)
        assert one["end_s"] == cue.end_s == pytest.approx(ends[number], abs=0.002)


def test_the_times_can_be_heard_in_the_sound(jobs: LongJobs) -> None:
    """Between passages there is a second of silence; it is measured, not calculated."""
    marked = "".join(f"<p>{PHRASES[n % 4]}</p><break time='1s'/>" for n in range(90))
    job = jobs.succeeded(jobs.make(f"<speak>{marked}</speak>"))
    cues, sound = jobs.cues(job), jobs.heard(job)[:, 0]
    assert len(cues) == 90
    silent = np.concatenate([[False], np.abs(sound) < 1e-4, [False]])
    edges = np.flatnonzero(np.diff(silent.astype(np.int8)))
    gaps = [(begin, end) for begin, end in edges.reshape(-1, 2) if end - begin > 0.5 * TONE_HZ]
    assert len(gaps) == 90
    for cue, following, (begin, end) in zip(cues, [*cues[1:], None], gaps, strict=True):
        assert begin / TONE_HZ == pytest.approx(cue.end_s, abs=0.25)  # a full stop is a rest, and the fade is 50 ms
        if following is not None:
            assert end / TONE_HZ == pytest.approx(following.start_s, abs=0.005)


def test_captions_hold_any_text_and_sentences_without_sound_are_left_out(jobs: LongJobs) -> None:
    odd = ["If a < b & c --> d, stop.", "…", "Two\nlines\tand <laugh> tags.", "---", "The end &amp; more."]
    job = jobs.succeeded(jobs.make("\n\n".join(odd)))
    said = [" ".join(line.split()) for line in odd if any(letter.isalnum() for letter in line)]
    assert [cue.text for cue in jobs.cues(job)] == said
    assert [" ".join(one["text"].split()) for one in jobs.chapters(job)["sentences"]] == said


def test_a_title_becomes_a_name_that_is_no_path(jobs: LongJobs) -> None:
    job = jobs.succeeded(jobs.make("Hello you.", title="../My/\\bo\tok "))
    file = jobs.client.get(f"/api/files/{job['result']['captions_file_id']}").json()
    assert file["name"] == "_My__bo_ok.vtt"


def test_a_million_characters_are_taken_and_not_one_more(idle: Running) -> None:
    text = "ad" * (MAX_LONG_TEXT_CHARACTERS // 2)
    with idle.client() as client:
        jobs = LongJobs(client)
        job = jobs.get(jobs.make(text))
        assert (job["characters"], job["characters_done"], job["url"]) == (1_000_000, 0, None)
        escaped = '{"text": "' + "\\ud83d\\ude00" * 1_000_000 + '"}'
        answer = client.post(JOBS, content=escaped, headers={"Content-Type": "application/json"})
        assert (answer.status_code, len(escaped) > 12_000_000) == (202, True)
        refused = jobs.order(text=text + "a")
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
        large = client.post(JOBS, content=escaped + " " * 4_000_000, headers={"Content-Type": "application/json"})
        assert (large.status_code, large.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": "... !"}, "nothing_to_say"),
        ({"text": "<speak> <p> </p></speak>"}, "nothing_to_say"),
        ({"text": "<speak><b>x</b></speak>"}, "bad_ssml"),
        ({"text": "a", "voice": "nobody"}, "unknown_voice"),
        ({"text": "a", "format": "midi"}, "unknown_format"),
        ({"text": "a", "format": "opus", "sample_rate": 22050}, "unsupported_rate"),
        ({"text": "a", "stream": True}, "invalid"),
        ({"text": "a", "title": ""}, "invalid"),
        ({}, "invalid"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(idle: Running, body: dict[str, object], code: str) -> None:
    with idle.client() as client:
        answer = client.post(JOBS, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_the_same_key_and_body_are_the_same_job(idle: Running) -> None:
    with idle.client() as client:
        jobs = LongJobs(client)
        voice = client.post("/v1/voices", json={"name": "Low", "voice": "tone-low"}).json()["id"]
        first = jobs.order("book-1", text="One.", voice=voice).json()
        client.patch(f"/v1/voices/{voice}", json={"speed": 2.0})
        client.put("/v1/tts/lexicon", json={"lexicon": {"one": "two"}})
        assert jobs.order("book-1", text="One.", voice=voice).json()["id"] == first["id"]
        client.delete(f"/v1/voices/{voice}")
        again = jobs.order("book-1", text="One.", voice=voice)
        assert (again.status_code, again.json()["id"]) == (202, first["id"])
        other = jobs.order("book-1", text="Two.", voice=voice)
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
        client.put("/v1/tts/lexicon", json={"lexicon": {}})


@pytest.mark.slow
def test_voice_and_words_are_those_of_the_time_when_it_was_made(run_server: RunServer) -> None:
    before = run_server(jobs={"loop": False})
    with before.client() as client:
        voice = client.post("/v1/voices", json={"name": "Mine", "voice": "tone-high", "speed": 2.0}).json()["id"]
        client.put("/v1/tts/lexicon", json={"lexicon": {"nginx": "engine x"}})
        job_id = LongJobs(client).make("nginx is up.", voice=voice)
        client.put("/v1/tts/lexicon", json={"lexicon": {}})
        client.delete(f"/v1/voices/{voice}")
    with run_server().client() as client:
        jobs = LongJobs(client)
        job = jobs.succeeded(job_id)
        assert_same(jobs.heard(job), tone_units(["engine x is up."], "tone-high", 2.0)[0])
        record = client.get(f"/v1/tts/requests/{job_id}").json()
        assert (record["voice"], record["voice_name"], record["outcome"]) == (voice, "Mine", "completed")
        assert record["audio_seconds"] == job["audio_seconds"]
        assert record["audio_bytes"] == len(jobs.fetch(job["url"]))
        assert [one["text"] for one in client.get("/v1/tts/texts").json()["texts"]] == ["nginx is up."]


def test_somebody_elses_job_is_not_there(idle: Running) -> None:
    def signed_in(name: str) -> dict[str, str]:
        answer = httpx.post(f"{idle.address}/auth/mock-login", json={"test_user_id": name})
        assert answer.status_code == 200, (answer.text, idle.log.getvalue()[-2000:])
        return {"Authorization": f"Bearer {answer.json()['token']}"}

    with idle.client(headers=signed_in("ada")) as ada, idle.client(headers=signed_in("bob")) as bob:
        job_id = LongJobs(ada).make("Hello.")
        assert ada.get(f"{JOBS}/{job_id}").status_code == 200
        for path in (f"{JOBS}/{job_id}", f"/api/jobs/{job_id}", f"{JOBS}/unknown"):
            answer = bob.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")
        assert bob.get("/v1/tts/requests/" + job_id).status_code == 404


def test_a_file_that_was_removed_has_no_address(jobs: LongJobs) -> None:
    job = jobs.succeeded(jobs.make("Hello you."))
    jobs.client.delete(f"/api/files/{job['result']['audio_file_id']}")
    after = jobs.get(job["id"])
    assert after["url"] is None
    assert after["vtt_url"] is not None


@pytest.mark.slow
def test_a_book_is_never_held_in_memory(jobs: LongJobs) -> None:
    """An hour of sound is 170 MB."""
    jobs.succeeded(jobs.make(book(60), format="flac"))
    watch = Watch()
    job_id = jobs.make(book(3200), format="flac")
    for _ in watch.over(iter(lambda: jobs.get(job_id)["state"].encode(), b"succeeded")):
        time.sleep(0.05)
    job = jobs.get(job_id)
    assert job["audio_seconds"] > 3600
    assert watch.growth_bytes < 50 * MEBIBYTE


@pytest.mark.slow
def test_nothing_is_left_but_the_files(run_server: RunServer, tmp_path: Path) -> None:
    server = run_server()
    with server.client() as client:
        jobs = LongJobs(client)
        job_id = jobs.make(book(60), format="mp3")
        jobs.succeeded(job_id)
        files = [f"u/local/{job_id}/1.{suffix}" for suffix in ("json", "mp3", "vtt")]
        eventually(lambda: left_in(tmp_path / "data") == files)
        assert list((tmp_path / "data" / "tmp").iterdir()) == []
    assert "dark night" not in server.log.getvalue()
