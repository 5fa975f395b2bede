"""What it costs to know a caller who was known a moment ago, and one who was not.

One event loop, one process, SQLite; microseconds each. The bar: a key in memory is checked in less than 0.1 ms at p99.
`hmac`: the reference, one HMAC-SHA256 of a key, which no check can do without.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.requests import HTTPConnection

from backline.accounts.entrance import Entrance
from backline.accounts.keys import Keys, NewKey
from backline.accounts.own_tokens import OwnTokens
from backline.accounts.service import OPERATOR_ISSUER, Accounts
from backline.accounts.verified import VerifiedCallers
from backline.gateway.services import open_administration
from backline.settings import Settings

ROUNDS = 20_000
SLOW_ROUNDS = 300


def connection(secret: str) -> HTTPConnection:
    headers = [
        (b"host", b"127.0.0.1:8000"),
        (b"user-agent", b"benchmark"),
        (b"accept", b"*/*"),
        (b"content-type", b"application/json"),
        (b"authorization", f"Bearer {secret}".encode()),
    ]
    return HTTPConnection({"type": "http", "headers": headers, "query_string": b""})


async def microseconds(work: Callable[[], Awaitable[Any]], rounds: int) -> list[float]:
    """Of each round, shortest first."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        await work()
        taken.append(1e6 * (time.perf_counter() - began))
    return sorted(taken)


def show(name: str, taken: list[float], reference: float) -> None:
    p50, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
    print(f"{name:44}{p50:10.1f}{p99:10.1f}{p50 / reference:10.1f}")


async def measure(folder: Path) -> None:
    async with open_administration(Settings(_env_file=None, server={"data_dir": folder})) as parts:
        entrance, keys, callers = parts[Entrance], parts[Keys], parts[VerifiedCallers]
        user = await parts[Accounts].find_or_create(OPERATOR_ISSUER, "benchmark")
        _, key = await keys.create_for(user.id, NewKey("benchmark", ["speech"]))
        token = parts[OwnTokens].issue(user)

        async def digest() -> None:
            hmac.digest(b"k" * 32, key.encode(), "sha256")

        def known(secret: str) -> Callable[[], Awaitable[Any]]:
            return lambda: entrance.admit(connection(secret))

        def forgotten(secret: str) -> Callable[[], Awaitable[Any]]:
            async def check() -> None:
                callers.forget(lambda _: True)
                await entrance.admit(connection(secret))

            return check

        reference = await microseconds(digest, ROUNDS)
        print(f"{'':44}{'p50 µs':>10}{'p99 µs':>10}{'x hmac':>10}")
        show("hmac", reference, reference[len(reference) // 2])
        for name, work, rounds in (
            ("key, in memory", known(key), ROUNDS),
            ("token, in memory", known(token), ROUNDS),
            ("key, from the database", forgotten(key), SLOW_ROUNDS),
            ("token, verified, user from the database", forgotten(token), SLOW_ROUNDS),
        ):
            await microseconds(work, 10)
            show(name, await microseconds(work, rounds), reference[len(reference) // 2])
        refused = await microseconds(lambda: keys.principal_of("bl_live_" + "A" * 51), ROUNDS)
        show("key, made up", refused, reference[ROUNDS // 2])


def main() -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    main()
