"""Running work and its credit: ticked together, swept when nobody ticks it, right again after the database was away."""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from backline.accounts.principal import LOCAL, Principal
from backline.credits import billing as module
from backline.credits import figures, queries
from backline.credits.billing import Billing, FreeMeter, HoldMeter, Meter
from backline.credits.ledger import Ledger
from backline.credits.queries import Balance
from backline.db.database import Database, Tx
from backline.errors import PaymentRequired, Unavailable
from backline.observability.logging import configure_logging
from backline.observability.metrics import MetricsInMemory
from tests.credits.conftest import SPEECH, Clock

ADA, BOB = Principal("user_ada"), Principal("user_bob")
S = 1_000_000


class Unsteady(Database):
    """A real database that can be away, and lose the answer to a commit."""

    away = False
    loses_answers = 0
    writes = 0

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Tx]:
        if self.away:
            raise Unavailable("Away.", code="database_unavailable")
        self.writes += 1
        async with super().write() as tx:
            yield tx
        if self.loses_answers:
            self.loses_answers -= 1
            raise Unavailable("Away.", code="database_unavailable")


@pytest.fixture
async def unsteady(database_url: str) -> AsyncIterator[Unsteady]:
    database = Unsteady.open(database_url)
    yield database
    await database.close()


@pytest.fixture
def metrics() -> MetricsInMemory:
    return MetricsInMemory()


@pytest.fixture
async def billing(unsteady: Unsteady, ledger: Ledger, metrics: MetricsInMemory, clock: Clock) -> AsyncIterator[Billing]:
    async with unsteady.write() as tx:
        for caller in (ADA, BOB):
            await ledger.grant(tx, caller.id, 1000 * S, idempotency_key=caller.id, actor="test")
    billing = Billing(unsteady, ledger, metrics, clock=clock)
    yield billing
    await billing.stop()


async def has(database: Database, caller: Principal = ADA) -> Balance:
    async with database.read() as tx:
        return await queries.balance(tx, caller.id)


async def opened(billing: Billing, caller: Principal = ADA, estimate: int = 10 * S) -> HoldMeter:
    meter = await billing.open(caller, SPEECH, estimate)
    assert isinstance(meter, HoldMeter)
    return meter


async def until(database: Database, balance: Balance) -> None:
    async with asyncio.timeout(20):
        while await has(database) != balance:
            await asyncio.sleep(0.01)


async def deliver(meter: Meter, total: int) -> None:
    await meter.cover(total)
    meter.used(total)


async def test_who_is_not_billed_leaves_no_trace(billing: Billing, unsteady: Unsteady) -> None:
    meter = await billing.open(LOCAL, SPEECH, 10**12)
    await deliver(meter, 10**12)
    await meter.settle()
    assert isinstance(meter, FreeMeter)
    assert (meter.charged, meter.remaining) == ("0", None)
    async with unsteady.read() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM credit_holds"))).scalar() == 0


async def test_many_are_ticked_in_few_transactions(billing: Billing, unsteady: Unsteady) -> None:
    meters = [await opened(billing, caller, S) for caller in [ADA, BOB] * 60]
    for number, meter in enumerate(meters):
        meter.used(number * 1000)
    before = unsteady.writes
    for _ in range(3):  # the same totals again change nothing
        await billing.tick_all()
    assert unsteady.writes - before == 6
    spent = [sum(number * 1000 for number in range(first, 120, 2)) for first in (0, 1)]
    assert await has(unsteady, ADA) == Balance(1000 * S - spent[0], 60 * S - spent[0])
    assert await has(unsteady, BOB) == Balance(1000 * S - spent[1], 60 * S - spent[1])
    for meter in meters:
        await meter.settle()
    assert await has(unsteady, ADA) == Balance(1000 * S - spent[0], 0)


async def test_a_hold_follows_its_work_while_there_is_credit(billing: Billing, unsteady: Unsteady) -> None:
    meter = await opened(billing, estimate=S)
    total = 0
    with pytest.raises(PaymentRequired) as caught:  # noqa: PT012 - the last of many steps is refused
        for _ in range(100):
            await deliver(meter, total + 17 * S)
            total += 17 * S
    assert caught.value.code == "credits_exhausted"
    assert total == 986 * S
    await meter.settle()
    assert (meter.charged, meter.remaining) == ("986", "14")
    assert await has(unsteady) == Balance(14 * S, 0)


async def test_work_goes_on_while_the_database_is_away(billing: Billing, unsteady: Unsteady) -> None:
    meter = await opened(billing)
    meter.used(3 * S)
    unsteady.away = True
    with pytest.raises(Unavailable):  # the loop logs it, and goes on
        await billing.tick_all()
    await deliver(meter, 6 * S)
    unsteady.away = False
    await billing.tick_all()
    assert await has(unsteady) == Balance(994 * S, 4 * S)
    await meter.settle()
    assert meter.charged == "6"


async def test_an_end_is_written_down_when_the_database_is_back(billing: Billing, unsteady: Unsteady) -> None:
    meter = await opened(billing)
    meter.used(3 * S)
    unsteady.away = True
    closing = asyncio.create_task(meter.settle())
    await asyncio.sleep(0.05)
    unsteady.away = False
    await closing
    await until(unsteady, Balance(997 * S, 0))


