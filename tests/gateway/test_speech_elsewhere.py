"""A gateway whose speech is made by a worker: to its clients it is the same gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from backline.compute.over_http import SpeechOverHttp
from backline.compute.runner import Runner
from backline.compute.speech_requests import SpeechRequests
from backline.errors import Invalid, Unavailable
from backline.gateway.app import create_app
from backline.settings import Settings
from backline.speech.plan import Planner
from backline.speech.schemas import Manner
from tests.conftest import Running, RunServer
from tests.fakes.engines import FakeEngine, SlowEngine, entry
from tests.processes.jam_worker import KEY, jam_worker
from tests.worker.serving import serving_worker

BODY = {"text": "The weather is very good today. And tomorrow? Who knows!", "format": "wav", "stream": False}


def elsewhere(address: str) -> dict[str, Any]:
    return {"worker_url": address, "worker_key": KEY}


def test_a_worker_without_its_key_is_refused_before_anything_starts() -> None:
    with pytest.raises(Invalid, match="BACKLINE_SPEECH__WORKER_KEY"):
        create_app(Settings(_env_file=None, speech={"worker_url": "http://127.0.0.1:9"}))


def test_what_a_worker_speaks_is_what_is_spoken_here(server: Running, run_server: RunServer, tmp_path: Path) -> None:
    with jam_worker(tmp_path) as worker:
        other = run_server(speech=elsewhere(worker.address))
        with server.client() as here, other.client() as there:
            for voice in (None, "tone-high"):
                body = {**BODY, **({} if voice is None else {"voice": voice})}
                local, far = here.post("/v1/tts/generate", json=body), there.post("/v1/tts/generate", json=body)
                assert far.status_code == 200, far.text
                assert far.content == local.content
            assert there.get("/health/ready").status_code == 200
            assert there.get("/v1/audio/voices").json() == here.get("/v1/audio/voices").json()


def test_a_gateway_comes_up_without_its_worker_and_says_so(run_server: RunServer) -> None:
    with run_server(speech=elsewhere("http://127.0.0.1:9")).client() as client:
        assert client.get("/health").status_code == 200
        assert client.get("/health/ready").status_code == 503
        answer = client.post("/v1/tts/generate", json=BODY)
    assert (answer.status_code, answer.json()["code"]) == (503, "engine_unavailable")
    assert answer.json()["retryable"] is True


async def test_a_voice_that_nobody_has_may_be_that_of_an_engine_that_is_away() -> None:
    away = SpeechRequests("http://127.0.0.1:9", KEY)
    runner = Runner(
        1,
        catalog=(entry(FakeEngine, default=True), entry(SlowEngine)),
        elsewhere={SlowEngine.name: SpeechOverHttp(SlowEngine.name, away)},
    )
    await runner.start()
    try:
        planner = Planner(runner)
        with pytest.raises(Unavailable, match="slow cannot be reached now") as caught:
            planner.plan(Manner(voice="slow"))
        assert (caught.value.code, caught.value.retryable) == ("engine_unavailable", True)
        assert planner.plan(Manner(voice="fake")).engine == "fake"
    finally:
        await runner.close()
        await away.aclose()


def test_a_worker_that_goes_away_is_an_error_and_never_silence(run_server: RunServer) -> None:
    catalog = (entry(FakeEngine, default=True),)
    with serving_worker(*catalog) as worker:
        gateway = run_server(catalog, speech=elsewhere(worker.address))
        with gateway.client() as client:
            assert client.post("/v1/tts/generate", json=BODY).status_code == 200
    with gateway.client() as client:
        answer = client.post("/v1/tts/generate", json={**BODY, "stream": True})
    assert (answer.status_code, answer.json()["code"]) == (503, "worker_unreachable")


@pytest.mark.slow
def test_a_worker_that_is_killed_in_the_middle_cuts_the_answer(run_server: RunServer, tmp_path: Path) -> None:
    """Ending well would tell the client that this is all there is."""
    with jam_worker(tmp_path) as worker, run_server(speech=elsewhere(worker.address)).client() as client:
        body = {"text": "word " * 9_000, "format": "pcm", "stream": True}
        with client.stream("POST", "/v1/tts/generate", json=body, headers={"X-Request-ID": "killed"}) as answer:
            assert answer.status_code == 200
            parts = answer.iter_bytes()
            assert next(parts)
            worker.popen.kill()
            with pytest.raises(httpx.RemoteProtocolError):
                list(parts)
        record = client.get("/v1/tts/requests/killed").json()
    assert (record["outcome"], record["error_code"]) in [("failed", "worker_lost"), ("failed", "worker_unreachable")]
