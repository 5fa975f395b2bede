"""What is logged of speech: the agreed events, in order, under one id, and never a word of the text."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from backline.engines.catalog import CATALOG, Isolation
from backline.observability.logging import configure_logging
from tests.conftest import Running, RunServer
from tests.fakes.engines import BreakingEngine, CrashingEngine, FakeEngine, entry
from tests.speech.hearing import GENERATE, eventually, speak
from tests.speech.odd_engines import QuotingEngine

CANARY = "zanzibarquokka"

IN_ORDER = [
    "tts.request_received",
    "tts.auth_validated",
    "tts.normalization_done",
    "tts.chunking_decision",
    "tts.inference_started",
    "tts.first_audio_emitted",
    "tts.stream_completed",
]
AT_THE_END = {
    "request_id",
    "user_id",
    "speaker",
    "format",
    "stream",
    "model_version",
    "t_norm_ms",
    "t_infer_ms",
    "t_first_chunk_ms",
    "t_encode_ms",
    "t_total_ms",
    "audio_bytes",
    "audio_seconds",
    "chunks_sent",
    "rtf",
    "credits_consumed",
    "outcome",
    "event",
    "level",
    "timestamp",
}


def lines(server: Running) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.getvalue().splitlines()]


def after_the_request(server: Running) -> list[dict[str, Any]]:
    """All that was logged, once the request's own line is there."""
    eventually(lambda: '"event":"http.request"' in server.log.getvalue())
    return lines(server)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_events_come_in_order_under_one_id(run_server: RunServer, stream: bool) -> None:
    server = run_server()
    configure_logging("DEBUG", server.log)
    with server.client() as client:
        response = speak(client, stream=stream, text="One. Two. Three.")
    logged = after_the_request(server)
    assert [line["event"] for line in logged if line["event"].startswith("tts.")] == IN_ORDER
    assert {line["request_id"] for line in logged if line["event"] in [*IN_ORDER, "http.request"]} == {
        response.headers["x-request-id"]
    }
    (end,) = [line for line in logged if line["event"] == "tts.stream_completed"]
    assert set(end) == AT_THE_END
    record = client_record(server, response.headers["x-request-id"])
    assert {name: end[name] for name in ("audio_bytes", "audio_seconds", "chunks_sent", "rtf", "outcome")} == {
        name: record[name] for name in ("audio_bytes", "audio_seconds", "chunks_sent", "rtf", "outcome")
    }
    assert (end["speaker"], end["format"], end["stream"], end["user_id"]) == ("tone-low", "wav", stream, "local")


def client_record(server: Running, request_id: str) -> dict[str, Any]:
    with server.client() as client:
        record: dict[str, Any] = client.get(f"/v1/tts/requests/{request_id}").json()
    return record


def test_without_debugging_three_lines_tell_the_story(run_server: RunServer) -> None:
    server = run_server()
    with server.client() as client:
        speak(client, stream=True)
    assert [line["event"] for line in after_the_request(server)] == [
        "tts.request_received",
        "tts.first_audio_emitted",
        "tts.stream_completed",
        "http.request",
    ]


def test_an_error_is_logged_with_its_code(run_server: RunServer) -> None:
    server = run_server((entry(QuotingEngine, default=True),))
    with server.client() as client:
        client.post(GENERATE, json={"text": CANARY})
    logged = after_the_request(server)
    (error,) = [line for line in logged if line["event"] == "tts.error"]
    assert (error["code"], error["level"]) == ("engine_failed", "warning")
    (engine,) = [line for line in logged if line["event"] == "compute.engine_failed"]
    assert (engine["error_type"], engine["level"]) == ("KeyError", "error")
    assert any("synthesize" in place for place in engine["error_at"])
    (end,) = [line for line in logged if line["event"] == "tts.stream_completed"]
    assert (end["outcome"], end["t_first_chunk_ms"], end["rtf"]) == ("failed", None, None)
    (access,) = [line for line in logged if line["event"] == "http.request"]
    assert (access["method"], access["path"], access["status"]) == ("POST", GENERATE, 500)


