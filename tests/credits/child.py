"""Run in processes of their own: random work on shared accounts, and one hold's life with a pause at every step."""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import timedelta

from backline.clock import utc_now
from backline.credits.ledger import Ledger
from backline.db.database import Database
from backline.errors import Conflict, NotFound, PaymentRequired, Unavailable
from tests.credits.conftest import SPEECH

ACCOUNTS = [f"user_{number}" for number in range(3)]


async def at_random(url: str, seed: int, operations: int) -> None:
    """Every verb, repeated and late as well; accounts and holds are shared with the other processes."""
    choice = random.Random(seed)
    ledger, database = Ledger(hold_seconds=60), Database.open(url, pool_size=2)
    for _ in range(operations):
        await _try(database, ledger, choice)
    await database.close()


async def _try(database: Database, ledger: Ledger, choice: random.Random) -> None:
    number = choice.randrange(60)
    account, reference, amount = choice.choice(ACCOUNTS), f"hold_{number}", choice.randrange(1, 400)
    verb = choice.choice(["grant", "open", "open", "tick", "tick", "tick many", "settle", "release"])
    for _ in range(choice.choice([1, 1, 2])):  # a reply that was lost is asked for again
        try:
            async with database.write() as tx:
                match verb:
                    case "grant":
                        ends = choice.choice([None, utc_now() + timedelta(seconds=choice.choice([-1, 0.5, 3600]))])
                        key = f"{choice.random()}" if choice.random() < 0.7 else f"shared:{number}"
                        await ledger.grant(tx, account, amount, idempotency_key=key, actor="x", expires_at=ends)
                    case "open":
                        owner, estimate = ACCOUNTS[number % 3], 10 * number
                        await ledger.open(tx, owner, reference=reference, price=SPEECH, estimate=estimate)
                    case "tick":
                        await ledger.tick(tx, reference, amount, ahead=choice.randrange(50))
                    case "tick many":
                        some = sorted(choice.sample(range(60), 8))
                        await ledger.tick_many(tx, {f"hold_{one}": amount + one for one in some})
                    case "settle":
                        await ledger.settle(tx, reference, amount)
                    case "release":
                        await ledger.release(tx, reference)
        except (PaymentRequired, Conflict, NotFound):
            continue
        except Unavailable as error:
            sys.stderr.write(f"{error.__cause__!r}\n")
            raise


async def step_by_step(url: str) -> None:
    """hold, tick, settle; says each step, and goes on when a line comes."""
    ledger, database = Ledger(hold_seconds=60), Database.open(url, pool_size=2)
    async with database.write() as tx:
        await ledger.open(tx, "user_a", reference="h", price=SPEECH, estimate=100)
        _pause("open, not committed")
    _pause("open")
    async with database.write() as tx:
        await ledger.tick(tx, "h", 40)
        _pause("tick, not committed")
    _pause("tick")
    async with database.write() as tx:
        await ledger.settle(tx, "h", 70)
        _pause("settle, not committed")
    _pause("settle")


def _pause(step: str) -> None:
    print(step, flush=True)  # noqa: T201
    sys.stdin.readline()


if __name__ == "__main__":
    if sys.argv[1] == "random":
        asyncio.run(at_random(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
    else:
        asyncio.run(step_by_step(sys.argv[2]))
