"""Every header is true at the moment it is sent, and what is not known yet is not said."""

from __future__ import annotations

import re

import httpx
import numpy as np
import pytest

from backline.media.audio import Samples, silence, to_pcm16
from tests.conftest import Running, RunServer
from tests.speech.hearing import EVERY_FORMAT, GENERATE, decoded, speak, spliced, tone_units

KNOWN_AT_THE_END = {"x-rtf", "x-credits-consumed", "x-audio-seconds", "content-length"}
TOKENS = {"x-input-tokens", "x-output-tokens"}
ALWAYS = {"x-request-id", "x-ttfb-ms", "x-model-version", "x-sample-rate", "x-super-resolution"}


def record_of(client: httpx.Client, response: httpx.Response) -> dict[str, object]:
    answer = client.get(f"/v1/tts/requests/{response.headers['x-request-id']}")
    assert answer.status_code == 200
    record: dict[str, object] = answer.json()
    return record


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_a_stream_says_nothing_that_only_its_end_can_know(client: httpx.Client, name: str) -> None:
    response = speak(client, format=name, stream=True)
    assert set(response.headers) >= ALWAYS
    assert not (KNOWN_AT_THE_END | TOKENS | {"x-remaining-credits"}) & set(response.headers)
    assert response.headers["transfer-encoding"] == "chunked"
    assert float(response.headers["x-ttfb-ms"]) == record_of(client, response)["ttfb_ms"]


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_a_whole_answer_says_all_of_it(client: httpx.Client, name: str) -> None:
    response = speak(client, format=name)
    assert set(response.headers) >= ALWAYS | KNOWN_AT_THE_END | TOKENS
    assert "x-remaining-credits" not in response.headers  # there are no accounts
    record = record_of(client, response)
    assert float(response.headers["x-rtf"]) == record["rtf"] > 0  # type: ignore[operator]
    assert response.headers["x-credits-consumed"] == record["credits_consumed"] == "0"
    assert int(response.headers["content-length"]) == len(response.content) == record["audio_bytes"]
    assert float(response.headers["x-audio-seconds"]) == pytest.approx(record["audio_seconds"], abs=0.001)
    assert float(response.headers["x-ttfb-ms"]) >= record["ttfb_ms"]  # type: ignore[operator]


def test_the_seconds_are_those_of_the_sound(client: httpx.Client) -> None:
    response = speak(client, format="pcm")
    assert float(response.headers["x-audio-seconds"]) == pytest.approx(len(spliced(tone_units())) / 24000, abs=0.0005)


def test_tokens_are_told_only_by_an_engine_that_counts_them(client: httpx.Client) -> None:
    counted = speak(client, text="ab, cd")
    assert counted.headers["x-input-tokens"] == counted.headers["x-output-tokens"] == "4"
    assert record_of(client, counted)["input_tokens"] == 4
    uncounted = speak(client, voice="male-1")
    assert not TOKENS & set(uncounted.headers)
    assert "input_tokens" not in record_of(client, uncounted)


def test_the_model_is_the_one_that_spoke(client: httpx.Client) -> None:
    assert speak(client).headers["x-model-version"] == "tone-1"
    assert speak(client, voice="male-1").headers["x-model-version"].startswith("espeak-ng-")


def test_nobody_on_the_way_may_keep_or_gather_it(client: httpx.Client) -> None:
    headers = speak(client, stream=True).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"


@pytest.mark.parametrize("asked", ["abc", "A-b_9", "x" * 64, "0"])
def test_a_well_formed_request_id_is_kept(client: httpx.Client, asked: str) -> None:
    response = client.post(GENERATE, json={"text": "Hi", "voice": "tone-low"}, headers={"X-Request-ID": asked})
    assert response.headers["x-request-id"] == asked
    assert client.get(f"/v1/tts/requests/{asked}").json()["request_id"] == asked


@pytest.mark.parametrize("asked", [b"", b"x" * 65, b"a b", b"a;b", b"a/b", "é".encode(), b"a.b", b"../a"])
def test_any_other_is_replaced(client: httpx.Client, asked: bytes) -> None:
    for response in (
        client.post(GENERATE, json={"text": "Hi", "voice": "tone-low"}, headers={b"X-Request-ID": asked}),
        client.post(GENERATE, json={"text": ""}, headers={b"X-Request-ID": asked}),
    ):
        assert re.fullmatch(r"req_[0-9a-z]{26}", response.headers["x-request-id"])
    assert response.json()["request_id"] == response.headers["x-request-id"]


def test_every_answer_has_an_id_of_its_own(client: httpx.Client) -> None:
    answers = [client.get("/health"), client.get("/nowhere"), client.get(GENERATE), speak(client), speak(client)]
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


@pytest.mark.parametrize(
    ("voice", "name", "rate_hz", "used"),
    [
        ("tone-low", "wav", None, "none"),
        ("tone-low", "pcm", 16000, "none"),
        ("tone-low", "mulaw", None, "none"),
        ("tone-low", "pcm", 48000, "resampled"),
        ("tone-low", "opus", None, "resampled"),
        ("male-1", "wav", None, "none"),
        ("male-1", "mp3", None, "resampled"),
    ],
)
def test_a_rate_that_rose_without_new_content_says_so(
    client: httpx.Client, voice: str, name: str, rate_hz: int | None, used: str
) -> None:
    body = {} if rate_hz is None else {"sample_rate": rate_hz}
    for stream in (False, True):
        response = speak(client, voice=voice, format=name, stream=stream, **body)
        assert response.headers["x-super-resolution"] == used


class Doubler:
    """The simplest model from 24 to 48 kHz: every sample twice, and a mark of its own at the end."""

    name = "doubler-1"
    source_hz = 24000
    target_hz = 48000

    def open(self) -> Doubling:
        return Doubling()


class Doubling:
    def push(self, samples: Samples) -> Samples:
        return np.repeat(samples, 2, axis=0)

    def finish(self) -> Samples:
        return silence(10) + np.float32(0.5)


def test_a_model_is_used_and_named_only_where_it_fits(run_server: RunServer) -> None:
    server: Running = run_server(super_resolution=Doubler())
    expected = np.concatenate([np.repeat(spliced(tone_units()), 2, axis=0), Doubling().finish()])
    with server.client() as client:
        for stream in (False, True):
            raised = speak(client, format="pcm", sample_rate=48000, stream=stream)
            assert raised.headers["x-super-resolution"] == "doubler-1"
            assert raised.headers["x-sample-rate"] == "48000"
            assert np.array_equal(to_pcm16(decoded(raised, "pcm")[0]), to_pcm16(expected))
        assert speak(client, format="opus").headers["x-super-resolution"] == "doubler-1"
        assert speak(client, format="pcm", sample_rate=16000).headers["x-super-resolution"] == "none"
        assert speak(client, format="wav").headers["x-super-resolution"] == "none"
        other = speak(client, voice="male-1", format="pcm", sample_rate=48000)
        assert other.headers["x-super-resolution"] == "resampled"
