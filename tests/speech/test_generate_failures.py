"""Engines that fail: a proper status before the first sound, a cut connection after it, an honest record always."""

from __future__ import annotations

import dataclasses
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from backline.engines.catalog import CATALOG, Isolation
from backline.errors import NotFound
from backline.gateway.app import create_app
from backline.media.audio import Samples, silence
from backline.settings import Settings
from tests.conftest import Running, RunServer
from tests.fakes.engines import BreakingEngine, CrashingEngine, FakeEngine, HangingEngine, SlowEngine, diary, entry
from tests.speech.hearing import EVERY_FORMAT, GENERATE, eventually
from tests.speech.odd_engines import UnloadableEngine

BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
SECRET = "zanzibarquokka"


def ask(client: httpx.Client, voice: str, *, text: str = SECRET, **body: Any) -> httpx.Response:
    return client.post(GENERATE, json={"text": text, "voice": voice, **body}, headers={"X-Request-ID": "failing"})


def record_of_failing(client: httpx.Client) -> dict[str, Any]:
    record: dict[str, Any] = client.get("/v1/tts/requests/failing").json()
    return record


@BOTH_WAYS
@pytest.mark.parametrize(
    ("voice", "text", "status", "code", "retryable"),
    [
        ("broken", SECRET, 500, "model_broken", False),
        ("quoting", SECRET, 500, "engine_failed", True),
        ("quoting", f"blunt {SECRET}", 422, "unknown_letter", False),
        ("silent", SECRET, 422, "nothing_to_say", False),
        ("mute", SECRET, 422, "nothing_to_say", False),
    ],
)
def test_a_failure_before_the_first_sound_is_a_proper_answer(
    fake_client: httpx.Client, voice: str, text: str, status: int, code: str, retryable: bool, stream: bool
) -> None:
    response = ask(fake_client, voice, text=text, stream=stream)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.json()["code"], response.json()["retryable"]) == (code, retryable)
    assert response.json()["request_id"] == response.headers["x-request-id"] == "failing"
    assert SECRET not in response.text
    record = record_of_failing(fake_client)
    outcome = "failed" if status >= 500 else "refused"
    assert (record["outcome"], record["error_code"], record["audio_bytes"]) == (outcome, code, 0)


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_a_failure_after_it_cuts_the_connection(run_server: RunServer, name: str) -> None:
    """Ending well would tell the client that this is all there is."""
    server = run_server((entry(BreakingEngine, default=True),))
    with server.client() as client:
        received: list[bytes] = []
        with pytest.raises(httpx.RemoteProtocolError):
            _receive(client, {"text": SECRET, "format": name, "stream": True}, received)
        assert received
        record = record_of_failing(client)
        assert (record["outcome"], record["error_code"]) == ("failed", "engine_failed")
        assert 0 < record["audio_seconds"] <= 0.5
    assert server.service.streams_in_flight == 0
    events = [json.loads(line) for line in server.log.getvalue().splitlines()]
    assert [event["code"] for event in events if event["event"] == "tts.error"] == ["engine_failed"]
    assert SECRET not in server.log.getvalue()


def test_a_whole_answer_that_fails_halfway_is_a_proper_failure(fake_client: httpx.Client) -> None:
    response = ask(fake_client, "breaking")
    assert (response.status_code, response.json()["code"]) == (500, "engine_failed")
    assert SECRET not in response.text
    assert record_of_failing(fake_client)["outcome"] == "failed"


def test_an_engine_that_failed_serves_the_next_request(fake_client: httpx.Client) -> None:
    for _ in range(4):  # more often than there are instances
        assert ask(fake_client, "broken").status_code == 500
        assert ask(fake_client, "breaking").status_code == 500
    assert ask(fake_client, "fake").status_code == 200


@pytest.mark.slow
def test_a_hanging_process_is_given_up_and_started_again(run_server: RunServer) -> None:
    server = run_server(
        (entry(HangingEngine, Isolation.PROCESS, default=True),), speech={"workers": 1, "stall_seconds": 0.5}
    )
    with server.client() as client:
        hung = client.post(GENERATE, json={"text": "hang", "stream": True})
        assert (hung.status_code, hung.json()["code"], hung.json()["retryable"]) == (503, "engine_stalled", True)
        assert "hanging" in diary()
        assert client.post(GENERATE, json={"text": "fine"}).status_code == 200
    assert server.service.streams_in_flight == 0


def test_a_crashed_process_is_told_and_started_again(run_server: RunServer) -> None:
    server = run_server((entry(CrashingEngine, Isolation.PROCESS, default=True),), speech={"workers": 1})
    with server.client() as client:
        crashed = client.post(GENERATE, json={"text": "crash"})
        assert (crashed.status_code, crashed.json()["code"], crashed.json()["retryable"]) == (
            503,
            "engine_crashed",
            True,
        )
        assert client.post(GENERATE, json={"text": "fine"}).status_code == 200


