"""Several processes at one ledger, and a process that is killed at every step of a hold's life."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backline.credits import queries
from backline.credits.billing import Billing
from backline.credits.ledger import Ledger
from backline.db.database import Database
from backline.observability.metrics import MetricsInMemory
from tests.credits.child import ACCOUNTS
from tests.credits.conftest import Clock

ROOT = Path(__file__).parent.parent.parent
STEPS = ["open, not committed", "open", "tick, not committed", "tick", "settle, not committed", "settle"]
CHARGED = {"tick": 40, "settle, not committed": 40, "settle": 70}
"""What the user pays when the process is killed there: the last total that was committed."""


def _start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.credits.child", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


async def _work_at_random(database: Database, url: str, processes: int, operations: int) -> None:
    ledger = Ledger(hold_seconds=60)
    async with database.write() as tx:
        for account in ACCOUNTS:
            await ledger.grant(tx, account, 5000, idempotency_key=f"first:{account}", actor="test")
    running = [_start("random", url, str(seed), str(operations)) for seed in range(processes)]
    for process in running:
        _, complaints = process.communicate(timeout=100)
        assert process.returncode == 0, complaints
    async with database.read() as tx:
        assert await queries.verify(tx) == []
        for account in ACCOUNTS:
            has = await queries.balance(tx, account)
            assert has.available >= 0
            moved = await queries.history(tx, account, before=None, limit=100_000)
            assert sum(one.amount for one in moved) == has.posted  # the entries alone give the balance again


@pytest.mark.slow
async def test_processes_that_work_at_random_leave_right_books(database: Database, database_url: str) -> None:
    await _work_at_random(database, database_url, processes=3, operations=60)


@pytest.mark.slow
async def test_eight_processes_with_two_hundred_operations_each(database: Database, database_url: str) -> None:
    await _work_at_random(database, database_url, processes=8, operations=200)


@pytest.mark.parametrize("step", STEPS)
async def test_a_killed_process_is_charged_what_it_had_written_down(
    database: Database, database_url: str, step: str
) -> None:
    clock = Clock()
    ledger = Ledger(hold_seconds=60)
    async with database.write() as tx:
        await ledger.grant(tx, "user_a", 1000, idempotency_key="g", actor="test")
    process = _start("steps", database_url)
    assert process.stdout is not None
    assert process.stdin is not None
    for reached in STEPS:
        said = process.stdout.readline().strip()
        assert said == reached, process.communicate(timeout=60)
        if reached == step:
            break
        process.stdin.write("\n")
        process.stdin.flush()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)

    clock.now = clock.now.replace(year=2100)
    billing = Billing(database, Ledger(hold_seconds=60, clock=clock), MetricsInMemory(), clock=clock)
    for _ in range(2):  # any number of servers may sweep
        await billing.sweep()
    async with database.read() as tx:
        assert await queries.verify(tx) == []
        assert await queries.balance(tx, "user_a") == queries.Balance(1000 - CHARGED.get(step, 0), 0)
