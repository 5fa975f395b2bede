"""The jam over HTTP: what a musician's app sends, hears, is told and pays, on a real server that plays by itself."""

from __future__ import annotations

import base64
import threading
import time
from typing import Any

import httpx
import numpy as np
import pytest

from backline.media.audio import silence
from tests.conftest import Running, RunServer
from tests.jam.client import Musician, wav_of
from tests.jam.conftest import Meet
from tests.loops import loop

RATE_HZ = 48000
LOOP = wav_of(loop("mix", bpm=120, bars=1), RATE_HZ)
SHORT: dict[str, Any] = {"bpm": 240, "bars_per_chunk": 1}
"""Chunks of one second."""


def test_the_whole_journey_of_the_seed_and_its_money(ada: Musician) -> None:
    """Login, balance, warm-up, status, a silent second, four chunks, knobs, stop, close: the balance has fallen."""
    before = ada.balance
    begun = time.monotonic()
    session_id = ada.warm()
    assert ada.status(session_id)["billing_state"] == "active"
    assert ada.start(session_id, wav_of(silence(RATE_HZ, 2), RATE_HZ)).status_code == 200
    total = 0
    for index in range(4):
        samples, told = ada.chunk(session_id, timeout_seconds=10)
        assert (told["index"], told["bpm"], told["bars"], told["beats_per_bar"]) == (index, 120, 4, 4)
        assert (told["sample_rate"], told["channels"], told["seconds_per_bar"]) == (RATE_HZ, 2, 2)
        assert told["loop_duration_seconds"] == 1
        assert told["start_sample"] == total
        total += len(samples)
        ada.post("consume", session_id, chunk_index=index)
    assert total == 32 * RATE_HZ
    ada.post("update", session_id, temperature=1.3, guidance_weight=1.5)
    assert ada.post("stop", session_id)["status"] == "stopped"
    closed = ada.post("close", session_id)
    lasted = time.monotonic() - begun
    charged = float(closed["total_charged"])
    assert closed["status"] == "closed"
    assert charged == pytest.approx(closed["billable_elapsed_seconds"], abs=1e-6)
    assert 0 < charged <= lasted
    time.sleep(0.6)  # nothing comes after it
    assert ada.balance == pytest.approx(before - charged, abs=1e-6)
    assert ada.post("close", session_id) == closed


def test_every_field_reaches_the_music(ada: Musician) -> None:
    """Bugs 1 and 10: nothing is dropped on the way, and 93.7 stays 93.7."""
    session_id = ada.playing(
        LOOP,
        bpm=93.7,
        bars_per_chunk=2,
        beats_per_bar=3,
        styles="acid house, dub",
        style_weights="1.0,0.5",
        loop_weight=0.7,
        loudness_mode="rms",
        loudness_headroom_db=3,
        guidance_weight=2.5,
        temperature=0.8,
        topk=7,
        target_sample_rate=44100,
        seed=12,
    )
    samples, told = ada.chunk(session_id)
    assert told["bpm"] == 93.7
    assert (told["bars"], told["beats_per_bar"], told["sample_rate"], told["seed"]) == (2, 3, 44100, 12)
    assert (told["guidance_weight"], told["temperature"], told["topk"]) == (2.5, 0.8, 7)
    assert len(samples) == round(44100 * 60 / 93.7 * 6)
    assert np.abs(samples).max() <= 10 ** (-3 / 20) + 1e-3


def test_an_empty_field_is_an_absent_one(ada: Musician) -> None:
    """The seed's client sends `target_sample_rate` empty."""
    loop_44k = wav_of(loop("drums", bars=1, rate_hz=44100), 44100)
    session_id = ada.playing(loop_44k, target_sample_rate="", seed="", styles="", style_weights="", **SHORT)
    assert ada.chunk(session_id)[1]["sample_rate"] == 44100


