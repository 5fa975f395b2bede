"""Sound leaves while it is being made, in every format; and who waits for whom when there is much to do."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import httpx
import numpy as np
import pytest

from backline.accounts.principal import LOCAL
from backline.media.audio import from_pcm16
from tests.conftest import Running, RunServer
from tests.fakes.engines import SlowEngine, diary, entry
from tests.speech.hearing import EVERY_FORMAT, GENERATE, SENTENCES, Wire, eventually, wire


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_bytes_leave_while_the_engine_is_still_at_work(fakes: Running, name: str) -> None:
    with wire(fakes) as it:
        it.post({"text": "x", "voice": "slow", "format": name, "stream": True})
        assert it.status() == 200
        chunks = it.chunks()
        first = next(chunks)
        made = diary().count("block")
        assert first
        assert made < 100, "more than two seconds of sound were made before the first byte left"
        pieces = [next(chunks) for _ in range(8)]
        assert all(pieces)
        assert "finished" not in diary()
        assert diary().count("block") > made


def test_the_whole_answer_waits_for_the_whole_sound(fakes: Running) -> None:
    """Or its headers could not be true."""
    with wire(fakes) as it:
        it.post({"text": "xx", "voice": "fake", "format": "opus"})
        assert it.status() == 200
        assert "finished" in diary()


def test_the_first_sound_does_not_wait_for_the_first_sentence(fakes: Running) -> None:
    with wire(fakes) as it:
        it.post({"text": " ".join(SENTENCES), "voice": "slow", "format": "pcm", "stream": True})
        it.status()
        first = next(it.chunks())
    assert len(first) < 2 * 24000  # the sentence lasts 20 s


def test_silence_at_the_beginning_is_kept_and_nothing_is_sent_before_the_first_sound(fake_client: httpx.Client) -> None:
    """An engine may pause before it speaks; only when all of it is silence has nothing been said."""
    response = fake_client.post(GENERATE, json={"text": "wait", "voice": "mumbling", "format": "pcm", "stream": True})
    sound = from_pcm16(response.content)
    assert len(sound) == 12_000 + 24_027
    assert not sound[:12_000].any()
    assert sound[12_000:12_010].all()


def test_a_joint_of_two_sentences_makes_no_click(fake_client: httpx.Client) -> None:
    """Each is a sine that begins and ends in the middle of things; put end to end, they would jump by up to a half."""
    response = fake_client.post(GENERATE, json={"text": "One. Two. Three.", "voice": "mumbling", "format": "pcm"})
    sound = from_pcm16(response.content)[:, 0]
    assert len(sound) == 3 * 24_027 - 2 * 1_200
    steps = np.abs(np.diff(sound))
    inside_a_unit = steps[1_000:20_000].max()
    assert steps.max() < 1.5 * inside_a_unit
    loudness = np.sqrt(np.convolve(sound**2, np.ones(480) / 480, "valid"))
    assert (
        loudness.min() > 0.15
    )  # nor a hole: a steady sine has 0.35, two of them in opposite phase may cancel somewhat


def test_health_is_answered_while_every_engine_is_busy(fakes: Running) -> None:
    """Peers call the model on the event loop, and everybody waits."""
    with ExitStack() as stack:
        for _ in range(4):
            it = stack.enter_context(wire(fakes))
            it.post({"text": "x", "voice": "late", "stream": True})
        eventually(lambda: diary().count("thinking") == 2)
        with fakes.client() as client:
            assert client.get("/health").json() == {"status": "ok"}
            assert client.get("/v1/tts/health").json()["streams_in_flight"] == 4
            assert client.post(GENERATE, json={"text": "Hi"}).status_code == 200
        assert diary().count("thinking") == 2, "the engine ended; this showed nothing"
    eventually(lambda: fakes.service.streams_in_flight == 0)


def test_a_short_request_does_not_wait_for_a_long_one(run_server: RunServer) -> None:
    """One worker, which the long stream keeps busy for many sentences."""
    server = run_server(speech={"workers": 1})
    with wire(server) as long:
        long.post({"text": "A long story is told. " * 2000, "voice": "tone-low", "format": "opus", "stream": True})
        reading = _reading(long)
        eventually(lambda: server.service.streams_in_flight == 1)
        with server.client() as client:
            for _ in range(3):
                short = client.post(GENERATE, json={"text": "Short.", "voice": "tone-low", "format": "opus"})
                assert short.status_code == 200
        assert server.service.streams_in_flight == 1, "the long one was over; this showed nothing"
    reading.join(10)
    eventually(lambda: server.service.streams_in_flight == 0)


def test_who_has_heard_least_goes_first(run_server: RunServer) -> None:
    """Counted in sound that the others got meanwhile. First come, first served would give each of the twelve a slice of
    0.3 s for every slice of the newcomer's; ordered by what was delivered, one of them gets one now and then."""
    server = run_server(speech={"workers": 1})
    with ExitStack() as stack:
        ids = [f"long-{number}" for number in range(12)]
        for request_id in ids:
            it = stack.enter_context(wire(server))
            long = {"text": "A long story is told. " * 2000, "voice": "tone-low", "format": "opus", "stream": True}
            it.post(long, request_id=request_id)
            _reading(it)
        eventually(lambda: server.service.streams_in_flight == len(ids))
        records = [asyncio.run(server.service.record_of(request_id, LOCAL)) for request_id in ids]
        eventually(lambda: all(record.audio_seconds > 5 for record in records))
        with server.client() as client:
            before = sum(record.audio_seconds for record in records)
            short = client.post(GENERATE, json={"text": "abcdefghij" * 4, "voice": "tone-low", "format": "opus"})
            after = sum(record.audio_seconds for record in records)
        slices = 1 + float(short.headers["x-audio-seconds"]) / 0.3
        assert all(record.outcome == "running" for record in records), "they were over; this showed nothing"
    assert after - before < slices * 12 * 0.3 / 2
    eventually(lambda: server.service.streams_in_flight == 0)