def test_an_engine_that_is_not_installed_is_named_with_its_cure(run_server: RunServer) -> None:
    missing = tuple(
        dataclasses.replace(one, requires=("no_such_module",)) if one.name == "espeak" else one for one in CATALOG
    )
    with run_server(missing).client() as client:
        for voice in ({}, {"voice": "male-1"}):
            refused = client.post(GENERATE, json={"text": "Hello", **voice})
            assert (refused.status_code, refused.json()["code"]) == (503, "engine_not_installed")
            assert refused.json()["retryable"] is False
            assert "pip install 'backline[espeak]'" in refused.json()["detail"]
        health = client.get("/v1/tts/health").json()
        assert health["status"] == "unavailable"
        assert {one["name"]: (one["installed"], one["running"]) for one in health["engines"]} == {
            "espeak": (False, False),
            "tone": (True, True),
        }
        assert client.get("/health/ready").status_code == 503
        by_name = client.post(GENERATE, json={"text": "Hello", "voice": "tone-low"})
        assert by_name.status_code == 200


@pytest.mark.parametrize("isolation", list(Isolation))
def test_an_engine_that_cannot_be_loaded_does_not_keep_the_others_down(
    run_server: RunServer, isolation: Isolation
) -> None:
    server: Running = run_server((entry(UnloadableEngine, isolation, default=True), entry(FakeEngine)))
    with server.client() as client:
        assert ask(client, "fake").status_code == 200
        refused = client.post(GENERATE, json={"text": "Hello"})
        assert (refused.status_code, refused.json()["code"]) == (503, "engine_unavailable")
        assert "unloadable" in refused.json()["detail"]
        assert "secret path" not in refused.text


def test_a_configured_engine_that_does_not_exist_is_refused_before_anything_starts() -> None:
    with pytest.raises(NotFound, match="imaginary"):
        create_app(Settings(_env_file=None, speech={"engine": "imaginary"}))


def test_a_configured_engine_is_the_default(run_server: RunServer) -> None:
    with run_server(speech={"engine": "tone"}).client() as client:
        assert client.post(GENERATE, json={"text": "Hello"}).headers["x-model-version"] == "tone-1"


class FailingModel:
    """A super-resolution model that fails after so many blocks, quoting as careless libraries do."""

    name, source_hz, target_hz = "failing-1", 24000, 48000

    def __init__(self, blocks: int) -> None:
        self._blocks = blocks

    def open(self) -> FailingChange:
        return FailingChange(self._blocks)


class FailingChange:
    def __init__(self, blocks: int) -> None:
        self._left = blocks

    def push(self, samples: Samples) -> Samples:
        self._left -= 1
        if self._left < 0:
            raise ValueError(SECRET)
        return np.repeat(samples, 2, axis=0)

    def finish(self) -> Samples:
        return silence(0)


@pytest.mark.slow
def test_what_nobody_foresaw_on_the_way_is_a_failure_like_any_other(run_server: RunServer) -> None:
    body = {"text": "a" * 200, "format": "pcm", "sample_rate": 48000, "stream": True}
    at_once = run_server((entry(FakeEngine, default=True),), FailingModel(0))
    with at_once.client() as client:
        response = client.post(GENERATE, json=body)
        assert (response.status_code, response.json()["code"]) == (500, "internal_error")
        assert SECRET not in response.text
    later = run_server((entry(FakeEngine, default=True),), FailingModel(2))
    with later.client() as client:
        received: list[bytes] = []
        with pytest.raises(httpx.RemoteProtocolError):
            _receive(client, body, received)
        assert received
        assert record_of_failing(client)["error_code"] == "internal_error"
    assert later.service.streams_in_flight == at_once.service.streams_in_flight == 0
    assert '"error_type":"ValueError"' in later.log.getvalue()
    assert SECRET not in later.log.getvalue()


@pytest.mark.slow
def test_nothing_is_left_of_large_answers(run_server: RunServer, tmp_path: Path) -> None:
    """Peers left 75,000 files behind. Ours have no name, and are closed with the answer."""
    server = run_server((entry(BreakingEngine, default=True), entry(FakeEngine), entry(SlowEngine)))
    with server.client() as client:
        assert ask(client, "breaking").status_code == 500
        assert len(ask(client, "fake", text="a" * 1000).content) > 4_700_000  # beyond what is kept in memory
        with client.stream("POST", GENERATE, json={"text": "a" * 1000, "voice": "fake"}) as left_early:
            next(left_early.iter_raw())
        with pytest.raises(httpx.ReadTimeout):
            client.post(GENERATE, json={"text": "a", "voice": "slow"}, timeout=0.5)
    eventually(lambda: server.service.streams_in_flight == 0)
    folder = tmp_path / "data" / "tmp"
    assert list(folder.iterdir()) == []
    eventually(lambda: not [file for file in _open_files() if file.startswith(str(folder))])


def _receive(client: httpx.Client, body: dict[str, Any], received: list[bytes]) -> None:
    with client.stream("POST", GENERATE, json=body, headers={"X-Request-ID": "failing"}) as response:
        assert response.status_code == 200
        received.extend(response.iter_raw())


def _open_files() -> list[str]:
    files = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            files.append(os.readlink(descriptor))
    return files