def test_a_weight_that_is_left_out_between_commas_is_one(ada: Musician) -> None:
    fields = {"styles": "acid house,dub,jazz", "seed": 1, **SHORT}
    assert ada.start(ada.warm(), LOOP, style_weights="1,,2", **fields).status_code == 200
    refused = ada.start(ada.warm(), LOOP, style_weights="1,,2,", **fields)  # four: none was dropped
    assert (refused.status_code, refused.json()["code"]) == (422, "out_of_range")


def test_a_late_chunk_is_null_and_a_lost_one_is_given_again(ada: Musician) -> None:
    """Bugs 2 and 18."""
    session_id = ada.playing(LOOP, **SHORT)
    first = ada.next(session_id)
    assert ada.next(session_id, index=0)["chunk"] == first["chunk"]
    assert ada.chunk(session_id)[1]["index"] == 1
    ada.post("consume", session_id, chunk_index=1)
    gone = ada.http.get("/jam/next", params={"session_id": session_id, "index": 0})
    assert (gone.status_code, gone.json()["code"]) == (404, "chunk_gone")
    late = ada.next(session_id, index=500, timeout_seconds=0)
    assert (late["chunk"], late["jam_running"], late["ended"]) == (None, True, False)


@pytest.mark.parametrize(("chunk_format", "magic"), [("wav", b"RIFF"), ("flac", b"fLaC"), ("opus", b"OggS")])
def test_the_format_is_chosen_by_chunk(ada: Musician, chunk_format: str, magic: bytes) -> None:
    session_id = ada.playing(LOOP, **SHORT)
    chunk = ada.next(session_id, format=chunk_format)["chunk"]
    assert base64.b64decode(chunk["audio_base64"]).startswith(magic)
    assert chunk["metadata"]["format"] == chunk_format
    assert len(ada.chunk(session_id, format=chunk_format)[0]) == RATE_HZ


def test_stop_ends_at_a_bar_line_and_the_session_stays(ada: Musician) -> None:
    session_id = ada.playing(LOOP, bpm=240, bars_per_chunk=4)
    ada.chunk(session_id)
    ada.post("stop", session_id)
    frames = []
    while (told := ada.next(session_id, timeout_seconds=2))["chunk"] is not None:
        frames.append(told["chunk"]["metadata"]["total_samples"])
    assert (told["jam_running"], told["ended"]) == (False, True)
    assert all(length % RATE_HZ == 0 for length in frames)
    assert ada.status(session_id)["billing_state"] == "active"
    assert ada.start(session_id, LOOP, **SHORT).status_code == 200  # and plays again
    assert ada.chunk(session_id)[1]["index"] > len(frames)


def test_two_starts_at_once_make_one_jam(ada: Musician) -> None:
    session_id, answers = ada.warm(), []
    threads = [
        threading.Thread(target=lambda: answers.append(ada.start(session_id, LOOP, **SHORT).status_code))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409]
    assert ada.start(session_id, LOOP).json()["code"] == "jam_already_running"


def test_close_against_next(ada: Musician) -> None:
    """Bug 15: one waits, the other is heard at once."""
    session_id = ada.playing(LOOP, **SHORT)
    answers: list[httpx.Response] = []

    def wait() -> None:
        query: dict[str, Any] = {"session_id": session_id, "index": 900, "timeout_seconds": 25}
        answers.append(ada.http.get("/jam/next", params=query))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.2)
    begun = time.monotonic()
    ada.post("close", session_id)
    waiting.join(10)
    assert time.monotonic() - begun < 10
    (answer,) = answers
    assert answer.status_code == 409 or answer.json()["chunk"] is None


