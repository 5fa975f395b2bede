"""What only the end of a request can know, for whoever made it, and for nobody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import httpx
import pytest

from tests.conftest import Running, RunServer
from tests.fakes.engines import entry
from tests.speech.guests import signed_in
from tests.speech.hearing import GENERATE, SENTENCES, TEXT, eventually, speak, spliced, tone_units, wire
from tests.speech.odd_engines import SteadyEngine


def facts(client: httpx.Client, request_id: str) -> dict[str, Any]:
    response = client.get(f"/v1/tts/requests/{request_id}")
    assert response.status_code == 200
    record: dict[str, Any] = response.json()
    return record


def test_the_end_knows_everything(client: httpx.Client) -> None:
    asked = datetime.now(UTC)
    response = speak(client, format="pcm", stream=True, language="te")
    record = facts(client, response.headers["x-request-id"])
    seconds = len(spliced(tone_units())) / 24000
    assert record | {"created_at": None} == record | {
        "created_at": None,
        "request_id": response.headers["x-request-id"],
        "engine": "tone",
        "model_version": "tone-1",
        "voice": "tone-low",
        "format": "pcm",
        "sample_rate": 24000,
        "stream": True,
        "characters": len(TEXT),
        "outcome": "completed",
        "error_code": None,
        "audio_bytes": len(response.content),
        "credits_consumed": "0",
        "languages": ["te"],
    }
    assert record["audio_seconds"] == pytest.approx(seconds, abs=1e-4)
    assert 0 < record["ttfb_ms"] <= record["t_total_ms"]
    assert 0 < record["t_infer_ms"] <= record["t_total_ms"]
    assert 0 <= record["t_norm_ms"] <= record["t_total_ms"]
    assert 0 < record["t_encode_ms"] <= record["t_total_ms"]
    assert record["rtf"] == pytest.approx(record["t_infer_ms"] / 1000 / seconds, abs=1e-3)
    assert record["chunks_sent"] >= 1
    assert record["input_tokens"] == record["output_tokens"] == sum(c.isalpha() for c in "".join(SENTENCES))
    assert abs(datetime.fromisoformat(record["created_at"]) - asked) < timedelta(minutes=1)


@pytest.mark.slow
def test_waiting_for_an_engine_is_not_the_engines_time(run_server: RunServer) -> None:
    """One instance does one thing at a time, so all its times together are no more than the whole."""
    server = run_server((entry(SteadyEngine, default=True),), speech={"workers": 1})

    def ask(number: int) -> float:
        with server.client() as client:
            client.post(GENERATE, json={"text": "Hi"}, headers={"X-Request-ID": f"one-{number}"})
            return float(facts(client, f"one-{number}")["t_infer_ms"])

    began = monotonic()
    with ThreadPoolExecutor(4) as pool:
        engine_ms = sum(pool.map(ask, range(4)))
    assert 4 * 250 < engine_ms < (monotonic() - began) * 1000 * 1.1


def test_nothing_that_was_said_is_kept(client: httpx.Client) -> None:
    response = speak(client, text="zanzibarquokka")
    answer = client.get(f"/v1/tts/requests/{response.headers['x-request-id']}")
    assert "zanzibarquokka" not in answer.text
    assert "owner" not in answer.text


def test_the_languages_are_those_that_were_heard(client: httpx.Client) -> None:
    response = speak(client, text="Hello there. नमस्ते दुनिया। Hello again.", voice="male-1")
    assert facts(client, response.headers["x-request-id"])["languages"] == ["en", "hi"]


def test_a_language_that_the_voice_lacks_is_not_claimed(fake_client: httpx.Client) -> None:
    """Found in the text, but read on in the voice's own."""
    response = fake_client.post(GENERATE, json={"text": "வணக்கம் நண்பர்களே. Hello there. नमस्ते दुनिया।"})
    assert facts(fake_client, response.headers["x-request-id"])["languages"] == ["en", "hi"]


def test_a_running_request_says_so_and_how_far_it_is(fakes: Running, fake_client: httpx.Client) -> None:
    with wire(fakes) as it:
        it.post({"text": "x", "voice": "slow", "format": "pcm", "stream": True}, request_id="running")
        assert it.status() == 200
        chunks = it.chunks()
        first = next(chunks)
        record = facts(fake_client, "running")
        assert record["outcome"] == "running"
        assert record["t_total_ms"] is None
        assert record["ttfb_ms"] > 0
        assert record["audio_bytes"] >= len(first)
        next(chunks)
        eventually(lambda: facts(fake_client, "running")["audio_seconds"] > record["audio_seconds"])
    eventually(lambda: facts(fake_client, "running")["outcome"] == "client_left")
    assert facts(fake_client, "running")["t_total_ms"] > 0


def test_another_callers_request_is_not_there(server: Running, client: httpx.Client) -> None:
    request_id = speak(client).headers["x-request-id"]
    with server.client(headers=signed_in(server)) as other:
        foreign, unknown = (other.get(f"/v1/tts/requests/{which}") for which in (request_id, "no-such-request"))
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}


@pytest.mark.parametrize("request_id", ["nothing", "a%20b", "x" * 200, "..%2f..", "é"])
def test_an_unknown_id_is_404(client: httpx.Client, request_id: str) -> None:
    response = client.get(f"/v1/tts/requests/{request_id}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_a_repeated_id_means_the_newest(client: httpx.Client) -> None:
    for text in ("One", "One two three"):
        client.post(GENERATE, json={"text": text, "voice": "tone-low"}, headers={"X-Request-ID": "again"})
    assert facts(client, "again")["characters"] == len("One two three")


def test_a_refused_request_leaves_no_record(client: httpx.Client) -> None:
    refused = client.post(GENERATE, json={"text": "Hi", "format": "ogg"}, headers={"X-Request-ID": "refused"})
    assert refused.status_code == 422
    assert client.get("/v1/tts/requests/refused").status_code == 404
