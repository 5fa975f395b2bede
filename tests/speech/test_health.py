"""What the server says about itself, and that it is true."""

from __future__ import annotations

from importlib.metadata import version

import httpx

from backline.media.encode.formats import FORMATS
from tests.conftest import Running, RunServer
from tests.fakes.engines import FakeEngine, SlowEngine, entry
from tests.speech.hearing import GENERATE, eventually, wire


def test_the_process_lives_and_says_what_it_is(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/health/ready").json() == {"status": "ok"}
    root = client.get("/", headers={"Accept": "*/*"})
    assert root.json() == {"service": "backline", "status": "ok", "version": version("backline")}


def test_a_browser_is_led_to_the_studio(client: httpx.Client) -> None:
    answer = client.get("/", headers={"Accept": "text/html,application/xhtml+xml"})
    assert (answer.status_code, answer.headers["location"]) == (307, "/studio")


def test_every_voice_language_and_format_that_is_listed_works(client: httpx.Client) -> None:
    health = client.get("/v1/tts/health").json()
    assert health["status"] == "ok"
    assert [one["name"] for one in health["formats"]] == list(FORMATS)
    for audio_format in health["formats"]:
        for rate_hz in audio_format["rates_hz"]:
            body = {"text": "a", "voice": "tone-low", "format": audio_format["name"], "sample_rate": rate_hz}
            assert client.post(GENERATE, json=body).headers["content-type"] == audio_format["media_type"]
    for engine in health["engines"]:
        assert (engine["running"], engine["installed"], engine["reason"]) == (True, True, None)
        assert engine["licence"]
        for voice in engine["voices"]:
            language = voice["languages"][-1]
            answer = client.post(GENERATE, json={"text": "5", "voice": voice["id"], "language": language})
            assert answer.status_code == 200, (voice["id"], language)


def test_streams_in_flight_are_counted(run_server: RunServer) -> None:
    server: Running = run_server((entry(SlowEngine, default=True),))
    with server.client() as client:
        assert client.get("/v1/tts/health").json()["streams_in_flight"] == 0
        with wire(server) as it:
            it.post({"text": "a", "stream": True})
            it.status()
            assert client.get("/v1/tts/health").json()["streams_in_flight"] == 1
        eventually(lambda: client.get("/v1/tts/health").json()["streams_in_flight"] == 0)


def test_a_server_that_is_going_away_says_so(run_server: RunServer) -> None:
    server = run_server((entry(FakeEngine, default=True),))
    server.service.drain()
    with server.client() as client:
        assert client.get("/health").status_code == 200
        ready = client.get("/health/ready")
        assert (ready.status_code, ready.json()) == (503, {"status": "draining"})
        assert client.get("/v1/tts/health").json()["status"] == "draining"
        assert client.get("/").json()["status"] == "draining"


def test_without_an_engine_it_is_not_ready(run_server: RunServer) -> None:
    with run_server((entry(FakeEngine),)).client() as client:  # none that may be chosen by default
        assert client.get("/health/ready").status_code == 503
        assert client.get("/v1/tts/health").json()["status"] == "unavailable"