def test_a_closed_or_unknown_session_is_an_error_and_never_a_new_one(ada: Musician) -> None:
    """Bugs 8 and 16."""
    session_id = ada.playing(LOOP, **SHORT)
    ada.post("close", session_id)
    for route, fields in (("consume", {"chunk_index": 0}), ("update", {"topk": 3}), ("stop", {}), ("reseed", {})):
        refused = ada.ask(route, session_id, **fields)
        assert (refused.status_code, refused.json()["code"]) == (409, "session_closed")
        unknown = ada.ask(route, "jam_unknown", **fields)
        assert (unknown.status_code, unknown.json()["code"]) == (404, "session_not_found")
    status = ada.status(session_id)
    assert (status["billing_state"], status["close_reason"], status["reachable"]) == ("closed", "manual_close", True)
    assert ada.start(session_id, LOOP).status_code == 409


def test_sessions_are_their_owners(server: Running, ada: Musician, meet: Meet) -> None:
    session_id, eve = ada.playing(LOOP, **SHORT), meet(server, "eve")
    assert eve.http.get("/jam/status", params={"session_id": session_id}).status_code == 404
    assert eve.http.get("/jam/next", params={"session_id": session_id}).status_code == 404
    for route in ("stop", "close", "update", "reseed", "reseed_splice"):
        assert eve.ask(route, session_id).status_code == 404
    assert ada.status(session_id)["jam_running"] is True


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"bpm": 19}, "bpm"),
        ({"bpm": 301}, "bpm"),
        ({"bpm": "nan"}, "bpm"),
        ({"bpm": "fast"}, "bpm"),
        ({"bars_per_chunk": 0}, "bars_per_chunk"),
        ({"bars_per_chunk": 17}, "bars_per_chunk"),
        ({"beats_per_bar": 17}, "beats_per_bar"),
        ({"bpm": 20, "bars_per_chunk": 16}, "32 s"),
        ({"loudness_mode": "loud"}, "loudness_mode"),
        ({"loudness_headroom_db": -1}, "loudness_headroom_db"),
        ({"temperature": 5}, "temperature"),
        ({"temperature": "inf"}, "temperature"),
        ({"topk": 0}, "topk"),
        ({"guidance_weight": -1}, "guidance_weight"),
        ({"loop_weight": 11}, "loop_weight"),
        ({"target_sample_rate": 7999}, "target_sample_rate"),
        ({"seed": -1}, "seed"),
        ({"styles": ",".join("abcdefghijklmnopq")}, "styles"),
        ({"styles": "x" * 201}, "styles"),
        ({"style_weights": "1,heavy"}, "style_weights"),
        ({"tempo": 120}, "tempo"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(server: Running, fields: dict[str, Any], says: str, meet: Meet) -> None:
    ada = meet(server, None)
    session_id = ada.warm()
    refused = ada.start(session_id, LOOP, **fields)
    assert refused.status_code == 422
    assert says in refused.json()["detail"]
    assert ada.start(session_id, LOOP, **SHORT).status_code == 200  # and nothing is lost


def test_a_loop_that_is_none_is_refused(ada: Musician) -> None:
    session_id = ada.warm()
    for data in (b"", b"This is a text that is called loop.wav. " * 50, LOOP[:30]):
        refused = ada.start(session_id, data)
        assert refused.status_code == 422, refused.text
        assert refused.json()["code"] in ("empty_file", "undecodable_audio")
    missing = ada.http.post("/jam/start", data={"session_id": session_id})
    assert (missing.status_code, missing.json()["code"]) == (422, "no_loop")
    too_large = ada.start(session_id, bytes(50_200_001))
    assert (too_large.status_code, too_large.json()["code"]) == (413, "loop_too_large")
    twice = ada.start(session_id, LOOP, bpm=["100", "140"])
    assert (twice.status_code, twice.json()["code"]) == (422, "bad_form")
    assert ada.status(session_id)["billing_state"] == "active"


def test_knobs_are_turned_one_by_one(ada: Musician) -> None:
    """Bug 17: an update of one leaves every other as it was."""
    session_id = ada.playing(LOOP, temperature=0.9, topk=11, guidance_weight=3, **SHORT)
    ada.post("update", session_id, temperature=1.7)
    told: dict[str, Any] = {}
    for _ in range(4):
        told = ada.chunk(session_id)[1]
        ada.post("consume", session_id, chunk_index=told["index"])
    assert (told["temperature"], told["topk"], told["guidance_weight"]) == (1.7, 11, 3)
    assert ada.ask("update", session_id, temperature=9).status_code == 422
    assert ada.ask("update", session_id, bpm=90).status_code == 422  # told, not ignored


def test_reseeding_needs_no_upload(ada: Musician) -> None:
    session_id = ada.playing(LOOP, **SHORT)
    ada.chunk(session_id)
    assert ada.post("reseed", session_id) == {"ok": True, "session_id": session_id}
    assert ada.post("reseed_splice", session_id)["anchor_bars"] == 2.0
    assert ada.post("reseed_splice", session_id, anchor_bars=4)["anchor_bars"] == 4.0
    files = {"combined_audio": ("other.wav", LOOP, "audio/wav")}
    again = ada.http.post("/jam/reseed_splice", data={"session_id": session_id}, files=files)
    assert again.status_code == 200
    wrong = ada.http.post("/jam/reseed", data={"session_id": session_id}, files=files)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "bad_form")
    assert len(ada.chunk(session_id)[0]) == RATE_HZ


