"""What holds for every order of the ledger's verbs, with crashes before and after each commit."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from backline.credits import queries
from backline.credits.hold import Hold
from backline.credits.ledger import Ledger
from backline.db.database import Database, Tx
from backline.errors import Conflict, PaymentRequired
from tests.credits.conftest import SPEECH, Clock
from tests.databases import Postgres, fresh_sqlite

ACCOUNTS = st.sampled_from(["user_a", "user_b"])
HOLDS = st.sampled_from([f"hold_{number}" for number in range(6)])
AMOUNTS = st.integers(0, 50)
CRASHES = st.sampled_from(["never", "never", "before", "after"])


class Crash(Exception):
    """The process dies: before the commit nothing has happened, after it whoever asked repeats the question."""


class LedgerMachine(RuleBasedStateMachine):
    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.ledger = Ledger(hold_seconds=60, clock=self.clock)
        self.granted: dict[str, int] = {}
        self.gifts: dict[str, tuple[str, int]] = {}
        self.totals: dict[str, int] = {}
        """The most that each hold was told it had used while it was open."""
        self.covered: dict[str, int] = {}
        """The most that each hold could have charged."""

    @initialize()
    def open_database(self) -> None:
        self.database = self.runner.run(self._open())

    async def _open(self) -> Database:
        return Database.open(self.url)

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.runner.run(self.database.close())
        self.runner.close()

    def _do(self, verb: Callable[[Tx], Awaitable[Hold | None]], crash: str) -> Hold | None:
        async def once(dies: bool) -> Hold | None:
            async with self.database.write() as tx:
                result = await verb(tx)
                if dies:
                    raise Crash
                return result

        async def run() -> Hold | None:
            if crash == "before":
                with pytest.raises(Crash):
                    await once(True)
            result = await once(False)
            return await once(False) if crash == "after" else result

        return self.runner.run(run())

    @rule(account=ACCOUNTS, key=st.integers(0, 5), amount=st.integers(1, 80), crash=CRASHES, hours=st.integers(0, 3))
    def grant(self, account: str, key: int, amount: int, crash: str, hours: int) -> None:
        name = f"grant:{key}"
        ends = self.clock() + timedelta(hours=hours) if hours else None
        before = self.gifts.get(name)
        try:
            self._do(
                lambda tx: self.ledger.grant(tx, account, amount, idempotency_key=name, actor="test", expires_at=ends),
                crash,
            )
        except Conflict:
            assert before is not None
        else:
            if before is None:
                self.gifts[name] = (account, amount)
                self.granted[account] = self.granted.get(account, 0) + amount
            else:
                assert before == (account, amount)

    @rule(account=ACCOUNTS, reference=HOLDS, estimate=AMOUNTS, crash=CRASHES)
    def open(self, account: str, reference: str, estimate: int, crash: str) -> None:
        try:
            hold = self._do(
                lambda tx: self.ledger.open(tx, account, reference=reference, price=SPEECH, estimate=estimate), crash
            )
        except (PaymentRequired, Conflict):
            return
        assert hold is not None
        self.totals.setdefault(reference, 0)
        self._seen(hold)

    @rule(reference=HOLDS, total=AMOUNTS, ahead=AMOUNTS, crash=CRASHES)
    def tick(self, reference: str, total: int, ahead: int, crash: str) -> None:
        if reference not in self.totals:
            return
        hold = self._do(lambda tx: self.ledger.tick(tx, reference, total, ahead=ahead), crash)
        assert hold is not None
        self._used(hold, total)

    @rule(totals=st.dictionaries(HOLDS, AMOUNTS), crash=CRASHES)
    def tick_many(self, totals: dict[str, int], crash: str) -> None:
        ticked: dict[str, Hold] = {}

        async def tick(tx: Tx) -> None:
            ticked.update(await self.ledger.tick_many(tx, totals))

        self._do(tick, crash)
        assert set(ticked) == totals.keys() & self.totals.keys()
        for reference, hold in ticked.items():
            self._used(hold, totals[reference])

    @rule(reference=HOLDS, total=AMOUNTS, crash=CRASHES)
    def settle(self, reference: str, total: int, crash: str) -> None:
        if reference in self.totals:
            hold = self._do(lambda tx: self.ledger.settle(tx, reference, total), crash)
            assert hold is not None
            assert hold.state != "open"

    @rule(reference=HOLDS, crash=CRASHES)
    def release(self, reference: str, crash: str) -> None:
        if reference in self.totals:
            hold = self._do(lambda tx: self.ledger.release(tx, reference), crash)
            assert hold is not None
            assert hold.state != "open"

    @rule(reference=HOLDS, amount=st.integers(1, 20), key=st.integers(0, 3), crash=CRASHES)
    def refund(self, reference: str, amount: int, key: int, crash: str) -> None:
        if reference not in self.totals:
            return
        name = f"refund:{reference}:{key}"
        try:
            self._do(lambda tx: self.ledger.refund(tx, reference, amount, idempotency_key=name, actor="test"), crash)
        except Conflict:
            return

    @rule(account=ACCOUNTS, crash=CRASHES)
    def expire(self, account: str, crash: str) -> None:
        self._do(lambda tx: self.ledger.expire_grants(tx, account), crash)

    @rule(seconds=st.sampled_from([1, 30, 61, 3700]))
    def time_passes(self, seconds: int) -> None:
        self.clock.forward(seconds)

    @rule(crash=CRASHES)
    def sweep(self, crash: str) -> None:
        async def expired() -> list[str]:
            async with self.database.read() as tx:
                return await queries.expired_holds(tx, self.clock(), 100)

        for reference in self.runner.run(expired()):
            self._do(lambda tx, reference=reference: self.ledger.close_expired(tx, reference), crash)  # type: ignore[misc]

    @invariant()
    def the_books_are_right(self) -> None:
        if not hasattr(self, "database"):
            return

        async def look() -> None:
            async with self.database.read() as tx:
                assert await queries.verify(tx) == []
                for account, granted in self.granted.items():
                    assert (await queries.balance(tx, account)).posted <= granted
                for reference, covered in self.covered.items():
                    hold = await self.ledger.find(tx, reference)
                    assert hold is not None
                    assert hold.captured <= min(hold.last_total, max(covered, hold.amount))

        self.runner.run(look())

    def _seen(self, hold: Hold) -> None:
        self.covered[hold.reference] = max(self.covered.get(hold.reference, 0), hold.amount)

    def _used(self, hold: Hold, total: int) -> None:
        self._seen(hold)
        if hold.state == "open":
            self.totals[hold.reference] = max(self.totals[hold.reference], total)
            assert hold.last_total == self.totals[hold.reference]
            assert hold.captured >= min(total, hold.opened_with)


def test_on_sqlite() -> None:
    class Machine(LedgerMachine):
        def __init__(self) -> None:
            super().__init__()
            self.folder = tempfile.TemporaryDirectory()
            self.url = fresh_sqlite(Path(self.folder.name))

        def teardown(self) -> None:
            super().teardown()
            self.folder.cleanup()

    _check(Machine, 20)


@pytest.mark.slow
def test_on_postgres(postgres: Postgres) -> None:
    class Machine(LedgerMachine):
        def __init__(self) -> None:
            super().__init__()
            self.place = postgres.fresh()
            self.url = self.place.__enter__()

        def teardown(self) -> None:
            super().teardown()
            self.place.__exit__(None, None, None)

    _check(Machine, 8)


def _check(machine: type[LedgerMachine], examples: int) -> None:
    rules = settings(
        max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(machine, settings=rules)
