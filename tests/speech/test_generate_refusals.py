"""What makes no sense is refused, in one shape, with the right status, and without repeating it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Running, RunServer
from tests.speech.hearing import GENERATE, speak

JSON = {"Content-Type": "application/json"}
CANARY = "zanzibarquokka"
BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def assert_problem(response: httpx.Response, status: int, code: str | None = None) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) - {"errors"} == {"type", "title", "status", "detail", "code", "retryable", "request_id"}
    assert body["status"] == status
    assert body["type"] == f"urn:backline:error:{body['code']}"
    assert body["detail"]
    assert body["retryable"] is False
    assert body["request_id"] == response.headers["x-request-id"]
    if code is not None:
        assert body["code"] == code
    for error in body.get("errors", ()):
        assert set(error) == {"field", "message"}
    assert CANARY not in response.text
    assert CANARY not in str(response.headers)


@BOTH_WAYS
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": ""}, "invalid"),
        ({"text": " \n\t"}, "invalid"),
        ({"text": "a" * 50_001}, "invalid"),
        ({"text": f"{CANARY}\0"}, "invalid"),
        ({"text": f"{CANARY}\x1b[0m"}, "invalid"),
        ({"text": None}, "invalid"),
        ({"text": [CANARY]}, "invalid"),
        ({"text": 5}, "invalid"),
        ({}, "invalid"),
        ({"text": CANARY, "format": "ogg"}, "unknown_format"),
        ({"text": CANARY, "format": CANARY}, "unknown_format"),
        ({"text": CANARY, "format": ""}, "invalid"),
        ({"text": CANARY, "format": None}, "invalid"),
        ({"text": CANARY, "voice": "nobody"}, "unknown_voice"),
        ({"text": CANARY, "speaker": CANARY}, "unknown_voice"),
        ({"text": CANARY, "voice": "x" * 65}, "invalid"),
        ({"text": CANARY, "voice": f"{CANARY}\0"}, "unknown_voice"),
        ({"text": CANARY, "language": "xx"}, "unknown_language"),
        ({"text": CANARY, "language": CANARY}, "unknown_language"),
        ({"text": CANARY, "emotion": "sob"}, "unsupported_emotion"),
        ({"text": CANARY, "emotion": "laugh"}, "unsupported_emotion"),
        ({"text": CANARY, "emotion": CANARY}, "unsupported_emotion"),
        ({"text": CANARY, "speed": 0}, "invalid"),
        ({"text": CANARY, "speed": 5}, "invalid"),
        ({"text": CANARY, "speed": -1}, "invalid"),
        ({"text": CANARY, "speed": "fast"}, "invalid"),
        ({"text": CANARY, "speed": CANARY}, "invalid"),
        ({"text": CANARY, "speed": None}, "invalid"),
        ({"text": CANARY, "sample_rate": 44100}, "invalid"),
        ({"text": CANARY, "sample_rate": -8000}, "invalid"),
        ({"text": CANARY, "output": "96k"}, "invalid"),
        ({"text": CANARY, "output": CANARY}, "invalid"),
        ({"text": CANARY, "stream": CANARY}, "invalid"),
        ({"text": CANARY, "normalize": "perhaps"}, "invalid"),
        ({"text": CANARY, "chunking": None}, "invalid"),
        ({"text": CANARY, "pitch": 2}, "invalid"),
        ({"text": CANARY, "voice": "male-1", "speaker": "male-2"}, "invalid"),
        ({"text": CANARY, "sample_rate": 8000, "output": 16000}, "invalid"),
        ({"text": CANARY, "sample_rate": 8000, "output": "16k"}, "invalid"),
        ({"text": f"{CANARY} " * 200, "chunking": False}, "text_too_long"),
        ({"text": f"<speak>{CANARY}<audio/></speak>"}, "bad_ssml"),
        ({"text": f"<speak><{CANARY}/></speak>"}, "bad_ssml"),
        ({"text": f"<speak>{CANARY}"}, "bad_ssml"),
        ({"text": f"<speak><lang xml:lang='fr'>{CANARY}</lang></speak>"}, "unknown_language"),
        ({"text": f"<speak><prosody rate='400%'>{CANARY}</prosody></speak>", "speed": 1.5}, "bad_speed"),
        ([CANARY], "invalid"),
        (CANARY, "invalid"),
    ],
)
def test_a_bad_wish_is_refused_before_anything_is_spoken(
    client: httpx.Client, body: Any, code: str, stream: bool
) -> None:
    if isinstance(body, dict) and "stream" not in body:
        body = {**body, "stream": stream}
    assert_problem(client.post(GENERATE, json=body), 422, code)


@BOTH_WAYS
@pytest.mark.parametrize("voice", ["male-1", "tone-low"])
@pytest.mark.parametrize(
    "text",
    [
        "...",
        "?!",
        "\u200b",
        "\ufeff\u200d",
        "\u0301",
        "[sigh]",
        "।",
        "<speak/>",
        "<speak>...</speak>",
        "<speak><break time='1s'/></speak>",
        "∀",
        "∀ " * 100,
    ],
)
def test_a_text_with_nothing_to_say_is_never_a_200_with_silence(
    client: httpx.Client, voice: str, text: str, stream: bool
) -> None:
    """`∀` looks as if it could be said, but the one engine has no word for it and the other no tone."""
    response = client.post(GENERATE, json={"text": text, "voice": voice, "stream": stream})
    assert_problem(response, 422, "nothing_to_say")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-0.0"])
def test_a_speed_that_is_no_number_is_refused(client: httpx.Client, number: str) -> None:
    body = f'{{"text": "{CANARY}", "speed": {number}}}'
    assert_problem(client.post(GENERATE, content=body, headers=JSON), 422, "invalid")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"text": "%s \\ud800"}', 400),
        (b'{"text": "%s", "voice": "\\udfff"}', 400),
        (b'{"text": "%s", "\\ud800": 1}', 400),
        (b'{"text": "%s\xff\xfe"}', 400),
        (b'{"text": "%s\xc3"}', 400),
        (b'{"text": "%s"', 400),
        (b'{"text": "%s",}', 400),
        (b'{"text": "%s"} {}', 400),
        (b"text=%s", 400),
        (b'{"text": "%s", "speed": ' + b"1" * 5000 + b"}", 400),
        (b'{"text": "%s", "speed": ' + b"[" * 50_000, 400),
        (b"", 400),
        (b"null", 422),
    ],
)
def test_broken_bodies_are_refused(client: httpx.Client, body: bytes, status: int) -> None:
    response = client.post(GENERATE, content=body.replace(b"%s", CANARY.encode()), headers=JSON)
    assert_problem(response, status, "malformed_json" if status == 400 else "invalid")


def test_a_body_that_is_not_json_is_told_the_field_body_and_not_a_position(client: httpx.Client) -> None:
    response = client.post(GENERATE, content=b'{"text": nonsense}', headers=JSON)
    assert response.json()["errors"] == [{"field": "body", "message": "not valid JSON"}]


@pytest.mark.parametrize(
    "name", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "audio/wav", ""]
)
def test_a_body_under_another_name_is_refused(client: httpx.Client, name: str) -> None:
    response = client.post(GENERATE, content=f'{{"text": "{CANARY}"}}', headers={"Content-Type": name} if name else {})
    assert_problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("name", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.x+json"])
def test_json_may_say_more_about_itself(client: httpx.Client, name: str) -> None:
    body = b'{"text": "Hi", "voice": "tone-low"}'
    assert client.post(GENERATE, content=body, headers={"Content-Type": name}).status_code == 200


def test_a_body_over_the_limit_is_refused_with_and_without_its_length(run_server: RunServer) -> None:
    def chunks() -> Iterator[bytes]:
        yield from [CANARY.encode() * 100] * 10

    with run_server((), server={"max_body_bytes": 5000}).client() as client:
        assert_problem(client.post(GENERATE, content=CANARY * 1000, headers=JSON), 413, "body_too_large")
        assert_problem(client.post(GENERATE, content=chunks(), headers=JSON), 413, "body_too_large")
        just_too_much = b'{"text": "' + b"a" * (5001 - 12) + b'"}'
        assert_problem(client.post(GENERATE, content=just_too_much, headers=JSON), 413, "body_too_large")
        fits = just_too_much.replace(b"aa", b"a", 1)
        assert client.post(GENERATE, content=fits, headers=JSON).status_code == 503  # understood; no engine here


def test_the_longest_text_fits_into_the_default_limit_however_it_is_written(client: httpx.Client) -> None:
    body = json.dumps({"text": "😀" * 50_000, "voice": "tone-low", "format": "nonsense"}, ensure_ascii=True)
    assert len(body) > 600_000
    assert_problem(client.post(GENERATE, content=body, headers=JSON), 422, "unknown_format")


@pytest.mark.parametrize(
    "body",
    [
        {"voice": "tone-low", "speaker": "tone-low"},
        {"voice": "tone-low", "sample_rate": 16000, "output": "16k"},
        {"voice": "tone-low", "output": 16000, "sample_rate": None},
        {"speaker": "tone-high", "voice": None},
        {"voice": "tone-low", "language": "HI_in"},
        {"voice": "tone-low", "language": "auto"},
        {"voice": "tone-low", "emotion": "none"},
        {"voice": "tone-low", "emotion": "<laugh>"},
        {"voice": "tone-low", "chunking": False, "text": "a" * 5000, "speed": 4},
    ],
)
def test_what_makes_sense_is_accepted(client: httpx.Client, body: dict[str, Any]) -> None:
    response = client.post(GENERATE, json={"text": "Hello", **body})
    assert response.status_code == 200
    assert len(response.content) > 100


def test_fifty_thousand_characters_are_accepted(client: httpx.Client) -> None:
    """Counted in characters as the reader sees them, not in bytes."""
    with client.stream("POST", GENERATE, json={"text": "న" * 50_000, "voice": "tone-low", "stream": True}) as response:
        assert response.status_code == 200


def test_an_unknown_place_and_a_wrong_method_are_problems_too(client: httpx.Client) -> None:
    assert_problem(client.get(f"/v1/{CANARY}"), 404, "not_found")
    response = client.get(GENERATE)
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"
    assert_problem(client.get(f"/v1/tts/requests/{CANARY}"), 404, "request_not_found")


NAMES = st.sampled_from(
    "text voice speaker language format sample_rate output stream chunking speed normalize emotion other".split()
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(
        ["tone-low", "male-1", "fake", "wav", "opus", "mulaw", "en", "hi", "laugh", "16k", "<speak>a</speak>"]
    ),
    st.sampled_from([8000, 22050, 48000, 0.5, 4]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.lists(
        st.sampled_from(["Hello", "नमस्ते", ". ", "...", "<speak>", "</speak>", "<laugh>", "&", "😀", "∀", "5"]),
        max_size=6,
    ).map("".join),
)
BODIES = st.builds(lambda more, text: {**more, "text": text}, st.dictionaries(NAMES, VALUES, max_size=4), TEXTS)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.one_of(BODIES, st.dictionaries(NAMES, VALUES, max_size=5), VALUES))
def test_any_json_at_all_is_answered_with_sound_or_with_a_reason(server: Running, body: Any) -> None:
    with server.client() as client:
        response = client.post(GENERATE, content=json.dumps(body), headers=JSON)
    if response.status_code == 200:
        assert len(response.content) > 44
        assert response.headers.get("x-audio-seconds") != "0.000"  # a streamed one cannot know it yet
    else:
        assert response.status_code == 422, response.text
        assert response.json()["code"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=60), st.text(max_size=40).map(str.encode), BODIES.map(lambda b: json.dumps(b).encode()[:-2])
    )
)
def test_any_bytes_at_all_are_answered(server: Running, body: bytes) -> None:
    with server.client() as client:
        response = client.post(GENERATE, content=body, headers=JSON)
    assert response.status_code in (400, 422)


def test_a_refusal_costs_nothing(client: httpx.Client, server: Running) -> None:
    for _ in range(20):
        assert client.post(GENERATE, json={"text": "Hi", "format": "ogg"}).status_code == 422
        assert client.post(GENERATE, json={"text": "...", "stream": True}).status_code == 422
    assert server.service.streams_in_flight == 0
    assert speak(client).status_code == 200