@pytest.mark.slow
async def test_a_lost_answer_is_asked_for_again_and_charged_once(billing: Billing, unsteady: Unsteady) -> None:
    for end in (HoldMeter.settle, HoldMeter.release):
        meter = await opened(billing)
        meter.used(3 * S)
        await billing.tick_all()
        unsteady.loses_answers = 2
        await end(meter)
        await until(unsteady, Balance(997 * S, 0))


async def test_an_end_that_cannot_be_written_down_is_left_to_the_sweep(
    billing: Billing, unsteady: Unsteady, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CLOSE_DELAYS", (0.01, 0.01))
    meter = await opened(billing)
    meter.used(3 * S)
    await billing.tick_all()
    meter.used(5 * S)
    unsteady.away = True
    await meter.settle()
    unsteady.away = False
    await billing.sweep()
    assert await has(unsteady) == Balance(997 * S, 7 * S)
    clock.forward(60)
    await billing.sweep()
    assert await has(unsteady) == Balance(997 * S, 0)


async def test_an_end_is_written_down_although_whoever_waited_for_it_has_gone(
    billing: Billing, unsteady: Unsteady
) -> None:
    meter = await opened(billing)
    meter.used(3 * S)
    waiting = asyncio.create_task(meter.settle())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(unsteady, Balance(997 * S, 0))
    await meter.release()  # too late to change anything
    assert await has(unsteady) == Balance(997 * S, 0)


async def test_work_that_was_swept_elsewhere_ends_and_what_it_made_is_counted_as_lost(
    billing: Billing, unsteady: Unsteady, ledger: Ledger, metrics: MetricsInMemory, clock: Clock
) -> None:
    meter = await opened(billing)
    meter.used(2 * S)
    await billing.tick_all()
    clock.forward(61)
    await billing.sweep()
    assert (await has(unsteady)).held == 8 * S  # one's own running work is not swept
    await Billing(unsteady, ledger, metrics, clock=clock).sweep()
    assert await has(unsteady) == Balance(998 * S, 0)
    await deliver(meter, 5 * S)  # it does not know yet
    await billing.tick_all()
    with pytest.raises(Unavailable) as caught:
        await meter.cover(6 * S)
    assert caught.value.code == "hold_closed"
    await meter.settle()
    assert await has(unsteady) == Balance(998 * S, 0)
    assert metrics.totals[figures.UNBILLED.name, ("speech",)] == 3


async def test_one_account_that_is_broken_keeps_no_other_from_being_ticked_or_swept(
    billing: Billing, unsteady: Unsteady, clock: Clock
) -> None:
    broken = await opened(billing, BOB)
    meters = [await opened(billing, ADA, S) for _ in range(6)]
    for meter in (broken, *meters):
        meter.used(S // 2)
    async with unsteady.write() as tx:
        await tx.execute(text("UPDATE credit_accounts SET held = 0 WHERE id = 'user_bob'"))
    log = io.StringIO()
    configure_logging("ERROR", log)
    await billing.tick_all()
    assert await has(unsteady, ADA) == Balance(997 * S, 3 * S)
    clock.forward(61)
    await Billing(unsteady, Ledger(clock=clock), MetricsInMemory(), clock=clock).sweep()
    events = [json.loads(line)["event"] for line in log.getvalue().splitlines()]
    assert [event for event in events if event.startswith("credits.")] == [
        "credits.tick_failed",
        "credits.sweep_failed",
    ]
    assert await has(unsteady, ADA) == Balance(997 * S, 0)


async def test_between_start_and_stop_ticks_and_sweeps_come_by_themselves(
    unsteady: Unsteady, ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SWEEP_SECONDS", 0.02)
    async with unsteady.write() as tx:
        await ledger.grant(tx, ADA.id, 1000 * S, idempotency_key="g", actor="test")
        await ledger.open(tx, ADA.id, reference="left behind", price=SPEECH, estimate=S)
        await ledger.tick(tx, "left behind", S // 2)
    clock.forward(61)
    billing = Billing(unsteady, ledger, MetricsInMemory(), tick_seconds=0.02, clock=clock)
    unsteady.away = True
    billing.start()
    await asyncio.sleep(0.1)
    unsteady.away = False
    meter = await opened(billing)
    meter.used(3 * S)
    await until(unsteady, Balance(996_500_000, 7 * S))
    await meter.settle()
    await billing.stop()


@pytest.mark.parametrize("seed", range(6))
async def test_a_process_that_dies_loses_no_more_than_it_made_since_its_last_tick(
    billing: Billing, unsteady: Unsteady, ledger: Ledger, clock: Clock, seed: int
) -> None:
    choice = random.Random(seed)
    meter, total, ticked = await opened(billing, estimate=choice.randrange(20 * S)), 0, 0
    for _ in range(choice.randrange(1, 20)):
        total += choice.randrange(1, 3 * S)
        await deliver(meter, total)
        if choice.random() < 0.3:
            await billing.tick_all()
            ticked = total
    clock.forward(61)
    await Billing(unsteady, ledger, MetricsInMemory(), clock=clock).sweep()
    billed = 1000 * S - (await has(unsteady)).posted
    assert ticked <= billed <= total
    assert (await has(unsteady)).held == 0
    async with unsteady.read() as tx:
        assert await queries.verify(tx) == []
