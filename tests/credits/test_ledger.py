"""Each verb of the ledger, on both databases. The laws that hold for every order of them are in test_ledger_laws."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backline.credits import queries
from backline.credits.hold import Hold
from backline.credits.ledger import Ledger
from backline.credits.pricing import Price
from backline.credits.queries import Balance
from backline.credits.service import Credits
from backline.db.database import Database
from backline.errors import Conflict, Invalid, NotFound, PaymentRequired
from tests.credits.conftest import SPEECH, Clock

ADA = "user_ada"
S = 1_000_000


async def grant(database: Database, ledger: Ledger, amount: int, key: str = "g", account: str = ADA) -> None:
    async with database.write() as tx:
        await ledger.grant(tx, account, amount, idempotency_key=key, actor="test")


async def hold(database: Database, ledger: Ledger, estimate: int, reference: str = "h", price: Price = SPEECH) -> Hold:
    async with database.write() as tx:
        return await ledger.open(tx, ADA, reference=reference, price=price, estimate=estimate)


async def tick(database: Database, ledger: Ledger, total: int, ahead: int = 0) -> Hold:
    async with database.write() as tx:
        return await ledger.tick(tx, "h", total, ahead=ahead)


async def settle(database: Database, ledger: Ledger, total: int) -> Hold:
    async with database.write() as tx:
        return await ledger.settle(tx, "h", total)


async def balance(database: Database, account: str = ADA) -> Balance:
    async with database.read() as tx:
        return await queries.balance(tx, account)


@pytest.fixture(autouse=True)
async def _the_books_are_right(database: Database) -> object:
    yield
    async with database.read() as tx:
        assert await queries.verify(tx) == []


async def test_a_grant_counts_once_however_often_it_is_delivered(database: Database, ledger: Ledger) -> None:
    await asyncio.gather(*(grant(database, ledger, 10 * S) for _ in range(5)))
    assert await balance(database) == Balance(10 * S, 0)
    with pytest.raises(Conflict) as caught:
        await grant(database, ledger, 11 * S)
    assert caught.value.code == "idempotency_key_reused"


@pytest.mark.parametrize(("welcome", "given"), [(600 * S, 600 * S), (0, 0)])
async def test_a_new_user_is_given_the_welcome_once(
    database: Database, ledger: Ledger, welcome: int, given: int
) -> None:
    credits = Credits(database, ledger, welcome=welcome)
    for _ in range(3):
        async with database.write() as tx:
            await credits.welcome(tx, ADA)
    assert await balance(database) == Balance(given, 0)


@pytest.mark.parametrize("amount", [0, -1, 10**15 + 1])
async def test_a_grant_is_more_than_nothing_and_less_than_everything(
    database: Database, ledger: Ledger, amount: int
) -> None:
    with pytest.raises(Invalid):
        await grant(database, ledger, amount)


async def test_a_hold_takes_what_is_available_and_no_more(database: Database, ledger: Ledger) -> None:
    await grant(database, ledger, 10 * S)
    await hold(database, ledger, 7 * S)
    assert await balance(database) == Balance(10 * S, 7 * S)
    with pytest.raises(PaymentRequired) as caught:
        await hold(database, ledger, 4 * S, "second")
    assert caught.value.more == {"required": "4", "available": "3", "top_up": "https://example.com/buy"}
    assert await balance(database) == Balance(10 * S, 7 * S)


async def test_an_account_that_never_had_anything_has_nothing(database: Database, ledger: Ledger) -> None:
    with pytest.raises(PaymentRequired):
        await hold(database, ledger, 1)
    assert await balance(database) == Balance(0, 0)
    assert (await hold(database, ledger, 5 * S, price=Price("speech", "second", 0))).reach is None


async def test_the_same_hold_again_is_the_same_hold(database: Database, ledger: Ledger) -> None:
    await grant(database, ledger, 10 * S)
    first = await hold(database, ledger, 2 * S)
    assert await hold(database, ledger, 2 * S) == first
    assert await balance(database) == Balance(10 * S, 2 * S)
    with pytest.raises(Conflict):
        await hold(database, ledger, 3 * S)
    await settle(database, ledger, S)
    assert (await hold(database, ledger, 2 * S)).state == "settled"


async def test_ticks_charge_totals(database: Database, ledger: Ledger) -> None:
    await grant(database, ledger, 10 * S)
    await hold(database, ledger, 5 * S)
    for total, latest in ((S, S), (S, S), (3 * S, 3 * S), (2 * S, 3 * S), (3 * S, 3 * S)):  # repeated, and late
        assert (await tick(database, ledger, total)).last_total == latest
    assert await balance(database) == Balance(7 * S, 2 * S)
    assert (await settle(database, ledger, 4 * S)).captured == 4 * S
    assert await balance(database) == Balance(6 * S, 0)
    for total in (5 * S, 0):
        assert (await settle(database, ledger, total)).captured == 4 * S
        assert (await tick(database, ledger, total)).captured == 4 * S
    assert await balance(database) == Balance(6 * S, 0)


async def test_a_tick_makes_the_hold_reach_further_while_there_is_credit(database: Database, ledger: Ledger) -> None:
    await grant(database, ledger, 10 * S)
    await hold(database, ledger, 2 * S)
    assert (await tick(database, ledger, S, ahead=5 * S)).reach == 6 * S
    assert (await tick(database, ledger, 6 * S, ahead=5 * S)).reach == 10 * S
    closed = await settle(database, ledger, 12 * S)
    assert (closed.captured, closed.unbilled) == (10 * S, 2 * S)
    assert await balance(database) == Balance(0, 0)


async def test_a_settled_nothing_is_a_release(database: Database, ledger: Ledger) -> None:
    await grant(database, ledger, S)
    await hold(database, ledger, S)
    assert (await settle(database, ledger, 0)).state == "released"
    assert await balance(database) == Balance(S, 0)


async def test_a_release_gives_back_what_ticks_had_charged(database: Database, ledger: Ledger) -> None:
    await grant(database, ledger, 5 * S)
    await hold(database, ledger, 4 * S)
    await tick(database, ledger, 3 * S)
    async with database.write() as tx:
        released = await ledger.release(tx, "h")
    assert (released.state, released.captured, released.refunded) == ("released", 3 * S, 3 * S)
    assert await balance(database) == Balance(5 * S, 0)
    assert (await settle(database, ledger, 4 * S)).state == "released"


async def test_what_was_charged_can_be_given_back_once(database: Database, ledger: Ledger) -> None:
    await grant(database, ledger, 5 * S)
    await hold(database, ledger, 4 * S)

    async def refund(amount: int, key: str) -> None:
        async with database.write() as tx:
            await ledger.refund(tx, "h", amount, idempotency_key=key, actor="test")

    with pytest.raises(Conflict, match="first"):
        await refund(S, "r")
    await settle(database, ledger, 4 * S)
    for _ in range(3):
        await refund(3 * S, "r")
    assert await balance(database) == Balance(4 * S, 0)
    for amount, key in ((2 * S, "other"), (2 * S, "r")):
        with pytest.raises(Conflict):
            await refund(amount, key)
    assert await balance(database) == Balance(4 * S, 0)


async def test_a_balance_is_corrected_by_hand_never_below_what_is_held(database: Database, ledger: Ledger) -> None:
    await grant(database, ledger, 5 * S)
    await hold(database, ledger, 4 * S)

    async def adjust(amount: int, key: str) -> None:
        async with database.write() as tx:
            await ledger.adjust(tx, ADA, amount, idempotency_key=key, actor="test")

    with pytest.raises(PaymentRequired):
        await adjust(-2 * S, "a")
    for _ in range(2):
        await adjust(-S, "b")
        await adjust(3 * S, "c")
    assert await balance(database) == Balance(7 * S, 4 * S)


async def test_grants_that_expire_are_used_first_and_taken_back_in_time(
    database: Database, ledger: Ledger, clock: Clock
) -> None:
    async with database.write() as tx:
        for key, hours, priority in (("late", 3, 0), ("soon", 1, 1), ("soon too", 1, 0)):
            ends = clock() + timedelta(hours=hours)
            await ledger.grant(tx, ADA, 2 * S, idempotency_key=key, actor="test", expires_at=ends, priority=priority)
    await grant(database, ledger, 5 * S, "for good")
    await hold(database, ledger, 3 * S)
    await settle(database, ledger, 3 * S)
    async with database.read() as tx:
        rows = await tx.execute(text("SELECT source, remaining FROM credit_grants"))
        left = {row.source: row.remaining for row in rows}
    assert left == {"late": 2 * S, "soon": S, "soon too": 0}
    clock.forward(3600)
    async with database.write() as tx:
        await ledger.expire_grants(tx, ADA)
    assert await balance(database) == Balance(7 * S, 0)
    clock.forward(7200)
    with pytest.raises(PaymentRequired):
        await hold(database, ledger, 6 * S, "expired credit cannot be held")
    assert await balance(database) == Balance(7 * S, 0)  # the refusal changed nothing
    await hold(database, ledger, 5 * S, "what is left")
    assert await balance(database) == Balance(5 * S, 5 * S)


async def test_credit_that_is_held_does_not_expire(database: Database, ledger: Ledger, clock: Clock) -> None:
    async with database.write() as tx:
        ends = clock() + timedelta(seconds=30)
        await ledger.grant(tx, ADA, 4 * S, idempotency_key="g", actor="test", expires_at=ends)
    await hold(database, ledger, 3 * S)
    clock.forward(31)
    assert (await tick(database, ledger, S)).captured == S
    assert await balance(database) == Balance(2 * S, 2 * S)
    await settle(database, ledger, 2 * S)
    async with database.write() as tx:
        await ledger.expire_grants(tx, ADA)
    assert await balance(database) == Balance(0, 0)


async def test_a_hold_that_nobody_ticks_is_settled_at_its_last_total(
    database: Database, ledger: Ledger, clock: Clock
) -> None:
    await grant(database, ledger, 10 * S)
    await hold(database, ledger, 5 * S)
    clock.forward(59)
    await tick(database, ledger, 2 * S)
    clock.forward(59)
    async with database.write() as tx:
        assert await queries.expired_holds(tx, clock(), 10) == []
        assert (await ledger.close_expired(tx, "h")).state == "open"
    clock.forward(1)
    async with database.write() as tx:
        assert await queries.expired_holds(tx, clock(), 10) == ["h"]
        assert (await ledger.close_expired(tx, "h")).state == "settled"
        assert await queries.expired_holds(tx, clock(), 10) == []
    assert await balance(database) == Balance(8 * S, 0)


async def test_a_hold_for_work_that_is_not_ticked_lives_as_long_as_it_was_told(
    database: Database, ledger: Ledger, clock: Clock
) -> None:
    await grant(database, ledger, 10 * S)
    async with database.write() as tx:
        await ledger.open(tx, ADA, reference="h", price=SPEECH, estimate=5 * S, expires_seconds=3600)
    await tick(database, ledger, S)
    async with database.write() as tx:
        await ledger.tick_many(tx, {"h": S})
    for seconds, state in ((3599, "open"), (1, "settled")):
        clock.forward(seconds)
        async with database.write() as tx:
            assert (await ledger.close_expired(tx, "h")).state == state


async def test_an_unknown_hold_is_not_found(database: Database, ledger: Ledger) -> None:
    for verb in (tick, settle):
        with pytest.raises(NotFound):
            await verb(database, ledger, S)


@pytest.mark.parametrize("table", ["credit_entries", "credit_transactions"])
@pytest.mark.parametrize("change", ["UPDATE {} SET id = id", "DELETE FROM {}"])
async def test_what_was_written_stays(database: Database, ledger: Ledger, table: str, change: str) -> None:
    await grant(database, ledger, S)
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.write() as tx:
            await tx.execute(text(change.format(table)))


async def test_parallel_holds_cannot_spend_the_same_credit(database: Database, ledger: Ledger) -> None:
    await grant(database, ledger, 10 * S)

    async def attempt(number: int) -> bool:
        try:
            await hold(database, ledger, 3 * S, f"h{number}")
        except PaymentRequired:
            return False
        return True

    assert sum(await asyncio.gather(*(attempt(number) for number in range(12)))) == 3
    assert await balance(database) == Balance(10 * S, 9 * S)


async def test_verify_finds_what_does_not_agree(database: Database, ledger: Ledger) -> None:
    await grant(database, ledger, 10 * S)
    await hold(database, ledger, 3 * S)
    for damage, repair, finding in (
        ("posted = posted + 1", "posted = posted - 1", "posted"),
        ("held = held - 1", "held = held + 1", "held"),
        ("expiring = 1", "expiring = 0", "expiring"),
    ):
        async with database.write() as tx:
            await tx.execute(text(f"UPDATE credit_accounts SET {damage}"))
            assert any(finding in sentence for sentence in await queries.verify(tx))
            await tx.execute(text(f"UPDATE credit_accounts SET {repair}"))
    async with database.write() as tx:
        await tx.execute(text("UPDATE credit_holds SET amount = amount + 1, captured = 1"))
        assert any("hold h" in sentence for sentence in await queries.verify(tx))
        await tx.execute(text("UPDATE credit_holds SET amount = amount - 1, captured = 0"))
    async with database.write() as tx:
        entry = "INSERT INTO credit_entries (transaction_id, account_id, amount) SELECT id, 'user_ada', 1"
        await tx.execute(text(f"{entry} FROM credit_transactions"))
        assert any("cancel out" in sentence for sentence in await queries.verify(tx))
        await tx.rollback()