def test_one_more_than_the_most_is_told_to_come_back(run_server: RunServer) -> None:
    server = run_server((entry(SlowEngine, default=True),), speech={"max_streams": 2, "workers": 4})
    with ExitStack() as stack:
        for _ in range(2):
            it = stack.enter_context(wire(server))
            it.post({"text": "x", "stream": True})
            assert it.status() == 200
        with server.client() as client:
            refused = client.post(GENERATE, json={"text": "x"})
            assert refused.status_code == 429
            assert refused.json()["code"] == "too_many_streams"
            assert refused.json()["retryable"] is True
            assert int(refused.headers["retry-after"]) >= 1
            assert refused.headers["content-type"] == "application/problem+json"
    eventually(lambda: server.service.streams_in_flight == 0)
    with server.client() as client, client.stream("POST", GENERATE, json={"text": "x", "stream": True}) as accepted:
        assert accepted.status_code == 200


def test_a_draining_server_takes_no_new_work_and_says_when_to_come_back(run_server: RunServer) -> None:
    server = run_server((entry(SlowEngine, default=True),))
    with wire(server) as it, server.client() as client:
        it.post({"text": "x", "stream": True})
        assert it.status() == 200
        server.service.drain()
        refused = client.post(GENERATE, json={"text": "x"})
        assert (refused.status_code, refused.json()["code"], refused.json()["retryable"]) == (503, "draining", True)
        assert int(refused.headers["retry-after"]) >= 1
        assert client.get("/health/ready").status_code == 503
        assert client.get("/health").status_code == 200
        assert next(it.chunks())  # what runs goes on


def test_fifty_streams_at_once_all_arrive_whole(server: Running) -> None:
    def ask(number: int) -> int:
        voice = "male-1" if number % 2 else "tone-high"
        with server.client() as client:
            response = client.post(
                GENERATE, json={"text": "नमस्ते दुनिया। Hello.", "voice": voice, "format": "pcm", "stream": True}
            )
        assert response.status_code == 200
        return len(response.content)

    with ThreadPoolExecutor(50) as pool:
        lengths = list(pool.map(ask, range(50)))
    assert len(set(lengths[::2])) == 1  # the tone engine repeats itself exactly
    assert max(lengths[1::2]) < 1.05 * min(lengths[1::2])


def _reading(it: Wire) -> threading.Thread:
    """Somebody who takes all that comes, until one of the two leaves."""

    def read() -> None:
        with suppress(OSError, ValueError):
            it.status()
            for _ in it.chunks():
                pass

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread
