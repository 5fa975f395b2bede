"""What a caller with a key, limits and a price costs speech: streams a second beside bare Starlette, and how much later
the first sound is with a hold; on SQLite, and on a real Postgres that syncs its log to the disk.

The engine costs nothing and each stream is 20 blocks of 4 kB. Rounds alternate, so that a busy machine disturbs all.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median

import uvloop
from tests.databases import Postgres

from backline.credits.ledger import Ledger
from backline.credits.pricing import Price
from backline.db.database import Database
from benchmarks.tools.keys import key_of
from benchmarks.tools.load import measure, request_bytes
from benchmarks.tools.servers import machine, server

ROUNDS, REQUESTS, CLIENTS = 5, 600, 10
FIRSTS = 200
"""Requests by one client, for the first sound."""
TEXT = "Hello, this is a test."
NO_LIMITS = {"key_requests_per_minute": 10**9, "address_requests_per_minute": 10**9}
"""The windows are counted all the same."""
RICH = {"welcome_seconds": 10**9}


@dataclass
class Side:
    name: str
    port: int
    request: bytes
    per_second: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)

    def round(self) -> None:
        many = asyncio.run(measure(self.port, self.request, clients=CLIENTS, requests=REQUESTS))
        one = asyncio.run(measure(self.port, self.request, clients=1, requests=FIRSTS))
        assert not many.errors + one.errors, f"{self.name}: {many.errors + one.errors} errors"
        self.per_second.append(many.per_second)
        self.first_ms.append(one.first_ms(0.5))


def main() -> None:
    postgres = Postgres()
    postgres._execute("ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()")
    try:
        with ExitStack() as stack:
            url = stack.enter_context(postgres.fresh())
            sides = _sides(stack, url)
            pairs: dict[str, list[float]] = {"SQLite": [], "Postgres": []}
            for number in range(ROUNDS + 1):
                for side in sides:
                    side.round()
                pairs["SQLite"].append(uvloop.run(_pairs(None)))
                pairs["Postgres"].append(uvloop.run(_pairs(postgres)))
                if not number:  # it warmed up
                    for side in sides:
                        side.per_second.clear()
                        side.first_ms.clear()
            _report(sides, {name: median(rates[1:]) for name, rates in pairs.items()})
    finally:
        postgres.close()


def _sides(stack: ExitStack, url: str) -> list[Side]:
    bare, _ = stack.enter_context(server("-m", "benchmarks.tools.serve_bare"))
    return [
        Side("bare Starlette", bare, request_bytes("/", {"text": TEXT})),
        stack.enter_context(_gateway("no account", {}, signed_in=False)),
        stack.enter_context(_gateway("key and limits", {"credits": {**RICH, "speech_per_second": 0}})),
        stack.enter_context(_gateway("and a hold, SQLite", {"credits": RICH})),
        stack.enter_context(_gateway("and a hold, Postgres", {"credits": RICH, "database": {"url": url}})),
    ]


@contextmanager
def _gateway(name: str, groups: dict[str, object], *, signed_in: bool = True) -> Iterator[Side]:
    settings = json.dumps({"limits": NO_LIMITS, **groups})
    with server("-m", "benchmarks.tools.serve_gateway", settings) as (port, _):
        headers = {"X-API-Key": key_of(port)} if signed_in else {}
        body = {"text": TEXT, "voice": "trivial", "format": "pcm", "stream": True}
        yield Side(name, port, request_bytes("/v1/tts/generate", body, headers))


async def _pairs(postgres: Postgres | None) -> float:
    """Pairs of open and settle that the ledger reaches alone, as many at once as there are clients."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from tests.databases import fresh_sqlite

    with ExitStack() as stack:
        if postgres is None:
            url = fresh_sqlite(Path(stack.enter_context(TemporaryDirectory())))
        else:
            url = stack.enter_context(postgres.fresh())
        database, ledger = Database.open(url), Ledger()
        price, left = Price("speech", "second", 1_000_000), iter(range(REQUESTS))
        async with database.write() as tx:
            await ledger.grant(tx, "bench", 10**14, idempotency_key="bench", actor="bench")

        async def in_turn() -> None:
            for number in left:
                async with database.write() as tx:
                    await ledger.open(tx, "bench", reference=f"{number}", price=price, estimate=2_000_000)
                async with database.write() as tx:
                    await ledger.settle(tx, f"{number}", 1_700_000)

        began = time.perf_counter()
        await asyncio.gather(*(in_turn() for _ in range(CLIENTS)))
        seconds = time.perf_counter() - began
        await database.close()
    return REQUESTS / seconds


def _report(sides: list[Side], pairs: dict[str, float]) -> None:
    print(f"{machine()}; {CLIENTS} clients; {ROUNDS} rounds of {REQUESTS} streams, and {FIRSTS} by one client")
    print(f"{'':22} {'streams/s':>10} {'of bare':>8} {'first sound p50':>16}")
    bare = sides[0]
    for side in sides:
        share = median(a / b for a, b in zip(side.per_second, bare.per_second, strict=True))
        print(f"{side.name:22} {median(side.per_second):10.0f} {share:8.2f} {median(side.first_ms):13.2f} ms")
    free = sides[2]
    share = median(a / b for a, b in zip(free.per_second, bare.per_second, strict=True))
    print(f"key and limits, of bare Starlette: {share:.2f} (bar 0.50)")
    for side, kind, bar_ms in ((sides[3], "SQLite", 3), (sides[4], "Postgres", 10)):
        later = median(a - b for a, b in zip(side.first_ms, free.first_ms, strict=True))
        of_ledger = median(side.per_second) / pairs[kind]
        print(
            f"hold on {kind}: first sound {later:+.2f} ms (bar {bar_ms}); "
            f"{of_ledger:.2f} of the {pairs[kind]:.0f} open and settle pairs/s of the ledger alone (bar 0.80)"
        )


if __name__ == "__main__":
    main()
