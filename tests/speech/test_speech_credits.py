"""What speech costs: delivered sound, to the microsecond, and nothing when it was our fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.conftest import Running, RunServer
from tests.fakes.engines import BreakingEngine, BrokenEngine, FakeEngine, SlowEngine, diary, entry
from tests.speech.hearing import GENERATE, eventually

CATALOG = (
    entry(FakeEngine, default=True),
    entry(SlowEngine),
    entry(BrokenEngine),
    entry(BreakingEngine),
)
WHOLE = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


class Account:
    """Somebody who signed in."""

    def __init__(self, client: httpx.Client, server: Running) -> None:
        self.client = client
        self.server = server

    def balance(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get("/credits/balance").json()
        return answer

    def posted(self) -> Decimal:
        return Decimal(self.balance()["balance_seconds"])

    def record(self, request_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get(f"/v1/tts/requests/{request_id}").json()
        return answer

    def speak(self, request_id: str = "one", **body: Any) -> httpx.Response:
        headers = {"X-Request-ID": request_id}
        return self.client.post(GENERATE, headers=headers, json={"text": "x" * 20, "format": "wav", **body})

    @contextmanager
    def listening(self, request_id: str = "one", **body: Any) -> Iterator[Iterator[bytes]]:
        """An answer that is read piece by piece, and left at the end of the block."""
        json = {"text": "x", "voice": "slow", "format": "wav", "stream": True, **body}
        with self.client.stream("POST", GENERATE, headers={"X-Request-ID": request_id}, json=json) as answer:
            assert answer.status_code == 200
            yield answer.iter_bytes()

    def idle(self) -> None:
        eventually(lambda: self.server.service.streams_in_flight == 0)
        eventually(lambda: self.balance()["held_seconds"] == "0")


@pytest.fixture
def start(run_server: RunServer, database_url: str) -> Iterator[Any]:
    clients: list[httpx.Client] = []

    def start(**credits: Any) -> Account:
        rules = {"tick_seconds": 0.05, **credits}
        server = run_server(CATALOG, database={"url": database_url}, credits=rules)
        token = httpx.post(f"{server.address}/auth/mock-login", json={"test_user_id": "ada"}).json()["token"]
        clients.append(server.client(headers={"Authorization": f"Bearer {token}"}))
        return Account(clients[-1], server)

    yield start
    for client in clients:
        client.close()


def test_a_new_user_is_given_something_once(start: Any) -> None:
    ada = start(welcome_seconds="12.5")
    for _ in range(2):
        ada.client.post("/auth/mock-login", json={"test_user_id": "ada"})
    assert ada.balance() == {
        "balance_seconds": "12.5",
        "formatted": "0:12",
        "held_seconds": "0",
        "available_seconds": "12.5",
        "billed": True,
        "prices": {"speech": "1", "jam": "1", "exports": "1"},
    }


@WHOLE
def test_what_was_delivered_is_charged_exactly(start: Any, stream: bool) -> None:
    ada = start()
    answer = ada.speak(stream=stream)
    assert answer.status_code == 200
    ada.idle()
    record = ada.record("one")
    assert record["outcome"] == "completed"
    assert record["credits_consumed"] == "2"  # 100 blocks of 20 ms
    assert record["audio_seconds"] == 2
    assert ada.posted() == 598
    assert answer.headers.get("x-credits-consumed") == (None if stream else "2")
    assert answer.headers.get("x-remaining-credits") == (None if stream else "598")


def test_the_price_is_a_setting_and_may_be_nothing(start: Any) -> None:
    ada = start(speech_per_second="0.000001")
    assert ada.speak().headers["x-credits-consumed"] == "0.000002"
    free = start(speech_per_second="0", welcome_seconds="0")
    before = free.posted()
    assert free.speak().headers["x-credits-consumed"] == "0"
    assert free.posted() == before


def test_without_an_account_nothing_is_charged(start: Any) -> None:
    ada = start()
    with ada.server.client() as nobody:
        answer = nobody.post(GENERATE, json={"text": "hello"})
        assert answer.headers["x-credits-consumed"] == "0"
        assert "x-remaining-credits" not in answer.headers
        assert nobody.get("/credits/balance").json()["billed"] is False
    assert ada.posted() == 600


@WHOLE
def test_who_has_too_little_is_told_what_it_takes_before_anything_is_made(start: Any, stream: bool) -> None:
    ada = start(welcome_seconds="3", top_up_url="https://example.com/buy")
    answer = ada.speak(text="x" * 588, stream=stream)
    assert answer.status_code == 402
    problem = answer.json()
    assert problem["code"] == "insufficient_credits"
    assert (problem["required"], problem["available"], problem["top_up"]) == ("50", "3", "https://example.com/buy")
    assert diary() == []
    assert ada.posted() == 3


@pytest.mark.parametrize("voice", ["broken", "breaking"])
@WHOLE
def test_nothing_is_charged_for_what_broke(start: Any, voice: str, stream: bool) -> None:
    """Also after half a second of sound that was heard, and after ticks that were charged."""
    ada = start()
    try:
        ada.speak(voice=voice, stream=stream)
    except httpx.RemoteProtocolError:
        assert voice == "breaking"
        assert stream
    ada.idle()
    assert ada.record("one")["outcome"] == "failed"
    assert ada.record("one")["credits_consumed"] == "0"
    assert ada.posted() == 600


def test_who_leaves_pays_for_what_was_delivered(start: Any) -> None:
    ada = start()
    with ada.listening() as chunks:
        for _ in range(12):
            next(chunks)
    ada.idle()
    record = ada.record("one")
    assert record["outcome"] == "client_left"
    assert 0 < record["audio_seconds"] < 19
    assert Decimal(record["credits_consumed"]) == Decimal(str(record["audio_seconds"]))
    assert ada.posted() == 600 - Decimal(record["credits_consumed"])


def test_who_leaves_a_whole_answer_pays_nothing(start: Any) -> None:
    ada = start()
    with pytest.raises(httpx.ReadTimeout):
        ada.client.post(
            GENERATE, headers={"X-Request-ID": "one"}, json={"text": "x", "voice": "slow"}, timeout=httpx.Timeout(1)
        )
    ada.idle()
    assert ada.record("one")["outcome"] == "client_left"
    assert ada.posted() == 600


def test_running_work_holds_credit_and_is_charged_as_it_goes(start: Any) -> None:
    ada = start()
    with ada.listening() as chunks:
        next(chunks)
        assert Decimal(ada.balance()["held_seconds"]) > 0
        eventually(lambda: ada.posted() < 600 and bool(next(chunks)))
        has = ada.balance()
        available = Decimal(has["balance_seconds"]) - Decimal(has["held_seconds"])
        assert available == Decimal(has["available_seconds"])
    ada.idle()


@pytest.mark.slow
def test_a_stream_ends_where_the_credit_does(start: Any) -> None:
    ada = start(welcome_seconds="3.3")
    with pytest.raises(httpx.RemoteProtocolError), ada.listening() as chunks:  # noqa: PT012 - the block is tried
        heard = sum(len(chunk) for chunk in chunks)
        assert heard
    ada.idle()
    record = ada.record("one")
    assert (record["outcome"], record["error_code"]) == ("exhausted", "credits_exhausted")
    assert Decimal("2.2") < Decimal(record["credits_consumed"]) <= Decimal("3.3")
    assert ada.posted() == Decimal("3.3") - Decimal(record["credits_consumed"])


@pytest.mark.slow
def test_a_whole_answer_that_the_credit_does_not_reach_costs_nothing(start: Any) -> None:
    ada = start(welcome_seconds="3")
    answer = ada.speak(text="x", voice="slow")
    assert (answer.status_code, answer.json()["code"]) == (402, "credits_exhausted")
    assert ada.posted() == 3


@pytest.mark.slow
def test_a_socket_is_told_what_it_cost(start: Any) -> None:
    ada = start(welcome_seconds="5")
    headers = {"Authorization": ada.client.headers["authorization"]}
    with connect(ada.server.socket_address, additional_headers=headers) as socket:
        assert json.loads(socket.recv())["type"] == "session.ready"

        def done(**config: Any) -> dict[str, Any]:
            for event in ({"type": "session.config", **config}, {"type": "input.text", "text": "x" * 10}):
                socket.send(json.dumps(event))
            socket.send(json.dumps({"type": "input.flush"}))
            while True:
                message = socket.recv(timeout=30)
                event = json.loads(message) if isinstance(message, str) else {"type": "sound"}
                if event["type"] in ("audio.done", "error"):
                    return event

        assert done()["credits_consumed"] == "1"
        assert ada.posted() == 4
        refused = done(voice="slow")
        assert (refused["type"], refused["code"]) == ("error", "credits_exhausted")
        assert 0 <= ada.posted() < 2
        socket.send(json.dumps({"type": "ping"}))
        assert json.loads(socket.recv())["type"] == "pong"
