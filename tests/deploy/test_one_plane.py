"""One plane: the whole server on the machines of speech, and a gateway before it that passes speech on."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from backline.accounts.keys import Keys, NewKey
from backline.accounts.service import Accounts
from backline.compute.runner import OnFault
from backline.deploy import servers
from backline.deploy.servers import plane_app
from backline.gateway.services import open_administration
from tests.databases import fresh_sqlite
from tests.deploy.cloud import PEPPER, PUBLIC_URL, Cloud, open_cloud

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def one_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("one")
    with open_cloud(folder, BACKLINE_MODAL__PLANES="one") as cloud:
        yield cloud


def key_of(cloud: Cloud) -> str:
    async def make() -> str:
        async with open_administration(cloud.settings()) as parts:
            accounts: Accounts = parts[Accounts]
            keys: Keys = parts[Keys]
            user = await accounts.find_or_create("test", "somebody")
            return (await keys.create_for(user.id, NewKey("test", ("speech",))))[1]

    return asyncio.run(make())


def test_a_sound_passes_through_the_gateway(one_plane: Cloud) -> None:
    headers = {"X-API-Key": key_of(one_plane), "Origin": PUBLIC_URL}
    address = one_plane.standin.functions("backline")["gateway"].urls[""]
    with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
        body = {"text": "Hello there.", "voice": "tone-low", "format": "pcm", "stream": True}
        answer = client.post("/v1/tts/generate", json=body)
        assert (answer.status_code, answer.headers["x-sample-rate"]) == (200, "24000")
        assert len(answer.content) > 10_000
        names = {engine["name"] for engine in client.get("/v1/tts/health").json()["engines"] if engine["running"]}
        balance = client.get("/credits/balance").json()
    assert {"tone", "espeak"} <= names
    assert balance["balance_seconds"] != "600"
    assert one_plane.standin.containers("Speech.*")


def test_a_conversation_passes_through_the_gateway(one_plane: Cloud) -> None:
    address = one_plane.standin.functions("backline")["gateway"].urls[""].replace("http", "ws", 1)
    with connect(f"{address}/v1/tts/ws", additional_headers={"X-API-Key": key_of(one_plane)}) as connection:

        def event() -> dict[str, object]:
            while isinstance(message := connection.recv(30), bytes):
                sound.append(message)
            found: dict[str, object] = json.loads(message)
            return found

        sound: list[bytes] = []
        assert event()["type"] == "session.ready"
        for said in ({"type": "input.text", "text": "Hello."}, {"type": "input.done"}):
            connection.send(json.dumps(said))
        while event()["type"] != "session.done":
            pass
    assert sound
    assert connection.close_code == 1000


async def test_the_plane_counts_the_callers_of_the_gateway_and_is_asked_under_its_own_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {
        "DATABASE_URL": fresh_sqlite(tmp_path),
        "BACKLINE_ACCOUNTS__KEY_PEPPER": PEPPER,
        "BACKLINE_SERVER__PUBLIC_URL": PUBLIC_URL,
        "BACKLINE_SERVER__ALLOWED_HOSTS": '["backline.example"]',
        "BACKLINE_LIMITS__ADDRESS_REQUESTS_PER_MINUTE": "1",
    }.items():
        monkeypatch.setenv(name, value)
    app = plane_app(lambda: None)
    transport = httpx.ASGITransport(app, client=("10.1.2.3", 4))
    headers = {"X-API-Key": "bl_live_nobody", "Origin": PUBLIC_URL}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="https://plane.example", headers=headers) as client,
    ):
        answers = [await client.get("/v1/voices", headers={"X-Forwarded-For": one}) for one in ("7.7.7.7", "8.8.8.8")]
        again = await client.get("/v1/voices", headers={"X-Forwarded-For": "8.8.8.8"})
    assert [answer.status_code for answer in (*answers, again)] == [401, 401, 429]


def test_a_broken_gpu_lets_nothing_new_come_to_the_plane(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The server's own part is in tests/gateway/test_gpu_fault.py."""
    monkeypatch.setenv("DATABASE_URL", fresh_sqlite(tmp_path))
    given: list[OnFault] = []
    monkeypatch.setattr(servers, "create_app", lambda _settings, *, on_fault: given.append(on_fault))
    drained = threading.Event()
    plane_app(drained.set)
    assert not drained.is_set()
    given[0]("espeak")
    assert drained.wait(10)
