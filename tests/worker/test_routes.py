"""The worker's eleven routes: what they take, what they answer, and what is refused with which status."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from dataclasses import fields
from typing import Any

import httpx
import pytest

from backline.engines.catalog import CATALOG, EngineEntry, EngineKind, Isolation
from backline.engines.jam.orders import ChunkMetadata, JamStatus
from backline.errors import Invalid
from backline.observability.logging import configure_logging
from backline.settings import JamSettings
from backline.worker.app import create_worker
from tests.contracts.test_jam_link import loop_file
from tests.processes.jam_worker import KEY
from tests.web.asgi import Connection
from tests.worker.conftest import open_worker

CONTRACT_STATUS = """ok session_id warmed container_warmup_seconds jam_running tag scaledown_window_seconds
session_created_ts warm_started_ts warm_completed_ts last_touched_ts closed_ts last_activity_ts billable_start_ts
closed_last_activity_ts billable_end_estimated_ts billable_elapsed_seconds billing_state idle_seconds warm_age_seconds
estimated_scaledown_ts peek request_seconds""".split()

ROUTES = [
    ("POST", "/warmup"),
    ("POST", "/status"),
    ("POST", "/status/peek"),
    ("GET", "/status/peek"),
    ("POST", "/jam/start"),
    ("GET", "/jam/next"),
    ("POST", "/jam/consume"),
    ("POST", "/jam/stop"),
    ("POST", "/jam/update"),
    ("POST", "/jam/reseed"),
    ("POST", "/jam/reseed_splice"),
    ("POST", "/session/close"),
    ("GET", "/metrics"),
]
START = {
    "bpm": "240",
    "bars_per_chunk": "1",
    "beats_per_bar": "4",
    "styles": "acid house, dub techno",
    "style_weights": "1, 0.5",
    "loop_weight": "1.0",
    "loudness_mode": "auto",
    "loudness_headroom_db": "1.0",
    "guidance_weight": "1.1",
    "temperature": "1.1",
    "topk": "40",
    "target_sample_rate": "",
}
"""As the older client sends it: all that it has, and nothing for what is not set."""


async def sent(
    worker: httpx.AsyncClient, path: str, session: str, file: tuple[str, bytes] | None = None, /, **form: str
) -> httpx.Response:
    files = None if file is None else {file[0]: ("loop.wav", file[1], "audio/wav")}
    return await worker.post(path, data={"session_id": session, **form}, files=files)


async def started(worker: httpx.AsyncClient, session: str, **changes: str) -> httpx.Response:
    return await sent(worker, "/jam/start", session, ("loop_audio", loop_file()), **{**START, **changes})


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    data: dict[str, Any] = answer.json()
    assert (answer.status_code, data["ok"], data["code"]) == (status, False, code), data
    assert data["error"]
    assert data["request_seconds"] >= 0
    return data


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("key", ["", "a wrong key, long enough", KEY + "x", "schlüssel"])
async def test_nothing_is_told_without_the_key(worker: httpx.AsyncClient, method: str, path: str, key: str) -> None:
    answer = await worker.request(method, path, headers={b"X-API-Key": key.encode()})
    data = refused(answer, 401, "invalid_api_key")
    assert data["error"] == "Invalid or missing API key"


async def test_a_body_without_the_key_is_not_read(worker: httpx.AsyncClient) -> None:
    async def endless() -> Any:
        while True:
            yield b"x"

    answer = await worker.post("/jam/start", content=endless(), headers={"X-API-Key": "wrong"})
    refused(answer, 401, "invalid_api_key")


async def test_health_needs_no_key(worker: httpx.AsyncClient) -> None:
    answer = await worker.get("/health", headers={"X-API-Key": ""})
    assert answer.json().items() >= {"ok": True, "service": "backline-worker", "draining": False}.items()


def test_a_worker_without_a_key_does_not_start() -> None:
    with pytest.raises(Invalid, match="BACKLINE_JAM__WORKER_KEY"):
        create_worker(JamSettings(engine="metronome"))


async def test_a_warm_up_makes_an_id_where_none_was_sent(worker: httpx.AsyncClient) -> None:
    data = (await worker.post("/warmup")).json()
    assert data["ok"] is True
    assert data["warmed"] is True
    assert {"session_id", "container_warmup_seconds", "handler_seconds", "tag", "request_seconds"} <= set(data)
    found = (await worker.get("/status/peek", params={"session_id": data["session_id"]})).json()
    assert found["billing_state"] == "active"


async def test_a_status_has_every_field_of_the_contract(worker: httpx.AsyncClient, session: str) -> None:
    for answer in (
        await sent(worker, "/status", session),
        await sent(worker, "/status", session, keepalive="0"),
        await sent(worker, "/status/peek", session),
        await worker.get("/status/peek", params={"session_id": session}),
    ):
        assert answer.status_code == 200
        assert set(answer.json()) == {*CONTRACT_STATUS, *(field.name for field in fields(JamStatus))}


async def test_a_look_keeps_nothing_alive_and_a_keepalive_does(worker: httpx.AsyncClient, session: str) -> None:
    before = (await sent(worker, "/status", session)).json()
    for look in (await sent(worker, "/status/peek", session), await sent(worker, "/status", session, keepalive="0")):
        data = look.json()
        assert (data["peek"], data["last_touched_ts"]) == (True, before["last_touched_ts"])
    after = (await sent(worker, "/status", session)).json()
    assert after["peek"] is False
    assert after["last_touched_ts"] > before["last_touched_ts"]


async def test_the_whole_journey_in_the_older_clients_words(worker: httpx.AsyncClient, session: str) -> None:
    answer = await started(worker, session)
    assert answer.json().items() >= {"ok": True, "session_id": session, "status": "started"}.items()
    for index in range(3):
        data = (await worker.get("/jam/next", params={"session_id": session, "timeout_seconds": 25})).json()
        chunk = data["chunk"]
        assert (data["ok"], data["session_id"], chunk["index"]) == (True, session, index)
        assert set(chunk["metadata"]) == {field.name for field in fields(ChunkMetadata)}
        assert base64.b64decode(chunk["audio_base64"]).startswith(b"RIFF")
        assert (await sent(worker, "/jam/consume", session, chunk_index=str(index))).json()["ok"] is True
    for path, form in {
        "/jam/update": {"styles": "", "style_weights": "", "temperature": "1.3", "guidance_weight": "1.5"},
        "/jam/reseed": {},
        "/jam/reseed_splice": {"anchor_bars": "2.0"},
    }.items():
        data = (await sent(worker, path, session, **form)).json()
        assert data.items() >= {"ok": True, "session_id": session}.items(), data
    assert data["anchor_bars"] == 2.0
    assert (await sent(worker, "/jam/stop", session)).json()["status"] == "stopped"
    closed = (await sent(worker, "/session/close", session, reason="manual_close")).json()
    assert closed.items() >= {"status": "closed", "close_reason": "manual_close", "billing_state": "closed"}.items()
    assert closed["closed_ts"] >= closed["billable_start_ts"]


async def test_a_chunk_that_is_late_is_null(worker: httpx.AsyncClient, session: str) -> None:
    await started(worker, session)
    answer = await worker.get("/jam/next", params={"session_id": session, "timeout_seconds": "0", "index": "500"})
    assert (answer.status_code, answer.json()["chunk"]) == (200, None)


async def test_who_leaves_is_waited_for_by_nobody() -> None:
    app = create_worker(JamSettings(worker_key=KEY, engine="metronome"))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://w", headers={"X-API-Key": KEY}
        ) as worker,
    ):
        session = (await worker.post("/warmup")).json()["session_id"]
        await started(worker, session)
        connection = Connection({"type": "http.request", "body": b""})
        query = f"session_id={session}&timeout_seconds=25&index=500".encode()
        headers = [(b"x-api-key", KEY.encode())]
        asking = asyncio.create_task(
            connection.call(app, headers=headers, method="GET", path="/jam/next", query_string=query)
        )
        await asyncio.sleep(0.1)
        assert not asking.done()
        connection.leave()
        async with asyncio.timeout(10):
            await asking


async def test_a_chunk_is_asked_for_by_index_and_format(worker: httpx.AsyncClient, session: str) -> None:
    await started(worker, session)
    await worker.get("/jam/next", params={"session_id": session})
    again = await worker.get("/jam/next", params={"session_id": session, "index": "0", "format": "flac"})
    chunk = again.json()["chunk"]
    assert (chunk["index"], chunk["metadata"]["format"]) == (0, "flac")
    assert base64.b64decode(chunk["audio_base64"]).startswith(b"fLaC")


async def test_who_no_one_knows_is_not_found_and_stays_so(worker: httpx.AsyncClient) -> None:
    for path in ("/status", "/status/peek", "/jam/stop", "/session/close"):
        data = refused(await sent(worker, path, "jam_never"), 404, "session_not_found")
        assert data["session_id"] == "jam_never"
    refused(await worker.get("/jam/next", params={"session_id": "jam_never"}), 404, "session_not_found")
    refused(await started(worker, "jam_never"), 404, "session_not_found")


async def test_who_has_ended_is_a_conflict_and_begins_no_more(worker: httpx.AsyncClient, session: str) -> None:
    end = (await sent(worker, "/session/close", session)).json()
    for path in ("/warmup", "/status", "/jam/stop", "/jam/reseed"):
        refused(await sent(worker, path, session), 409, "session_closed")
    peeked = (await sent(worker, "/status/peek", session)).json()
    assert peeked["billable_elapsed_seconds"] == end["billable_elapsed_seconds"]


async def test_a_full_worker_answers_429_and_says_when_to_come_again() -> None:
    async with open_worker(max_sessions=1) as worker:
        await worker.post("/warmup")
        answer = await worker.post("/warmup")
        refused(answer, 429, "too_many_sessions")
        assert int(answer.headers["retry-after"]) > 0


BAD_FORMS: dict[str, tuple[str, dict[str, str]]] = {
    "no id": ("/status", {"session_id": ""}),
    "a bad id": ("/status", {"session_id": "../etc"}),
    "a long id": ("/status", {"session_id": "x" * 65}),
    "no number": ("/jam/consume", {"chunk_index": "first"}),
    "below nothing": ("/jam/consume", {"chunk_index": "-1"}),
    "no index": ("/jam/consume", {}),
    "an unknown field": ("/jam/update", {"tempreature": "1"}),
    "no weights": ("/jam/update", {"style_weights": "much, more"}),
    "half a list": ("/jam/update", {"styles": '["dub'}),
    "a list of numbers": ("/jam/update", {"styles": "[1, 2]"}),
    "out of range": ("/jam/update", {"topk": "0"}),
    "no reason": ("/session/close", {"reason": "Because I say so!"}),
}


@pytest.mark.parametrize(("path", "form"), BAD_FORMS.values(), ids=BAD_FORMS)
async def test_what_makes_no_sense_is_422(
    worker: httpx.AsyncClient, session: str, path: str, form: dict[str, str]
) -> None:
    await started(worker, session)
    answer = await worker.post(path, data={"session_id": session, **form})
    data = refused(answer, 422, answer.json()["code"])
    assert not [value for value in form.values() if len(value) > 2 and value in data["error"]]


@pytest.mark.parametrize("field", [name for name in START if START[name]])
async def test_every_field_of_a_start_is_looked_at(worker: httpx.AsyncClient, session: str, field: str) -> None:
    bad = {"styles": "[", "style_weights": "1,2,3", "loudness_mode": "loud"}.get(field, "-1")
    assert (await started(worker, session, **{field: bad})).status_code == 422
    assert (await started(worker, session)).status_code == 200


async def test_a_start_needs_a_loop_and_a_tempo(worker: httpx.AsyncClient, session: str) -> None:
    refused(await sent(worker, "/jam/start", session, **START), 422, "no_loop")
    refused(await started(worker, session, bpm=""), 422, "invalid")
    empty = await sent(worker, "/jam/start", session, ("loop_audio", b""), **START)
    refused(empty, 422, "empty_file")


async def test_a_form_that_is_none_is_refused(worker: httpx.AsyncClient, session: str) -> None:
    broken = {"content-type": "multipart/form-data; boundary=x"}
    refused(await worker.post("/jam/start", content=b"no form", headers=broken), 422, "bad_form")
    json_body = await worker.post("/jam/stop", json={"session_id": session})
    assert json_body.status_code == 422


@pytest.mark.parametrize("told", [True, False])
async def test_a_loop_over_50_mb_is_refused(worker: httpx.AsyncClient, session: str, told: bool) -> None:
    head = (
        f'--x\r\nContent-Disposition: form-data; name="session_id"\r\n\r\n{session}\r\n'
        '--x\r\nContent-Disposition: form-data; name="loop_audio"; filename="a.wav"\r\n\r\n'
    ).encode()
    taken = 0

    async def body() -> Any:
        nonlocal taken
        yield head
        for _ in range(200):
            taken += 1_000_000
            yield bytes(1_000_000)

    headers = {"content-type": "multipart/form-data; boundary=x"}
    if told:
        headers["content-length"] = str(len(head) + 200_000_000)
    refused(await worker.post("/jam/start", content=body(), headers=headers), 413, "file_too_large")
    assert taken < 60_000_000


async def test_what_no_route_takes_is_said_in_the_same_words(worker: httpx.AsyncClient) -> None:
    refused(await worker.get("/nowhere"), 404, "not_found")
    refused(await worker.get("/warmup"), 405, "method_not_allowed")


class BrokenEngine:
    """Cannot be made."""

    def __init__(self) -> None:
        raise ValueError("the weights of acid house are broken")


async def test_an_engine_that_does_not_load_is_503_and_tried_again() -> None:
    broken = EngineEntry(
        name="broken",
        kind=EngineKind.JAM,
        path=f"{__name__}:BrokenEngine",
        isolation=Isolation.THREAD,
        licence="none",
        about="",
        source="",
    )
    async with open_worker((*CATALOG, broken), engine="broken") as worker:
        for _ in range(2):
            answer = await worker.post("/warmup", data={"session_id": "jam_1"})
            data = refused(answer, 503, "engine_not_started")
            assert "acid" not in data["error"]
        assert (await worker.get("/status/peek", params={"session_id": "jam_1"})).json()["billing_state"] == "warming"


async def test_what_goes_wrong_unforeseen_is_500_without_a_word_of_it(
    worker: httpx.AsyncClient, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise ValueError("acid house")

    monkeypatch.setattr("backline.worker.sessions.WorkerSessions.peek", fails)
    data = refused(await sent(worker, "/status/peek", session), 500, "internal_error")
    assert "acid" not in json.dumps(data)


async def test_no_word_of_a_user_is_in_the_log_or_the_figures(worker: httpx.AsyncClient, session: str) -> None:
    log = io.StringIO()
    configure_logging("INFO", log)
    try:
        await started(worker, session, styles="my secret style", style_weights="")
        await started(worker, session, styles="[my secret", bpm="my secret")
        await worker.get("/jam/next", params={"session_id": session})
        figures = (await worker.get("/metrics")).text
    finally:
        configure_logging("INFO")
    assert "/jam/start" in log.getvalue()
    assert "secret" not in log.getvalue() + figures
    assert "backline_worker_chunks_total 1.0" in figures
    assert "backline_worker_sound_seconds_total 1.0" in figures
