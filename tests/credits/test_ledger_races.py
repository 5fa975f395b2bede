"""What several callers ask at the same moment: one of them is first, and the others are told so."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from backline.credits import queries
from backline.credits.ledger import Ledger
from backline.credits.service import Credits
from backline.db.database import Database
from backline.errors import Conflict, PaymentRequired
from tests.credits.conftest import SPEECH

USERS = [f"user_{number}" for number in range(6)]


async def _grant(database: Database, ledger: Ledger, user: str, key: str, amount: int = 1000) -> None:
    async with database.write() as tx:
        await ledger.grant(tx, user, amount, idempotency_key=key, actor="test")


async def _outcomes(works: Sequence[Callable[[], Awaitable[object]]]) -> Counter[str]:
    """How often each kind of end was met; anything but a conflict or a success is raised."""

    async def one(work: Callable[[], Awaitable[object]]) -> str:
        try:
            await work()
        except Conflict as error:
            return error.code
        except PaymentRequired:
            return "refused"
        return "done"

    return Counter(await asyncio.gather(*(one(work) for work in works)))


async def test_one_key_for_several_accounts_is_the_first_one_s(database: Database, ledger: Ledger) -> None:
    works = [partial(_grant, database, ledger, user, "one key") for user in USERS]
    assert await _outcomes(works) == {"done": 1, "idempotency_key_reused": 5}
    async with database.read() as tx:
        assert sum([(await queries.balance(tx, user)).posted for user in USERS]) == 1000
        assert await queries.verify(tx) == []


async def test_one_reference_for_several_accounts_is_the_first_one_s(database: Database, ledger: Ledger) -> None:
    for user in USERS:
        await _grant(database, ledger, user, f"for {user}")

    async def hold(user: str) -> None:
        async with database.write() as tx:
            await ledger.open(tx, user, reference="one reference", price=SPEECH, estimate=10)

    assert await _outcomes([partial(hold, user) for user in USERS]) == {
        "done": 1,
        "idempotency_key_reused": 5,
    }
    async with database.read() as tx:
        assert sum([(await queries.balance(tx, user)).held for user in USERS]) == 10
        assert await queries.verify(tx) == []


async def test_books_that_are_written_meanwhile_are_seen_at_one_moment(database: Database, ledger: Ledger) -> None:
    credits = Credits(database, ledger, welcome=0)
    await _grant(database, ledger, "user_0", "much", 10**9)

    async def work(number: int) -> None:
        for step in range(12):
            reference = f"hold_{number}_{step}"
            async with database.write() as tx:
                await ledger.open(tx, "user_0", reference=reference, price=SPEECH, estimate=100)
            async with database.write() as tx:
                await ledger.settle(tx, reference, 60)

    working = asyncio.gather(*(work(number) for number in range(4)))
    while not working.done():
        assert await credits.verify() == []
    await working
