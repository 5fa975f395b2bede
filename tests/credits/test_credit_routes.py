"""What callers see of their credit over HTTP, from a real server on both databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from backline.credits.ledger import Ledger
from backline.credits.pricing import MICRO, Price
from backline.db.database import Database
from tests.conftest import Running, RunServer
from tests.credits.conftest import SPEECH

PRICES = {"speech": "1", "jam": "1", "exports": "1"}
EMPTY = {
    "balance_seconds": "0",
    "formatted": "0:00",
    "held_seconds": "0",
    "available_seconds": "0",
    "prices": PRICES,
}


@pytest.fixture
def here(run_server: RunServer, database_url: str) -> Running:
    return run_server((), database={"url": database_url}, credits={"top_up_url": "https://example.com/buy"})


def sign_in(server: Running, name: str) -> tuple[str, httpx.Client]:
    answer = httpx.post(f"{server.address}/auth/mock-login", json={"test_user_id": name}).json()
    return answer["user_id"], server.client(headers={"Authorization": f"Bearer {answer['token']}"})


@pytest.fixture
def ada(here: Running) -> Iterator[tuple[str, httpx.Client]]:
    user_id, client = sign_in(here, "ada")
    with client:
        yield user_id, client


def write(url: str, *steps: tuple[str, dict[str, Any]], at: datetime | None = None) -> None:
    """Verbs of the ledger, as some slice would call them, at that moment."""

    async def writing() -> None:
        database = Database.open(url)
        ledger = Ledger(clock=lambda: at or datetime.now(UTC))
        for verb, arguments in steps:
            async with database.write() as tx:
                await getattr(ledger, verb)(tx, **arguments)
        await database.close()

    asyncio.run(writing())


def spend(
    url: str, user_id: str, reference: str, total: int, at: datetime | None = None, price: Price = SPEECH
) -> None:
    opened = {"account_id": user_id, "reference": reference, "price": price, "estimate": total}
    write(url, ("open", opened), ("settle", {"reference": reference, "total": total}), at=at)


def test_whoever_is_not_billed_has_an_account_too(here: Running) -> None:
    with here.client() as nobody:
        assert nobody.get("/credits/balance").json() == EMPTY | {"billed": False}
        assert nobody.post("/credits/add", json={"seconds": "90"}).json()["formatted"] == "1:30"
        assert nobody.get("/credits/balance").json()["billed"] is False


def test_a_hold_does_not_lower_the_balance(ada: tuple[str, httpx.Client], database_url: str) -> None:
    user_id, client = ada
    hold = {"account_id": user_id, "reference": "h", "price": SPEECH, "estimate": 100_500_000}
    write(database_url, ("open", hold))
    assert client.get("/credits/balance").json() == {
        "balance_seconds": "600",
        "formatted": "10:00",
        "held_seconds": "100.5",
        "available_seconds": "499.5",
        "billed": True,
        "prices": PRICES,
    }


@pytest.mark.parametrize(
    "body", ['{"seconds": 0.1}', '{"seconds": "0.1"}', '{"seconds": 1e-1}', '{"seconds": "0.100000"}']
)
def test_what_is_added_is_exact_however_it_is_written(ada: tuple[str, httpx.Client], body: str) -> None:
    for _ in range(3):
        answer = ada[1].post("/credits/add", content=body, headers={"Content-Type": "application/json"})
    assert answer.json()["balance_seconds"] == "600.3"


@pytest.mark.parametrize("seconds", ["0", "-1", "0.0000001", "1000000001", "NaN", "Infinity", "1e400", "", None, True])
def test_what_is_no_amount_is_refused(ada: tuple[str, httpx.Client], seconds: Any) -> None:
    assert ada[1].post("/credits/add", json={"seconds": seconds}).status_code == 422
    assert ada[1].get("/credits/balance").json()["balance_seconds"] == "600"


def test_an_idempotency_key_adds_once(ada: tuple[str, httpx.Client], here: Running) -> None:
    def add(seconds: str, key: str, client: httpx.Client = ada[1]) -> httpx.Response:
        return client.post("/credits/add", json={"seconds": seconds}, headers={b"Idempotency-Key": key.encode()})

    assert [add("5", "one").json()["balance_seconds"] for _ in range(3)] == ["605"] * 3
    again = add("6", "one")
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_key_reused")
    assert add("5", "two").json()["balance_seconds"] == "610"
    _, eve = sign_in(here, "eve")
    with eve:  # each caller's keys are their own
        assert add("6", "one", eve).json()["balance_seconds"] == "606"
    assert add("5", "é" * 100).status_code == 200
    too_long = add("5", "x" * 201)
    assert (too_long.status_code, too_long.json()["errors"][0]["field"].lower()) == (422, "header.idempotency-key")


def test_only_an_admin_adds_to_another_s_account(ada: tuple[str, httpx.Client], here: Running) -> None:
    user_id, client = ada
    eve_id, eve = sign_in(here, "eve")
    with eve, here.client() as admin:
        refused = eve.post("/credits/add", json={"seconds": "5", "user_id": user_id})
        assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
        given = admin.post("/credits/add", json={"seconds": "5", "user_id": eve_id}).json()
        assert (given["balance_seconds"], given["billed"]) == ("605", True)
        assert admin.post("/credits/add", json={"seconds": "5", "user_id": "user_nobody"}).status_code == 404
        assert admin.post("/credits/add", json={"seconds": "5", "user_id": "user_\0"}).status_code == 422
    assert client.get("/credits/balance").json()["balance_seconds"] == "600"


@pytest.mark.parametrize("headers", [{"X-Forwarded-For": "1.2.3.4"}, {"Forwarded": "for=1.2.3.4"}])
def test_credit_is_not_free_through_a_proxy(ada: tuple[str, httpx.Client], headers: dict[str, str]) -> None:
    refused = ada[1].post("/credits/add", json={"seconds": "5"}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")


def test_history_is_read_page_by_page_and_nobody_else_s(
    ada: tuple[str, httpx.Client], here: Running, database_url: str
) -> None:
    user_id, client = ada
    eve_id, eve = sign_in(here, "eve")
    eve.close()
    for number in range(7):
        spend(database_url, user_id, f"ada's {number}", (number + 1) * MICRO)
        spend(database_url, eve_id, f"eve's {number}", MICRO)
    entries: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = client.get("/credits/history", params={"limit": 3, **cursor}).json()
        entries += page["entries"]
        assert len(page["entries"]) <= 3
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        spend(database_url, user_id, f"meanwhile {len(entries)}", MICRO)  # what is newer is on no later page
    assert [one["reference"] for one in entries] == [f"ada's {number}" for number in reversed(range(7))] + [None]
    assert [one["seconds"] for one in entries] == [f"-{number}" for number in range(7, 0, -1)] + ["600"]
    assert {(one["kind"], one["product"]) for one in entries} == {("charge", "speech"), ("grant", None)}
    balance = Decimal(client.get("/credits/balance").json()["balance_seconds"])
    everything = client.get("/credits/history", params={"limit": 100}).json()["entries"]
    assert sum(Decimal(one["seconds"]) for one in everything) == balance
    for wrong in ({"limit": 0}, {"limit": 101}, {"cursor": "x"}, {"cursor": 0}, {"cursor": 2**63}):
        assert client.get("/credits/history", params=wrong).status_code == 422


def test_usage_has_every_day_and_product(ada: tuple[str, httpx.Client], database_url: str) -> None:
    user_id, client = ada
    now = datetime.now(UTC).replace(hour=12)
    jam = Price("jam", "second", MICRO)
    spend(database_url, user_id, "a", 2_500_000, now)
    spend(database_url, user_id, "b", MICRO, now)
    spend(database_url, user_id, "c", 4 * MICRO, now, jam)
    spend(database_url, user_id, "d", MICRO, now - timedelta(days=2))
    spend(database_url, user_id, "e", 9 * MICRO, now - timedelta(days=5))
    refund = {"reference": "b", "amount": MICRO // 4, "idempotency_key": "r", "actor": "test"}
    write(database_url, ("refund", refund), at=now)
    assert client.get("/credits/usage", params={"days": 5}).json()["days"] == [
        {"date": str((now - timedelta(days=days)).date()), "products": products}
        for days, products in (
            (4, {}),
            (3, {}),
            (2, {"speech": "1"}),
            (1, {}),
            (0, {"jam": "4", "speech": "3.25"}),
        )
    ]
    assert len(client.get("/credits/usage").json()["days"]) == 30
    for wrong in (0, 367):
        assert client.get("/credits/usage", params={"days": wrong}).status_code == 422


def test_no_amount_is_a_number_that_a_client_would_round(ada: tuple[str, httpx.Client]) -> None:
    ada[1].post("/credits/add", json={"seconds": "999999999.999999"})
    for path in ("/credits/balance", "/credits/history", "/credits/usage"):
        body = ada[1].get(path).text

        def refuse(number: str) -> None:
            raise AssertionError(number)

        json.loads(body, parse_float=refuse)
    assert ada[1].get("/credits/balance").json()["balance_seconds"] == "1000000599.999999"
