"""Speech, streamed: the first of the four ways through the house (design.md 3), with a real voice from end to end."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

import httpx
import numpy as np
import pytest

from backline.engines.catalog import find
from backline.media.decode import decode
from tests.conftest import Running, RunServer
from tests.speech.hearing import GENERATE, eventually, wire

pytestmark = pytest.mark.skipif(
    not find("espeak").installed and not os.environ.get("CI"), reason="needs the extra: pip install 'backline[espeak]'"
)


@dataclass(frozen=True)
class Speech:
    language: str
    text: str
    sentences: int

    @property
    def long(self) -> str:
        return " ".join([self.text] * 30)


SPEECHES = [
    Speech("en", "Good morning, Dr. Rao. Today is the 5th of May! Shall we begin?", 3),
    Speech("hi", "नमस्ते, डॉ. राव। आज 5 मई है! क्या हम शुरू करें?", 3),
    Speech("te", "నమస్కారం, డా. రావు. ఈ రోజు మే 5! మనం మొదలు పెడదామా?", 3),
]
EACH = pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.language)


@EACH
def test_a_text_is_heard_in_its_own_language_while_it_is_being_made(run_server: RunServer, speech: Speech) -> None:
    server = run_server(speech={"workers": 1})
    with wire(server) as it, server.client() as client:
        it.post({"text": speech.long, "format": "opus", "stream": True}, request_id="flow")
        assert it.status() == 200
        chunks = it.chunks()
        first = next(chunks)
        assert first.startswith(b"OggS")
        assert client.get("/v1/tts/requests/flow").json()["outcome"] == "running"
        whole = first + b"".join(chunks)
        record = client.get("/v1/tts/requests/flow").json()
    samples, rate_hz = decode(whole)
    seconds = len(samples) / rate_hz
    assert record["outcome"] == "completed"
    assert record["languages"] == [speech.language]
    assert (record["engine"], record["sample_rate"], record["characters"]) == ("espeak", 48000, len(speech.long))
    assert record["audio_bytes"] == len(whole)
    assert seconds == pytest.approx(record["audio_seconds"], abs=0.05)
    assert 30 * 2 < seconds < 30 * 15
    _assert_speech_all_the_way(samples[:, 0], rate_hz)
    _assert_the_story_was_told(server, record)


@EACH
def test_its_language_may_be_said_or_found_and_sounds_the_same(client: httpx.Client, speech: Speech) -> None:
    lengths = []
    for more in ({}, {"language": speech.language}, {"language": f"{speech.language}-IN"}, {"language": "auto"}):
        response = client.post(GENERATE, json={"text": speech.text, "format": "wav", **more})
        assert response.status_code == 200
        lengths.append(float(response.headers["x-audio-seconds"]))
    assert max(lengths) - min(lengths) < 0.1 * max(lengths)


def test_the_three_languages_are_read_by_their_own_rules(client: httpx.Client) -> None:
    """The same digits are three different words."""
    seconds = {
        language: client.post(GENERATE, json={"text": "123456", "language": language}).headers["x-audio-seconds"]
        for language in ("en", "hi", "te")
    }
    assert len(set(seconds.values())) == 3


@EACH
def test_every_voice_speaks_it(client: httpx.Client, speech: Speech) -> None:
    (espeak,) = [one for one in client.get("/v1/tts/health").json()["engines"] if one["name"] == "espeak"]
    assert len(espeak["voices"]) > 3
    for voice in espeak["voices"]:
        response = client.post(
            GENERATE, json={"text": speech.text, "voice": voice["id"], "language": speech.language, "stream": True}
        )
        samples, _ = decode(response.content)
        assert np.abs(samples).max() > 0.05, voice["id"]


def test_languages_may_be_mixed_within_one_text(client: httpx.Client) -> None:
    text = " ".join(speech.text for speech in SPEECHES)
    response = client.post(GENERATE, json={"text": text, "format": "mp3", "stream": True})
    record = client.get(f"/v1/tts/requests/{response.headers['x-request-id']}").json()
    assert record["languages"] == ["en", "hi", "te"]
    samples, rate_hz = decode(response.content)
    _assert_speech_all_the_way(samples[:, 0], rate_hz)


def test_however_it_ends_nothing_is_left_running(run_server: RunServer) -> None:
    server = run_server(speech={"workers": 2})
    for number in range(6):
        with wire(server) as it:
            it.post({"text": SPEECHES[number % 3].long, "format": "mp3", "stream": True}, request_id=f"left-{number}")
            it.status()
            next(it.chunks())
    eventually(lambda: server.service.streams_in_flight == 0)
    with server.client() as client:
        outcomes = {client.get(f"/v1/tts/requests/left-{number}").json()["outcome"] for number in range(6)}
        assert outcomes == {"client_left"}
        after = client.post(GENERATE, json={"text": "Hello."})
        assert after.status_code == 200


def _assert_speech_all_the_way(sound: np.ndarray[tuple[int], np.dtype[np.float32]], rate_hz: int) -> None:
    """Loud somewhere in every two seconds, never clipped for long, and no jump as a cut makes one."""
    for begin in range(0, len(sound) - 2 * rate_hz, 2 * rate_hz):
        assert np.abs(sound[begin : begin + 2 * rate_hz]).max() > 0.02, f"silence at {begin / rate_hz:.1f} s"
    assert (np.abs(sound) > 0.999).mean() < 0.001


def _assert_the_story_was_told(server: Running, record: dict[str, object]) -> None:
    eventually(lambda: server.log.getvalue().count('"event":"http.request"') >= 3)
    lines = [json.loads(line) for line in server.log.getvalue().splitlines()]
    mine = [line for line in lines if line["event"].startswith("tts.")]
    assert [line["event"] for line in mine] == [
        "tts.request_received",
        "tts.first_audio_emitted",
        "tts.stream_completed",
    ]
    assert {line["request_id"] for line in mine} == {"flow"}
    assert mine[-1]["audio_bytes"] == record["audio_bytes"]
    with server.client() as client:
        figures = client.get("/metrics").text
    assert 'backline_speech_requests_total{engine="espeak",format="opus",outcome="completed"} 1.0' in figures
