"""What goes wrong, as OpenAI's own client tells it: its exception, with message, code and param of its envelope."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import pytest
from openai import (
    APIStatusError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    OpenAI,
    PermissionDeniedError,
    RateLimitError,
)

from backline.engines.catalog import CATALOG
from tests.compat.test_openai import client_of
from tests.conftest import Running, RunServer
from tests.fakes.engines import BreakingEngine, BrokenEngine, FakeEngine, SilentEngine, SlowEngine, entry

GOOD: dict[str, Any] = {"model": "tone", "voice": "tone-low", "input": "Hello."}


@pytest.fixture
def openai(server: Running) -> Iterator[OpenAI]:
    with client_of(server) as client:
        yield client


@pytest.mark.parametrize(
    ("change", "kind", "code", "param"),
    [
        ({"voice": "nobody"}, BadRequestError, "unknown_voice", "voice"),
        ({"voice": "nobody", "model": "tts-1"}, BadRequestError, "unknown_voice", "voice"),
        ({"voice": {"id": "nobody"}}, BadRequestError, "unknown_voice", "voice"),
        ({"voice": "tone-low", "model": "espeak"}, BadRequestError, "unknown_voice", "voice"),
        ({"voice": ""}, BadRequestError, "invalid", "voice"),
        ({"voice": {"name": "tone-low"}}, BadRequestError, "invalid", "voice"),
        ({"model": "whisper-1"}, NotFoundError, "model_not_found", "model"),
        ({"model": "tts-1-ultra"}, NotFoundError, "model_not_found", "model"),
        ({"speed": 4.1}, BadRequestError, "invalid", "speed"),
        ({"speed": 0.2}, BadRequestError, "invalid", "speed"),
        ({"input": ""}, BadRequestError, "invalid", "input"),
        ({"input": " \n"}, BadRequestError, "invalid", "input"),
        ({"input": "a\x00b"}, BadRequestError, "invalid", "input"),
        ({"input": "x" * 50_001}, BadRequestError, "invalid", "input"),
        ({"input": "..."}, BadRequestError, "nothing_to_say", "input"),
        ({"input": "<speak><blink/></speak>"}, BadRequestError, "bad_ssml", "input"),
        ({"response_format": "midi"}, BadRequestError, "invalid", "response_format"),
        ({"stream_format": "websocket"}, BadRequestError, "invalid", "stream_format"),
        ({"instructions": "Whisper."}, BadRequestError, "unsupported_parameter", "instructions"),
        ({"extra_body": {"pitch": 3}}, BadRequestError, "invalid", "pitch"),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else None,
)
def test_a_refusal_is_their_exception(
    openai: OpenAI, change: dict[str, Any], kind: type[APIStatusError], code: str, param: str
) -> None:
    with pytest.raises(kind) as caught:
        openai.audio.speech.create(**GOOD | change)
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.param) == (code, param)
    _check_envelope(caught.value)


def test_an_unknown_model_is_not_found(openai: OpenAI) -> None:
    with pytest.raises(NotFoundError) as caught:
        openai.models.retrieve("whisper-1")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    _check_envelope(caught.value)


def test_a_foreign_caller_is_denied(server: Running) -> None:
    with client_of(server) as openai, pytest.raises(PermissionDeniedError) as caught:
        openai.with_options(default_headers={"Origin": "https://example.com"}).audio.speech.create(**GOOD)
    assert caught.value.code == "foreign_origin"
    _check_envelope(caught.value)


@pytest.mark.parametrize("model", ["tts-1", "espeak"])
def test_an_engine_that_is_not_installed_is_named_with_its_cure(run_server: RunServer, model: str) -> None:
    server = run_server((replace(CATALOG[0], requires=("no_such_module",)),))
    with client_of(server) as openai, pytest.raises(InternalServerError) as caught:
        openai.audio.speech.create(**GOOD | {"model": model, "voice": "alloy"})
    assert caught.value.status_code == 503
    assert caught.value.code == "engine_not_installed"
    assert "pip install 'backline[espeak]'" in caught.value.message
    assert caught.value.response.headers["x-should-retry"] == "false"
    _check_envelope(caught.value)


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_an_engine_that_fails_before_the_first_sound_is_an_error(
    run_server: RunServer, stream_format: Literal["audio", "sse"]
) -> None:
    server = run_server((entry(BrokenEngine, default=True), entry(SilentEngine)))
    with client_of(server) as openai:
        with pytest.raises(InternalServerError) as broken:
            openai.audio.speech.create(model="tts-1", voice="alloy", input="Hi.", stream_format=stream_format)
        with pytest.raises(BadRequestError) as silent:
            openai.audio.speech.create(model="silent", voice="silent", input="Hi.", stream_format=stream_format)
    assert (broken.value.status_code, broken.value.code) == (500, "model_broken")
    assert silent.value.code == "nothing_to_say"
    _check_envelope(broken.value)


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_an_engine_that_fails_in_the_middle_breaks_the_answer_off(
    run_server: RunServer, stream_format: Literal["audio", "sse"]
) -> None:
    """The status is sent; what is left is to end the answer in a way that no client takes for its end."""
    server = run_server((entry(BreakingEngine, default=True),))
    asked: dict[str, Any] = {"model": "tts-1", "voice": "alloy", "input": "Hi.", "response_format": "pcm"}
    received: list[bytes] = []
    with client_of(server) as openai:
        streaming = openai.audio.speech.with_streaming_response
        with (
            streaming.create(**asked, stream_format=stream_format) as answer,
            pytest.raises(Exception, match="incomplete"),
        ):
            received.extend(answer.iter_bytes())
    assert b"speech.audio.done" not in b"".join(received)


def test_too_many_streams_is_their_rate_limit(run_server: RunServer) -> None:
    server = run_server((entry(SlowEngine, default=True), entry(FakeEngine)), speech={"max_streams": 1})
    asked: dict[str, Any] = {"model": "tts-1", "voice": "alloy", "input": "Hi.", "response_format": "pcm"}
    with client_of(server) as openai, openai.audio.speech.with_streaming_response.create(**asked) as answer:
        chunks = answer.iter_bytes()
        assert next(chunks)
        with pytest.raises(RateLimitError) as caught:
            openai.audio.speech.create(**asked)
    assert caught.value.code == "too_many_streams"
    assert int(caught.value.response.headers["retry-after"]) >= 1
    assert caught.value.response.headers["x-should-retry"] == "true"
    _check_envelope(caught.value)


def test_a_server_that_goes_away_is_unavailable(run_server: RunServer) -> None:
    server = run_server((entry(FakeEngine, default=True),))
    server.service.drain()
    with client_of(server) as openai, pytest.raises(InternalServerError) as caught:
        openai.audio.speech.create(model="tts-1", voice="alloy", input="Hi.")
    assert (caught.value.status_code, caught.value.code) == (503, "draining")
    _check_envelope(caught.value)


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b'{"model": ', "application/json", 400, "malformed_json"),
        (b"\xff\xfe{}", "application/json", 400, "malformed_json"),
        (b'{"model": "tone", "voice": "tone-low", "input": "\xe0"}', "application/json", 400, "malformed_json"),
        (b'{"model": "tone", "voice": "tone-low", "input": "Hi", "speed": NaN}', "application/json", 400, "invalid"),
        (b'{"model": "tone", "voice": "tone-low", "input": "a\\ud800"}', "application/json", 400, "invalid"),
        (b"[]", "application/json", 400, "invalid"),
        (b"", "application/json", 400, "invalid"),
        (json.dumps(GOOD).encode(), "text/plain", 415, "unsupported_media_type"),
        (b"model=tone&voice=tone-low&input=Hi", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    ],
)
def test_a_body_that_is_not_what_it_should_be(
    server: Running, content: bytes, content_type: str, status: int, code: str
) -> None:
    with server.client() as client:
        answer = client.post("/v1/audio/speech", content=content, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    _check_error(answer.json()["error"])


def _check_envelope(error: APIStatusError) -> None:
    body = error.response.json()
    assert set(body) == {"error"}
    _check_error(body["error"])
    assert body["error"]["message"] in str(error)


def _check_error(error: dict[str, Any]) -> None:
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert error["type"].endswith("_error")
