"""OpenAI's speech API, driven by OpenAI's own client against a real server."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pytest
from openai import AsyncOpenAI, OpenAI

from backline.engines.catalog import Isolation
from backline.media.audio import Samples
from backline.media.decode import decode, decode_raw
from tests.conftest import Running, RunServer
from tests.fakes.engines import SlowEngine, diary, entry

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
MEDIA_TYPES: dict[Format, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
THEIR_VOICES = "alloy ash ballad coral echo fable nova onyx sage shimmer verse marin cedar".split()
TEXT = "The quick brown fox jumps over the lazy dog."


def client_of(server: Running) -> OpenAI:
    return OpenAI(base_url=f"{server.address}/v1", api_key="none", max_retries=0)


@pytest.fixture
def openai(server: Running) -> Iterator[OpenAI]:
    with client_of(server) as client:
        yield client


def heard(data: bytes, audio_format: str = "mp3") -> tuple[Samples, int]:
    return decode_raw(data, "pcm", 24_000) if audio_format == "pcm" else decode(data)


def rms(sound: Samples) -> float:
    return float(np.sqrt((sound**2).mean()))


def test_speech_as_the_manual_shows_it(openai: OpenAI) -> None:
    answer = openai.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)
    sound, rate_hz = heard(answer.content)
    assert answer.response.headers["content-type"] == "audio/mpeg"
    assert 1.5 < len(sound) / rate_hz < 6
    assert rms(sound) > 0.01


async def test_speech_with_the_asynchronous_client(server: Running) -> None:
    async with AsyncOpenAI(base_url=f"{server.address}/v1", api_key="none", max_retries=0) as openai:
        answer = await openai.audio.speech.create(model="tone", voice="tone-low", input="Hi.", response_format="wav")
        sound, rate_hz = heard(await answer.aread(), "wav")
        assert (len(sound), rate_hz) == (3 * 1920, 24_000)  # two letters and a rest
        streaming = openai.audio.speech.with_streaming_response
        async with streaming.create(model="tone", voice="tone-low", input="Hi.", response_format="pcm") as streamed:
            data = b"".join([chunk async for chunk in streamed.iter_bytes()])
        assert len(data) == 3 * 1920 * 2
        assert [model.id async for model in openai.models.list()] == ["espeak", "tone"]


@pytest.mark.parametrize("audio_format", MEDIA_TYPES)
def test_every_format_decodes(openai: OpenAI, audio_format: Format) -> None:
    answer = openai.audio.speech.create(model="tone", voice="tone-high", input=TEXT, response_format=audio_format)
    sound, rate_hz = heard(answer.content, audio_format)
    assert answer.response.headers["content-type"] == MEDIA_TYPES[audio_format]
    assert rate_hz == (48_000 if audio_format == "opus" else 24_000)
    assert len(sound) / rate_hz == pytest.approx(3.52, abs=0.09)  # 35 letters and 9 rests of 80 ms
    assert rms(sound) > 0.1


@pytest.mark.parametrize("audio_format", MEDIA_TYPES)
def test_the_events_carry_the_same_sound(openai: OpenAI, audio_format: Format) -> None:
    asked: dict[str, Any] = {"model": "tone", "voice": "tone-high", "input": TEXT, "response_format": audio_format}
    plain = openai.audio.speech.create(**asked).content
    with openai.audio.speech.with_streaming_response.create(**asked, stream_format="sse") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line]
    *deltas, done = events
    assert done == {"type": "speech.audio.done"}
    assert all(set(delta) == {"type", "audio"} and delta["type"] == "speech.audio.delta" for delta in deltas)
    sound, rate_hz = heard(b"".join(base64.b64decode(delta["audio"]) for delta in deltas), audio_format)
    expected, _ = heard(plain, audio_format)
    assert len(sound) == len(expected)
    assert rms(sound - expected) < 0.001
    assert rate_hz == (48_000 if audio_format == "opus" else 24_000)


@pytest.mark.parametrize("isolation", list(Isolation))
@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_the_first_chunk_comes_before_the_end_and_leaving_stops_the_engine(
    run_server: RunServer, isolation: Isolation, stream_format: Literal["audio", "sse"]
) -> None:
    server = run_server((entry(SlowEngine, isolation, default=True),))
    with client_of(server) as openai:
        streaming = openai.audio.speech.with_streaming_response
        asked: dict[str, Any] = {"model": "tts-1", "voice": "alloy", "input": "Hello.", "response_format": "pcm"}
        with streaming.create(**asked, stream_format=stream_format) as answer:
            chunks = answer.iter_bytes()
            assert next(chunks)
            assert "finished" not in diary()
    while "cancelled" not in diary():
        assert "finished" not in diary()


def test_the_request_id_reaches_the_client(openai: OpenAI) -> None:
    answer = openai.audio.speech.with_raw_response.create(
        model="tone", voice="tone-low", input="Hi.", extra_headers={"X-Request-ID": "mine-1"}
    )
    assert answer.headers["x-request-id"] == "mine-1"
    assert answer.headers["x-sample-rate"] == "24000"
    assert answer.headers["x-model-version"] == "tone-1"


def test_models_are_the_engines_that_run(openai: OpenAI) -> None:
    models = openai.models.list().data
    assert [model.id for model in models] == ["espeak", "tone"]
    assert {model.object for model in models} == {"model"}
    assert openai.models.retrieve("tone") == models[1]


def test_every_voice_of_the_list_speaks(openai: OpenAI, server: Running) -> None:
    with server.client() as client:
        voices = client.get("/v1/audio/voices").json()["voices"]
    assert {voice["model"] for voice in voices} == {"espeak", "tone"}
    assert len({voice["id"] for voice in voices}) == len(voices)
    for voice in voices:
        assert voice["name"]
        assert voice["languages"]
        sound, _ = heard(openai.audio.speech.create(model=voice["model"], voice=voice["id"], input="Hello.").content)
        assert rms(sound) > 0.005, voice["id"]


@pytest.mark.parametrize("model", ["tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tone"])
def test_their_voices_are_spread_over_all_of_ours(openai: OpenAI, server: Running, model: str) -> None:
    ours = set()
    with server.client() as client:
        for voice in THEIR_VOICES:
            answer = openai.audio.speech.create(model=model, voice=voice, input="Hello.", response_format="pcm")
            assert rms(heard(answer.content, "pcm")[0]) > 0.005
            request_id = answer.response.headers["x-request-id"]
            ours.add(client.get(f"/v1/tts/requests/{request_id}").json()["voice"])
        engine = "tone" if model == "tone" else "espeak"
        voices = client.get("/v1/audio/voices").json()["voices"]
    assert ours == {voice["id"] for voice in voices if voice["model"] == engine}


def test_a_voice_by_its_id(openai: OpenAI) -> None:
    asked: dict[str, Any] = {"model": "tone", "input": "Hi.", "response_format": "pcm"}
    by_name = openai.audio.speech.create(voice="tone-high", **asked).content
    assert openai.audio.speech.create(voice={"id": "tone-high"}, **asked).content == by_name
    assert openai.audio.speech.create(voice={"id": "tone-low"}, **asked).content != by_name


def test_speed_is_heard(openai: OpenAI) -> None:
    asked: dict[str, Any] = {"model": "tone", "voice": "tone-low", "input": TEXT, "response_format": "pcm"}
    normal = len(openai.audio.speech.create(**asked).content)
    assert len(openai.audio.speech.create(**asked, speed=2.0).content) == pytest.approx(normal / 2, rel=0.01)
    assert len(openai.audio.speech.create(**asked, speed=0.25).content) == pytest.approx(normal * 4, rel=0.01)
