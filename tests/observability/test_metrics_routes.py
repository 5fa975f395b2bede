"""The figures of a running server: what they hold, how they move, and who may read them."""

from __future__ import annotations

import re

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Running, RunServer
from tests.fakes.engines import BreakingEngine, FakeEngine, SlowEngine, entry
from tests.speech.hearing import GENERATE, eventually

BOTH_PATHS = pytest.mark.parametrize("path", ["/metrics", "/v1/tts/metrics"])
FAKE = {"engine": "fake", "format": "pcm"}


def figure(client: httpx.Client, name: str, path: str = "/metrics", **labels: str) -> float:
    """The value of one sample; 0 while there is none."""
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            if sample.name == f"backline_speech_{name}" and sample.labels == labels:
                return float(sample.value)
    return 0.0


@pytest.fixture
def server(run_server: RunServer) -> Running:
    return run_server((entry(FakeEngine, default=True), entry(SlowEngine), entry(BreakingEngine)))


@BOTH_PATHS
def test_an_answer_moves_what_it_should(server: Running, path: str) -> None:
    with server.client() as client:
        for number in range(3):
            assert figure(client, "first_audio_seconds_count", path, **FAKE) == number
            assert figure(client, "requests_total", path, **FAKE, outcome="completed") == number
            client.post(GENERATE, json={"text": "aaaa", "format": "pcm"})
        assert 0 < figure(client, "first_audio_seconds_sum", path, **FAKE) < 90
        assert figure(client, "real_time_factor_count", path, **FAKE) == 3
        assert figure(client, "real_time_factor_sum", path, **FAKE) > 0
        assert figure(client, "audio_seconds_total", path, **FAKE) == pytest.approx(3 * 4 * 5 * 0.02)
        assert figure(client, "streams_in_flight", path, **FAKE) == 0
        assert figure(client, "streams_aborted_total", path, **FAKE, outcome="failed") == 0


def test_engines_and_formats_are_told_apart(server: Running) -> None:
    with server.client() as client:
        for name in ("pcm", "opus", "opus"):
            client.post(GENERATE, json={"text": "a", "format": name})
        assert figure(client, "first_audio_seconds_count", engine="fake", format="opus") == 2
        assert figure(client, "first_audio_seconds_count", engine="fake", format="pcm") == 1


def test_streams_in_flight_rise_and_fall_and_a_client_who_left_is_counted(server: Running) -> None:
    slow = {"engine": "slow", "format": "pcm"}
    with server.client() as client:
        with client.stream(
            "POST", GENERATE, json={"text": "a", "voice": "slow", "format": "pcm", "stream": True}
        ) as it:
            pieces = it.iter_raw()
            next(pieces)
            with server.client() as other:
                assert figure(other, "streams_in_flight", **slow) == 1
                assert figure(other, "first_audio_seconds_count", **slow) == 1
                assert figure(other, "streams_aborted_total", **slow, outcome="client_left") == 0
        with server.client() as other:
            eventually(lambda: figure(other, "streams_in_flight", **slow) == 0)
            assert figure(other, "streams_aborted_total", **slow, outcome="client_left") == 1
            assert figure(other, "requests_total", **slow, outcome="client_left") == 1


def test_a_failure_is_counted_as_one(server: Running) -> None:
    breaking = {"engine": "breaking", "format": "wav", "outcome": "failed"}
    with server.client() as client:
        client.post(GENERATE, json={"text": "a", "voice": "breaking"})
        assert figure(client, "streams_aborted_total", **breaking) == 1
        assert figure(client, "requests_total", **breaking) == 1


def test_the_number_of_figures_does_not_grow_with_what_callers_send(server: Running) -> None:
    """A label that a caller chooses is a leak."""
    with server.client() as client:
        client.post(GENERATE, json={"text": "a"})
        before = len(client.get("/metrics").text.splitlines())
        for number in range(10):
            client.post(GENERATE, json={"text": "a"}, headers={"X-Request-ID": f"id-{number}"})
            client.post(GENERATE, json={"text": "a", "voice": f"voice-{number}"})
            client.post(GENERATE, json={"text": "a", "format": f"format-{number}"})
            client.get(f"/nowhere/{number}")
        assert len(client.get("/metrics").text.splitlines()) == before


@BOTH_PATHS
def test_on_loopback_they_are_open_to_this_machine_only(run_server: RunServer, path: str) -> None:
    with run_server((entry(FakeEngine),)).client() as client:
        assert client.get(path).status_code == 200
        assert client.get(path, headers={"Host": "evil.example"}).status_code == 403
        assert client.get(path, headers={"Origin": "https://evil.example"}).status_code == 403
        assert client.get(path, headers={"X-Forwarded-For": "10.0.0.1"}).status_code == 403


@BOTH_PATHS
def test_elsewhere_they_need_the_token(run_server: RunServer, path: str) -> None:
    server = run_server(
        (entry(FakeEngine),), server={"host": "0.0.0.0"}, observability={"metrics_token": "open-sesame"}
    )
    with server.client() as client:
        assert client.get(path).status_code == 401
        for wrong in ("Bearer wrong", "Bearer", "Bearer open-sesame2", "Basic open-sesame", "open-sesame", "Bearer é"):
            refused = client.get(path, headers={b"Authorization": wrong.encode()})
            assert refused.status_code == 401, wrong
            assert refused.headers["content-type"] == "application/problem+json"
            assert "sesame" not in refused.text
        assert client.get(path, headers={"Authorization": "Bearer open-sesame"}).status_code == 200
        assert client.get(path, headers={"Authorization": "bearer open-sesame"}).status_code == 200
        assert client.post(GENERATE, json={"text": "a"}).status_code == 401  # the token opens nothing else
        assert client.get("/health").status_code == 200


@BOTH_PATHS
def test_elsewhere_without_a_token_they_are_closed(run_server: RunServer, path: str) -> None:
    with run_server((entry(FakeEngine),), server={"host": "0.0.0.0"}).client() as client:
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"Authorization": "Bearer None"}).status_code == 401
        assert client.get(path, headers={"Authorization": "Bearer"}).status_code == 401


def test_no_name_is_without_its_unit_or_its_help(server: Running) -> None:
    with server.client() as client:
        client.post(GENERATE, json={"text": "a"})
        families = list(text_string_to_metric_families(client.get("/metrics").text))
    assert families
    for family in families:
        assert re.fullmatch(r"backline_(speech|jobs|jam)_[a-z_]+", family.name)
        assert len(family.documentation) > 10