def test_each_of_many_requests_at_once_keeps_its_own_id(run_server: RunServer) -> None:
    server = run_server()

    async def ask_all() -> None:
        async with httpx.AsyncClient(base_url=server.address, timeout=30) as client:
            await asyncio.gather(
                *(
                    client.post(
                        GENERATE,
                        json={"text": "x" * (number + 1), "voice": "tone-low", "format": "pcm", "stream": True},
                        headers={"X-Request-ID": f"number-{number}"},
                    )
                    for number in range(20)
                )
            )

    asyncio.run(ask_all())
    eventually(lambda: server.log.getvalue().count('"event":"http.request"') == 20)
    for line in lines(server):
        if line["event"] == "tts.request_received":
            assert line["request_id"] == f"number-{line['characters'] - 1}"
        if line["event"] == "tts.stream_completed":  # 80 ms a letter
            assert line["request_id"] == f"number-{round(line['audio_seconds'] / 0.08) - 1}"


REQUESTS: list[dict[str, Any]] = [
    {"text": f"Say {CANARY}. And {CANARY}!", "voice": "tone-low"},
    {"text": f"Say {CANARY}.", "voice": "male-1", "format": "opus", "stream": True},
    {"text": f"Say {CANARY}.", "normalize": False, "chunking": False},
    {"text": f"{CANARY}\0"},
    {"text": f"Say {CANARY}.", "voice": "tone-low", "lexicon": {CANARY: f"{CANARY} {CANARY}"}},
    {"text": CANARY, "lexicon": {CANARY: ""}},
    {"text": CANARY, "speed": CANARY},
    {"text": CANARY, "voice": CANARY},
    {"text": CANARY, "format": CANARY, "language": CANARY},
    {"text": CANARY, "emotion": CANARY},
    {"text": f"{CANARY} " * 5000},
    {"text": f"<speak>{CANARY}</speak>"},
    {"text": f"<speak><{CANARY}>"},
    {"text": f"<speak><break time='{CANARY}'/>"},
    {"text": CANARY, "voice": "quoting"},
    {"text": CANARY, "voice": "breaking", "stream": True},
    {"text": CANARY, "voice": "breaking"},
    {"text": f"crash {CANARY}", "voice": "crashing"},
]


@pytest.mark.parametrize("isolation", list(Isolation))
def test_no_word_of_a_text_is_ever_logged_told_or_counted(
    run_server: RunServer,
    isolation: Isolation,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not when all is well, not when an engine quotes it in what it raises, not with everything switched on."""
    engines = (
        *CATALOG,
        entry(FakeEngine),
        entry(QuotingEngine, isolation),
        entry(BreakingEngine, isolation),
        entry(CrashingEngine, Isolation.PROCESS),
    )
    server = run_server(engines, speech={"workers": 1})
    configure_logging("DEBUG", server.log)
    caplog.set_level("WARNING", "httpx")  # our own client would log the address it asks
    answers = []
    with server.client() as client:
        for body in REQUESTS:
            with client.stream("POST", f"{GENERATE}?text={CANARY}", json=body) as response:
                if response.headers["content-type"].startswith("audio/"):
                    continue  # the start is enough; and one of them is cut on purpose
                answers.append(response.read().decode() + str(response.headers))
        answers.append(
            client.post(GENERATE, content=f'{{"text": "{CANARY}', headers={"Content-Type": "application/json"}).text
        )
        answers.append(client.post(GENERATE, content=CANARY, headers={"Content-Type": "text/plain"}).text)
        eventually(lambda: server.service.streams_in_flight == 0)
        answers.append(client.get("/metrics").text)
    assert len(answers) > 10
    assert CANARY not in "".join(answers)
    assert CANARY not in server.log.getvalue()
    assert server.log.getvalue().count("tts.error") >= 3
    captured = capfd.readouterr()
    assert CANARY not in captured.out + captured.err
