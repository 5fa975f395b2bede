"""A kind of job with everything that a product's has: a child, a file, money. It can be made to stand still at a stage.

An order is `{"folder": ..., "stage": ..., "go": ...}`: the first who comes to the stage writes `<folder>/at-<go>`, with
the number of his process, and goes on when there is `<folder>/go-<go>`. Nobody stands still there twice.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backline.assets.service import Assets
from backline.credits.ledger import Ledger
from backline.credits.pricing import Price
from backline.db.database import Tx
from backline.jobs.job import Data, Job
from backline.jobs.kinds import InChild, JobKind
from backline.storage.base import Storage, Stored
from backline.storage.paths import owned_key

COST_SECONDS = 5
SIZE = 300_000
_PRICE = Price("exports", "second", 1_000_000)
_TOTAL = COST_SECONDS * 1_000_000

BEFORE = ("ordering", "ordered")
HERE = ("claimed", "running", "storing", "stored", "finish", "finished")


def make(data: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """The work, in a child, with a process beside it."""
    folder = Path(data["folder"])
    with subprocess.Popen(["sleep", "3600"]) as beside:
        try:
            with (folder / "pids").open("a") as file:
                file.write(f"{os.getpid()} {beside.pid}\n")
            progress(progress=0.5, checkpoint={"by_version": data["version"]})
            if data["stage"] == "running" and first_here(data):
                while not (folder / f"go-{data['go']}").exists():
                    time.sleep(0.02)
        finally:
            beside.kill()
    return {"checkpoint": data["checkpoint"]}


def first_here(data: Data) -> bool:
    """Whether nobody was here before; then it is written down that somebody is."""
    at = Path(data["folder"]) / f"at-{data['go']}"
    with suppress(FileExistsError):
        part = at.with_name(f"part-{os.getpid()}")
        part.write_text(str(os.getpid()))
        os.link(part, at)
        return True
    return False


async def still(job: Job, stage: str) -> None:
    if job.input["stage"] != stage or not first_here(job.input):
        return
    while not (Path(job.input["folder"]) / f"go-{job.input['go']}").exists():
        await asyncio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Paid:
    """The hooks."""

    ledger: Ledger
    storage: Storage
    assets: Assets

    def kind(self, version: str) -> JobKind:
        return JobKind(
            name="paid",
            version=version,
            work=InChild("tests.processes.paid_kind:make"),
            validate=lambda data: {**data, "version": version},
            hold=self.hold,
            store=self.store,
            finish=self.finish,
            release=self.release,
            retry_seconds=0.05,
        )

    async def hold(self, tx: Tx, job: Job) -> str:
        opened = await self.ledger.open(
            tx, job.owner, reference=job.id, price=_PRICE, estimate=2 * _TOTAL, expires_seconds=3600
        )
        await still(job, "ordering")
        return opened.reference

    async def store(self, job: Job, output: Data) -> Data:
        async def pieces() -> AsyncIterator[bytes]:
            yield bytes(SIZE // 2)
            await still(job, "storing")
            yield bytes(SIZE // 2)

        key = owned_key(job.owner, job.id, str(job.attempt))
        stored = await self.storage.put(key, pieces(), content_type="video/mp4")
        await still(job, "stored")
        return {**output, "key": key, "size_bytes": stored.size_bytes, "sha256": stored.sha256}

    async def finish(self, tx: Tx, job: Job, result: Data) -> Data:
        hold = await self.ledger.settle(tx, str(job.hold), _TOTAL)
        asset = await self.assets.register(
            tx,
            owner_id=job.owner,
            key=result["key"],
            stored=Stored(result["size_bytes"], result["sha256"], None),
            name="export.mp4",
            content_type="video/mp4",
            source=job.id,
        )
        await still(job, "finish")
        return {"file_id": asset.id, "captured": hold.captured, "checkpoint": result["checkpoint"]}

    async def release(self, tx: Tx, job: Job) -> None:
        await self.ledger.release(tx, str(job.hold))
