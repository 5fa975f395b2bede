"""The ledger: ticks and pairs of open and settle a second, one after the other and eight at once; two hundred streams
ticked together, and what a new hold waits for meanwhile. On SQLite, and on a real Postgres that waits for its disk.

The reference in the same run is the bare database under the same driver: transactions of one small insert. `busy` is
how many milliseconds of the event loop's thread each one takes.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop
from sqlalchemy import text
from tests.databases import Postgres, fresh_sqlite

from backline.accounts.principal import Principal
from backline.clock import utc_now
from backline.credits.billing import Billing
from backline.credits.ledger import Ledger
from backline.credits.pricing import Price
from backline.credits.queries import history, usage, verify
from backline.db.database import Database, open_synchronous
from backline.observability.logging import configure_logging
from backline.observability.metrics import MetricsInMemory
from benchmarks.tools.servers import machine

OPERATIONS, TOGETHER, ACCOUNTS, STREAMS = 1000, 8, 20, 200
SECOND = 1_000_000
PRICE = Price("speech", "second", SECOND)
BAR = 250

Work = Callable[[int], Awaitable[object]]


class Bench:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.ledger = Ledger(hold_seconds=600)
        self.billing = Billing(database, self.ledger, MetricsInMemory())
        self.counter = itertools.count()

    async def prepare(self) -> None:
        async with self.database.write() as tx:
            await tx.execute(text("CREATE TABLE bare (n INTEGER)"))
            for number in range(ACCOUNTS):
                user = f"user_{number}"
                await self.ledger.grant(tx, user, 10**12, idempotency_key=user, actor="bench")
        for number in range(TOGETHER):
            await self.open(f"ticked_{number}", number)

    async def bare(self, number: int) -> None:
        async with self.database.write() as tx:
            await tx.execute(text("INSERT INTO bare VALUES (:n)"), {"n": number})

    async def open(self, reference: str, number: int) -> None:
        user = f"user_{number % ACCOUNTS}"
        async with self.database.write() as tx:
            await self.ledger.open(tx, user, reference=reference, price=PRICE, estimate=1000 * SECOND)

    async def tick(self, _number: int) -> None:
        """Each charges something."""
        number = next(self.counter)
        async with self.database.write() as tx:
            await self.ledger.tick(tx, f"ticked_{number % TOGETHER}", (1 + number) * SECOND // TOGETHER)

    async def pair(self, number: int) -> None:
        reference = f"pair_{next(self.counter)}"
        await self.open(reference, number)
        async with self.database.write() as tx:
            await self.ledger.settle(tx, reference, 2 * SECOND)

    async def batch(self) -> tuple[float, float, float]:
        """Ticks a second of running streams, and milliseconds that opening another takes meanwhile: middle and most."""
        callers = [Principal(f"user_{number % ACCOUNTS}") for number in range(STREAMS)]
        meters = [await self.billing.open(caller, PRICE, 10 * SECOND) for caller in callers]
        spent, waits = 0.0, []
        for turn in range(1, 6):
            for meter in meters:
                meter.used(turn * SECOND)
            began = time.perf_counter()
            ticking = asyncio.create_task(self.billing.tick_all())
            for caller in itertools.cycle(callers):
                asked = time.perf_counter()
                await self.billing.open(caller, PRICE, SECOND)
                waits.append((time.perf_counter() - asked) * 1000)
                if ticking.done():
                    break
            await ticking
            spent += time.perf_counter() - began
        return 5 * STREAMS / spent, statistics.median(waits), max(waits)


async def rate(work: Work, together: int) -> tuple[float, float]:
    """How many a second, and milliseconds of this thread for each."""
    left = iter(range(OPERATIONS))

    async def in_turn() -> None:
        for number in left:
            await work(number)

    began, busy = time.perf_counter(), time.thread_time()
    await asyncio.gather(*(in_turn() for _ in range(together)))
    return OPERATIONS / (time.perf_counter() - began), (time.thread_time() - busy) * 1000 / OPERATIONS


async def timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1000


async def measure(url: str) -> None:
    bench = Bench(Database.open(url))
    kind = bench.database.dialect
    await bench.prepare()
    for name, work, bar in (("bare", bench.bare, 0), ("tick", bench.tick, BAR), ("open and settle", bench.pair, 0)):
        (alone, busy), (crowd, _) = await rate(work, 1), await rate(work, TOGETHER)
        met = "" if not bar else f"   bar {bar}: {'met' if max(alone, crowd) >= bar else 'NOT MET'}"
        print(f"{kind:11} {name:16} {alone:6.0f}/s (busy {busy:.2f} ms)   {TOGETHER} at once {crowd:6.0f}/s{met}")
    ticks, middle, most = await bench.batch()
    print(f"{kind:11} {STREAMS} streams together {ticks:6.0f} ticks/s")
    print(f"{kind:11} a hold opened meanwhile: p50 {middle:.1f} ms, most {most:.1f} ms")
    async with bench.database.read() as tx:
        page = await timed(history(tx, "user_1", before=None, limit=50))
        month = await timed(usage(tx, "user_1", today=utc_now().date(), days=30))
        proof = await timed(verify(tx))
        assert await verify(tx) == []
    print(f"{kind:11} a page of history {page:.1f} ms, a month of usage {month:.1f} ms, verify {proof:.0f} ms")
    await bench.database.close()


@contextmanager
def databases() -> Iterator[list[str]]:
    server = Postgres()
    try:
        with TemporaryDirectory() as folder, server.fresh() as url:
            _wait_for_the_disk(url)
            yield [fresh_sqlite(Path(folder)), url]
    finally:
        server.close()


def _wait_for_the_disk(url: str) -> None:
    """As in production; tests do without."""
    engine = open_synchronous(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ALTER SYSTEM SET fsync = on"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


def main() -> None:
    configure_logging("WARNING")
    print(f"{machine()}; the ledger")
    with databases() as urls:
        for url in urls:
            uvloop.run(measure(url))


if __name__ == "__main__":
    main()