def test_a_minute_of_credit_is_needed(server: Running, run_server: RunServer, meet: Meet) -> None:
    poor = meet(server, "poor")
    spent = poor.playing(LOOP, **SHORT)
    others = [poor.warm() for _ in range(9)]  # each sets a minute aside
    refused = poor.http.post("/jam/warmup")
    assert (refused.status_code, refused.json()["code"]) == (402, "insufficient_credits")
    for session_id in (spent, *others):
        poor.post("close", session_id)
    assert poor.balance <= 600
    assert poor.http.get("/credits/balance").json()["held_seconds"] == "0"


def test_the_worker_has_room_for_so_many(run_server: RunServer, meet: Meet) -> None:
    """Bug 14: one cap over all sessions, told clearly; who was refused is not charged, and holds nothing."""
    server = run_server(jam={"engine": "metronome", "max_sessions": 2})
    ada = meet(server)
    first, _ = ada.warm(), ada.warm()
    refused = ada.http.post("/jam/warmup")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_sessions")
    assert "retry-after" in refused.headers
    ada.post("close", first)
    ada.warm()
    held = float(ada.http.get("/credits/balance").json()["held_seconds"])
    assert 118 < held <= 120  # two minutes, of which some was used


@pytest.mark.slow
def test_who_leaves_is_billed_for_a_moment_and_not_for_the_wait(run_server: RunServer, meet: Meet) -> None:
    """Bug 13: an abandoned session ends by itself."""
    server = run_server(jam={"engine": "metronome", "idle_seconds": 1.5, "grace_seconds": 0.5, "poll_seconds": 0.2})
    ada = meet(server)
    before = ada.balance
    session_id = ada.playing(LOOP, **SHORT)
    time.sleep(3)
    status = ada.status(session_id)
    assert status["billing_state"] == "closed"
    charged = float(status["total_charged"])
    assert 0.5 <= charged <= 1.5  # what it took to start, and half a second
    assert ada.balance == pytest.approx(before - charged, abs=1e-6)


def test_a_server_says_what_a_loop_sounds_like(ada: Musician) -> None:
    files = {"loop_audio": ("loop.wav", wav_of(loop("mix", bpm=96, bars=4), RATE_HZ), "audio/wav")}
    heard = ada.http.post("/jam/listen", files=files).json()
    assert heard["bpm"] == pytest.approx(96, rel=0.01)
    assert heard["key"] == "A minor"
    assert heard["duration_seconds"] == pytest.approx(10)
    refused = ada.http.post("/jam/listen", files={"loop_audio": ("loop.wav", b"no sound", "audio/wav")})
    assert (refused.status_code, refused.json()["code"]) == (422, "undecodable_audio")
