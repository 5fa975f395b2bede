"""Credit for running work, as a slice uses it: a meter that is opened, told totals, and closed once.

    meter = await billing.open(principal, price, estimate)     # PaymentRequired, before anything is made
    await meter.cover(total)                                   # before so much is delivered
    meter.used(total)                                          # delivered; written down every few seconds
    await meter.settle()   or   await meter.release()

Totals are in millionths of the price's unit. Running meters are ticked together, many in a transaction, so that two
hundred streams are not two hundred transactions. When the process dies, a sweep settles their holds at the last tick.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from backline.accounts.principal import Principal
from backline.clock import Clock, utc_now
from backline.credits import figures
from backline.credits.hold import Hold
from backline.credits.ledger import Ledger
from backline.credits.pricing import Price, as_seconds
from backline.credits.queries import accounts_with_expired_grants, balance, expired_holds
from backline.db.database import Database
from backline.errors import BacklineError, PaymentRequired, Unavailable
from backline.ids import new_id
from backline.observability.logging import get_logger
from backline.observability.metrics import Metrics

_BATCH = 100
"""Holds that are ticked or swept in one transaction."""

_CLOSE_DELAYS = (0.2, 1.0, 3.0, 10.0)
"""Seconds between attempts to close a hold while the database is away; afterwards the sweep closes it."""

_PATIENCE_SECONDS = 2.0
"""How long the end of a stream waits for its hold to be closed."""

_SWEEP_SECONDS = 5.0


class Meter(Protocol):
    """One piece of running work, as its slice sees it."""

    @property
    def charged(self) -> str:
        """Credits for what was used so far, as a decimal string."""
        ...

    @property
    def remaining(self) -> str | None:
        """Credits that the account still has, known once it is settled; None where nothing is charged."""
        ...

    async def cover(self, total: int) -> None:
        """Returns once so much is paid for. Raises PaymentRequired when there is not enough credit left."""
        ...

    def used(self, total: int) -> None:
        """So much has been delivered."""
        ...

    async def settle(self) -> None:
        """The work is over: what was used is charged. Safe to call again; also while the task is being cancelled."""
        ...

    async def release(self) -> None:
        """The work failed by our fault: nothing is charged."""
        ...


class FreeMeter:
    """For callers who are not billed."""

    charged = "0"
    remaining = None

    async def cover(self, total: int) -> None:
        pass

    def used(self, total: int) -> None:
        pass

    async def settle(self) -> None:
        pass

    async def release(self) -> None:
        pass


async def free_of_charge(_caller: Principal, _estimate: int) -> Meter:
    """For what runs without accounts, such as a command."""
    return FreeMeter()


class HoldMeter:
    def __init__(self, billing: Billing, hold: Hold) -> None:
        self.hold = hold
        self.total = 0
        self.remaining: str | None = None
        self._billing = billing
        self._closing: asyncio.Task[None] | None = None

    @property
    def charged(self) -> str:
        return as_seconds(min(self.hold.price.cost(self.total), self.hold.amount) - self.hold.refunded)

    async def cover(self, total: int) -> None:
        if _covers(self.hold, total):
            return
        await self._billing.extend(self, total)
        if self.hold.state != "open":
            raise Unavailable("The database was away for too long, and the account was closed.", code="hold_closed")
        if not _covers(self.hold, total):
            raise PaymentRequired("The credit has been used up.", code="credits_exhausted")

    def used(self, total: int) -> None:
        self.total = max(self.total, total)

    async def settle(self) -> None:
        await self._close(lambda: self._billing.close(self, release=False))

    async def release(self) -> None:
        await self._close(lambda: self._billing.close(self, release=True))

    async def _close(self, close: Callable[[], Awaitable[None]]) -> None:
        """Once; it goes on by itself when whoever waits is cancelled, or when it takes long."""
        if self._closing is None:
            self._closing = self._billing.in_background(close())
        await asyncio.wait({self._closing}, timeout=_PATIENCE_SECONDS)


class Billing:
    """Opens meters, and looks after the running ones between `start` and `stop`.

    tick_seconds: how often totals are written down; also how far ahead of its use a hold is kept.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        metrics: Metrics,
        *,
        tick_seconds: float = 5.0,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._metrics = metrics
        self._tick_seconds = tick_seconds
        self._clock = clock
        self._meters: set[HoldMeter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: list[asyncio.Task[None]] = []

    async def open(self, principal: Principal, price: Price, estimate: int) -> Meter:
        """estimate: of the total, in millionths of the price's unit. What costs nothing needs no hold.

        Raises PaymentRequired.
        """
        if not principal.billed or not price.micro_per_unit:
            return FreeMeter()
        reference = new_id(price.product)
        async with self._database.write() as tx:
            hold = await self._ledger.open(tx, principal.id, reference=reference, price=price, estimate=estimate)
        meter = HoldMeter(self, hold)
        self._meters.add(meter)
        return meter

    async def extend(self, meter: HoldMeter, total: int) -> None:
        """Make the hold reach a total, and further where there is credit for it: work that is faster than its sound
        would otherwise ask at every step."""
        ahead = max(round(self._tick_seconds * 1_000_000), total // 2)
        async with self._database.write() as tx:
            hold = await self._ledger.tick(tx, meter.hold.reference, meter.total, ahead=total - meter.total + ahead)
        meter.hold = hold

    async def close(self, meter: HoldMeter, *, release: bool) -> None:
        """Close the hold; while the database is away it is tried again, and left to the sweep in the end."""
        self._meters.discard(meter)
        for delay in (*_CLOSE_DELAYS, None):
            try:
                await self._close(meter, release=release)
            except Exception as error:  # noqa: BLE001 - nobody waits for this task: it must say so itself
                if delay is None or not isinstance(error, Unavailable):
                    get_logger().error("credits.close_failed", reference=meter.hold.reference, exc_info=error)
                    return
                await asyncio.sleep(delay)
            else:
                return

    async def _close(self, meter: HoldMeter, *, release: bool) -> None:
        reference = meter.hold.reference
        async with self._database.write() as tx:
            if release:
                hold = await self._ledger.release(tx, reference)
            else:
                hold = await self._ledger.settle(tx, reference, meter.total)
            left = await balance(tx, hold.account_id)
        meter.hold, meter.remaining = hold, as_seconds(left.available)
        if not release:
            self._count_unbilled(hold, hold.price.cost(meter.total) - hold.captured)

    def _count_unbilled(self, hold: Hold, micro: int) -> None:
        if micro > 0:
            self._metrics.count(figures.UNBILLED, hold.price.product, by=micro / 1_000_000)
            get_logger().warning("credits.unbilled", reference=hold.reference, micro=micro)

    def in_background(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def start(self) -> None:
        self._running = [
            asyncio.create_task(self._every(self._tick_seconds, self.tick_all)),
            asyncio.create_task(self._every(_SWEEP_SECONDS, self.sweep)),
        ]

    async def stop(self) -> None:
        """Whatever is being closed is closed; work that still runs is settled by somebody's sweep."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, *self._tasks, return_exceptions=True)

    async def tick_all(self) -> None:
        """Write down what every running meter has used, and let its hold live on."""
        meters = sorted(self._meters, key=lambda meter: (meter.hold.account_id, meter.hold.reference))
        for first in range(0, len(meters), _BATCH):
            await self._tick([meter for meter in meters[first : first + _BATCH] if meter in self._meters])

    async def _tick(self, meters: list[HoldMeter]) -> None:
        totals = {meter.hold.reference: meter.total for meter in meters}
        try:
            async with self._database.write() as tx:
                holds = await self._ledger.tick_many(tx, totals)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one that cannot be ticked must not keep the others from it
            if len(meters) == 1:
                get_logger().error("credits.tick_failed", reference=meters[0].hold.reference, exc_info=error)
                return
            middle = len(meters) // 2
            await self._tick(meters[:middle])
            await self._tick(meters[middle:])
            return
        for meter in meters:
            hold = holds.get(meter.hold.reference)
            if hold is None or meter not in self._meters:  # closed meanwhile
                continue
            if hold.state != "open" or meter.hold.amount <= hold.amount:  # else it was extended meanwhile
                meter.hold = hold

    async def sweep(self) -> None:
        """Close holds that nobody ticks any more, and take back grants whose time is over. Any number may run it."""
        now = self._clock()
        async with self._database.read() as tx:
            references = await expired_holds(tx, now, _BATCH)
            accounts = await accounts_with_expired_grants(tx, now, _BATCH)
        running = {meter.hold.reference for meter in self._meters}  # the next tick lets them live on
        for reference in (one for one in references if one not in running):
            await self._sweep_one(reference, self._sweep_hold)
        for account in accounts:
            await self._sweep_one(account, self._sweep_grants)

    async def _sweep_one(self, which: str, work: Callable[[str], Awaitable[None]]) -> None:
        try:
            await work(which)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one that cannot be swept must not keep the others from it
            get_logger().error("credits.sweep_failed", which=which, exc_info=error)

    async def _sweep_hold(self, reference: str) -> None:
        async with self._database.write() as tx:
            hold = await self._ledger.close_expired(tx, reference)
        get_logger().warning("credits.hold_swept", reference=reference, state=hold.state)
        self._count_unbilled(hold, hold.unbilled)

    async def _sweep_grants(self, account: str) -> None:
        async with self._database.write() as tx:
            await self._ledger.expire_grants(tx, account)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except BacklineError as error:
                get_logger().warning("credits.tick_failed", code=error.code)
            except Exception as error:  # noqa: BLE001 - the next round may succeed, and must be tried
                get_logger().error("credits.tick_failed", exc_info=error)


def _covers(hold: Hold, total: int) -> bool:
    reach = hold.reach
    return reach is None or total <= reach
