"""kill -9 between the first sound and the end: the next server settles the hold at the last total written down."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from signal import SIGKILL
from typing import Any

import httpx
import pytest

from tests.databases import Postgres, fresh_sqlite
from tests.processes.conftest import StartServer, until
from tests.web.some_key import PEPPER

pytestmark = pytest.mark.slow

CREDITS = {"tick_seconds": 0.2, "hold_seconds": 12}
LONG = "The amplifiers are warm. " * 40


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield fresh_sqlite(tmp_path)
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        with postgres.fresh() as url:
            yield url


def balance(client: httpx.Client) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/credits/balance").json()
    return answer


def test_what_had_been_written_down_is_charged_and_the_rest_is_free_again(start_server: StartServer, url: str) -> None:
    limits = {"key_requests_per_minute": 100_000}  # the balance is asked for all the time
    settings = {"database": {"url": url}, "credits": CREDITS, "accounts": PEPPER, "limits": limits}
    first = start_server(**settings)
    token = httpx.post(f"{first.address}/auth/mock-login", json={"test_user_id": "ada"}).json()["token"]
    signed_in = {"Authorization": f"Bearer {token}"}
    with (
        httpx.Client(base_url=first.address, headers=signed_in, timeout=30) as client,
        httpx.Client(base_url=first.address, headers=signed_in, timeout=30) as other,
        client.stream("POST", "/v1/tts/generate", json={"text": LONG, "stream": True, "format": "pcm"}) as answer,
    ):
        assert answer.status_code == 200
        heard = answer.iter_raw(1000)  # kept: without it the answer would be closed
        next(heard)
        until(lambda: Decimal(balance(other)["balance_seconds"]) < 600)
        first.signal(SIGKILL)
        first.ended()

    second = start_server(**settings)
    with httpx.Client(base_url=second.address, headers=signed_in, timeout=30) as client:
        before = balance(client)
        assert Decimal(before["held_seconds"]) > 0
        until(lambda: balance(client)["held_seconds"] == "0")
        after = balance(client)
        assert after["balance_seconds"] == after["available_seconds"] == before["balance_seconds"]
        charged = [Decimal(one["seconds"]) for one in client.get("/credits/history").json()["entries"]]
        assert sum(charged) == Decimal(after["balance_seconds"])
        assert client.post("/v1/tts/generate", json={"text": "Hello."}).status_code == 200
