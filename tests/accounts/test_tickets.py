"""Tickets for sockets: good once, for a minute, for as long as their owner is; and how sockets are refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from backline.accounts.principal import LOCAL, Principal
from backline.accounts.service import Accounts
from backline.accounts.tickets import TICKET_SECONDS, Tickets
from backline.accounts.verified import VerifiedCallers
from backline.clock import utc_now
from backline.db.database import Database
from tests.accounts.conftest import Operator, Public
from tests.accounts.test_access import FOREIGN_HEADERS, described, shake_hands
from tests.accounts.test_sign_in import sign_in
from tests.conftest import Running, RunServer


def open_socket(server: Running, query: str = "", headers: Mapping[str, str] | None = None) -> tuple[str, int | None]:
    """The first event, or its code if it is an error; and the code with which the socket was closed."""
    with connect(server.socket_address + query, additional_headers=headers, proxy=None) as socket:
        event: dict[str, Any] = json.loads(socket.recv(10))
        if event["type"] != "error":
            return event["type"], None
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(10)
    assert closed.value.rcvd is not None
    return event["code"], closed.value.rcvd.code


READY = ("session.ready", None)


@pytest.fixture
def speaking(run_server: RunServer, database_url: str) -> Running:
    """Sockets greet with a voice, so there must be an engine."""
    return run_server(database={"url": database_url})


def ticket_of(server: Running, headers: Mapping[str, str] | None = None) -> str:
    with server.client(headers=headers) as client:
        answer = client.post("/auth/ticket")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["expires_in"] == TICKET_SECONDS == 60
    ticket: str = answer.json()["ticket"]
    return ticket


def test_a_ticket_opens_one_socket(speaking: Running) -> None:
    _, headers = sign_in(speaking)
    ticket = ticket_of(speaking, headers)
    assert open_socket(speaking, f"?ticket={ticket}") == READY
    assert open_socket(speaking, f"?ticket={ticket}") == ("bad_ticket", 4401)


def test_of_two_who_use_a_ticket_at_once_one_gets_in(speaking: Running) -> None:
    _, headers = sign_in(speaking)
    ticket = ticket_of(speaking, headers)
    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(lambda _: open_socket(speaking, f"?ticket={ticket}"), range(6)))
    assert sorted(outcomes, key=str) == sorted([READY] + [("bad_ticket", 4401)] * 5, key=str)


def test_a_ticket_of_this_machine_is_good_on_this_machine_only(speaking: Running) -> None:
    for headers in FOREIGN_HEADERS[::4]:
        ticket = ticket_of(speaking)
        error, code = shake_hands(speaking, headers, f"?ticket={ticket}")
        assert (error["type"], code) == ("error", 4403), described(headers)
    assert open_socket(speaking, f"?ticket={ticket_of(speaking)}") == READY


def test_sockets_take_keys_and_tokens_in_headers(speaking: Running, operator: Operator) -> None:
    user, headers = sign_in(speaking)
    _, key = operator.key(user)
    _, narrow = operator.key(user, scopes=["jam"])
    revoked_id, revoked = operator.key(user)
    operator.revoke(revoked_id)
    for sent, outcome in (
        (headers, READY),
        ({"X-API-Key": key}, READY),
        ({"Authorization": f"Bearer {key}"}, READY),
        ({"X-API-Key": narrow}, ("missing_scope", 4403)),
        ({"X-API-Key": revoked}, ("bad_key", 4401)),
        ({"X-API-Key": "garbage"}, ("bad_credential", 4401)),
        ({"X-API-Key": key, "Origin": "https://example.com"}, ("foreign_origin", 4403)),
    ):
        assert open_socket(speaking, "", sent) == outcome, sent


def test_a_socket_refuses_what_is_no_ticket(speaking: Running, operator: Operator) -> None:
    user, headers = sign_in(speaking)
    _, key = operator.key(user)
    token = headers["Authorization"].removeprefix("Bearer ")
    for query, outcome in (
        ("?ticket=", ("bad_ticket", 4401)),
        ("?ticket=unknown", ("bad_ticket", 4401)),
        (f"?ticket={key}", ("secret_in_url", 4401)),
        (f"?ticket={token}", ("secret_in_url", 4401)),
        (f"?token={token}", ("secret_in_url", 4401)),
        (f"?api_key={key}", ("secret_in_url", 4401)),
        (f"?anything={key}", ("secret_in_url", 4401)),
    ):
        assert open_socket(speaking, query) == outcome, query
    ticket = ticket_of(speaking, headers)
    assert open_socket(speaking, f"?ticket={ticket}", {"X-API-Key": key}) == ("several_credentials", 4401)


def test_a_ticket_is_for_sockets(public: Public) -> None:
    _, key = public.operator.key(public.operator.user("anna"))
    ticket = ticket_of(public.server, {"X-API-Key": key})
    with public.client() as client:
        assert client.get("/v1/models", params={"ticket": ticket}).status_code == 401
        assert client.get("/v1/models", headers={"Authorization": f"Bearer {ticket}"}).status_code == 401


async def test_a_ticket_carries_what_its_owner_may_do(database: Database) -> None:
    tickets = Tickets(database)
    user = await _user(database)
    caller = Principal(user, frozenset({"jam"}), billed=False, requests_per_minute=7, max_streams=3)
    assert await tickets.redeem(await tickets.issue(caller)) == caller


async def test_a_ticket_ends_with_its_minute_its_key_or_its_owner(database: Database) -> None:
    now = utc_now()
    moment = [now]
    tickets = Tickets(database, clock=lambda: moment[0])
    user = await _user(database)
    late = await tickets.issue(Principal(user))
    moment[0] = now + timedelta(seconds=TICKET_SECONDS)
    assert await tickets.redeem(late) is None
    moment[0] = now
    assert await tickets.redeem(late) is None  # it was used up
    assert await tickets.redeem(await tickets.issue(Principal("user_gone"))) is None
    assert await tickets.redeem(await tickets.issue(Principal(user, key_id="key_gone"))) is None
    assert await tickets.redeem(await tickets.issue(Principal(user))) == Principal(user)


def test_a_ticket_dies_with_the_key_that_asked_for_it(speaking: Running, operator: Operator) -> None:
    user, _ = sign_in(speaking)
    key_id, key = operator.key(user)
    tickets = [ticket_of(speaking, {"X-API-Key": key}) for _ in range(2)]
    assert open_socket(speaking, f"?ticket={tickets[0]}") == READY
    operator.revoke(key_id)
    assert open_socket(speaking, f"?ticket={tickets[1]}") == ("bad_ticket", 4401)


async def test_tickets_that_nobody_used_are_swept_away(database: Database) -> None:
    moment = [utc_now()]
    tickets = Tickets(database, clock=lambda: moment[0])
    for _ in range(5):
        await tickets.issue(LOCAL)
    moment[0] += timedelta(seconds=TICKET_SECONDS)
    await tickets.issue(LOCAL)
    async with database.read() as tx:
        rows = await tx.exec_driver_sql("SELECT count(*) FROM tickets")
        assert rows.scalar_one() == 1


async def _user(database: Database) -> str:
    return (await Accounts(database, VerifiedCallers()).find_or_create("operator", "anna")).id
