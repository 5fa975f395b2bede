"""The jam slice on a real database, with a worker that tests steer, and as many gateways as they like."""

from __future__ import annotations

from backline.accounts.principal import Principal
from backline.credits.ledger import Ledger
from backline.credits.pricing import Price
from backline.credits.queries import balance, verify
from backline.db.database import Database
from backline.ids import new_id
from backline.jam.advance import Advance
from backline.jam.meter import JamMeter
from backline.jam.service import Jam
from backline.jam.session import REMOTE, JamSession
from backline.observability.metrics import MetricsInMemory
from tests.credits.conftest import Clock
from tests.jam.worker import ScriptedWorker

ADA, EVE = Principal("user_ada"), Principal("user_eve")
PRICE = Price("jam", "second", 1_000_000)
S = 1_000_000


class Gateway:
    """One of several. worker: None: it plays itself, and nobody else can."""

    def __init__(self, house: House, name: str, worker: str = REMOTE) -> None:
        clock = house.clock
        self.advance = Advance(house.ledger, 3, clock)
        self.meter = JamMeter(
            house.database,
            house.worker,
            self.advance,
            PRICE,
            house.metrics,
            me=name,
            worker=worker,
            poll_seconds=0.1,
            clock=clock,
        )
        self.jam = Jam(
            house.database,
            house.worker,
            house.ledger,
            PRICE,
            self.meter,
            house.metrics,
            worker=worker,
            me=name,
            clock=clock,
        )


class House:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Clock()
        self.ledger = Ledger(hold_seconds=60, clock=self.clock)
        self.worker = ScriptedWorker()
        self.metrics = MetricsInMemory()

    async def give(self, seconds: float, owner: Principal = ADA) -> None:
        key = new_id("gift")
        async with self.database.write() as tx:
            await self.ledger.grant(tx, owner.id, round(seconds * S), idempotency_key=key, actor="test")

    def forward(self, seconds: float) -> None:
        self.clock.forward(seconds)
        self.worker.seconds += seconds

    async def has(self, owner: Principal = ADA) -> tuple[float, float]:
        """What the account has, and what is held, in seconds; after the books were checked."""
        async with self.database.read() as tx:
            assert await verify(tx) == []
            found = await balance(tx, owner.id)
        return found.posted / S, found.held / S

    async def session(self, gateway: Gateway, session_id: str, owner: Principal = ADA) -> JamSession:
        return (await gateway.jam.session(owner, session_id)).session
