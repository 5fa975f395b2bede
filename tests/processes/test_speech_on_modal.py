"""Speech through a gateway that believes it talks to Modal: what is heard, paid, and told when machines are lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import pytest

from backline.compute.on_modal import names
from tests.databases import fresh_sqlite
from tests.deploy.cloud import PUBLIC_URL, Cloud
from tests.processes.conftest import Process, running_process, until
from tests.storage.stores import CREDENTIALS
from tests.web.some_key import PEPPER, make_key

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TEXT = "The weather is very good today. It will rain tomorrow, said the cat. Nobody believed it."


@dataclass
class Gateways:
    """there: its engines are on Modal. here: it speaks itself. Both have the same users."""

    there: Process
    here: Process
    key: str
    cloud: Cloud

    def client(self, process: Process) -> httpx.Client:
        return httpx.Client(base_url=process.address, headers={"X-API-Key": self.key}, timeout=60)

    def speak(self, process: Process) -> httpx.Response:
        with self.client(process) as client:
            return client.post(
                "/v1/tts/generate", json={"text": TEXT, "voice": "tone-low", "format": "pcm", "stream": True}
            )

    def balance(self) -> Decimal:
        """Once nothing is held any more."""
        with self.client(self.here) as client:
            until(lambda: Decimal(client.get("/credits/balance").json()["held_seconds"]) == 0)
            return Decimal(client.get("/credits/balance").json()["balance_seconds"])

    def calls(self) -> int:
        """Units that were spoken there."""
        calls = list(self.cloud.standin.hub.calls.values())
        return sum(call.function.tag == f"{names.SPEECH}.*" and bool(call.outgoing) for call in calls)


@pytest.fixture
def gateways(
    tmp_path_factory: pytest.TempPathFactory, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Gateways]:
    cloud.enter(monkeypatch)
    folder = tmp_path_factory.mktemp("gateways")
    shared: dict[str, Any] = {"database": {"url": fresh_sqlite(folder)}, "accounts": PEPPER}
    with ExitStack() as stack:

        def start(name: str, **groups: Any) -> Process:
            (folder / name).mkdir()
            return stack.enter_context(running_process(folder / name, **shared, **groups))

        modal = {"enabled": True, "jam": {"enabled": False}, "speech": {"engines": ["tone"]}}
        storage = {
            "bucket": cloud.bucket,
            "endpoint": cloud.endpoint,
            "access_key_id": CREDENTIALS.access_key_id,
            "secret_access_key": CREDENTIALS.secret_access_key,
        }
        there = start("there", server={"public_url": PUBLIC_URL}, modal=modal, storage=storage)
        here = start("here", modal={"enabled": False})
        yield Gateways(there, here, make_key(database=shared["database"]), cloud)


def test_what_is_heard_and_paid_is_what_it_is_here(gateways: Gateways) -> None:
    before, calls = gateways.balance(), gateways.calls()
    here = gateways.speak(gateways.here)
    between = gateways.balance()
    assert gateways.calls() == calls
    there = gateways.speak(gateways.there)
    assert (here.status_code, there.status_code) == (200, 200)
    assert there.content == here.content
    assert there.headers["X-Model-Version"] == here.headers["X-Model-Version"]
    assert between - gateways.balance() == before - between > 0
    assert gateways.calls() == calls + 3


def test_a_machine_that_is_gone_costs_only_time_and_what_is_away_is_told(gateways: Gateways) -> None:
    standin = gateways.cloud.standin
    before = gateways.speak(gateways.there)
    for container in standin.containers(f"{names.SPEECH}.*"):
        standin.kill(container)
    assert gateways.speak(gateways.there).content == before.content
    balance = gateways.balance()
    with standin.unreachable():
        refused = gateways.speak(gateways.there)
    assert (refused.status_code, refused.json()["code"]) == (503, "modal_unreachable")
    assert gateways.balance() == balance
    until(lambda: gateways.speak(gateways.there).content == before.content)  # refusals go on for a moment
