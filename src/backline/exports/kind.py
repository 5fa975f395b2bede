"""An export as a kind of job: what is held, what is kept, what it costs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any

from backline.assets.service import Assets
from backline.credits.ledger import Ledger
from backline.credits.pricing import Price, as_seconds
from backline.db.database import Tx
from backline.exports import repository
from backline.exports.repository import Version
from backline.exports.schemas import ExportType
from backline.exports.service import KIND
from backline.exports.work import FOLDER
from backline.jobs.job import Data, Job
from backline.jobs.kinds import InProcess, JobKind, Remotely
from backline.jobs.leftovers import Leftovers
from backline.storage.base import Stored

_HOLD = timedelta(days=14)
"""Longer than any job waits and works; its end closes the hold."""

_MAX_ATTEMPTS = 5
"""A long render may meet several deploys that went wrong; each attempt goes on where the last one was."""

_VERSIONS: dict[ExportType, Version] = {
    "framing": "working",
    "multi_clip": "working",
    "overlay": "final",
    "annotate": "final",
}


@dataclass(frozen=True, slots=True)
class ExportKind:
    """The hooks are those of `JobKind`. work: here, or elsewhere with a hook to `store` what came of it. kept_days: how
    long outputs stay."""

    assets: Assets
    ledger: Ledger
    price: Price
    leftovers: Leftovers
    work: InProcess | Remotely
    kept_days: float
    store: Callable[[Job, Data], Awaitable[Data]] | None = None

    @property
    def kind(self) -> JobKind:
        return JobKind(
            name=KIND,
            work=self.work,
            hold=self.hold,
            store=self.store,
            finish=self.finish,
            release=self.release,
            folder=FOLDER,
            queue="exports",
            max_attempts=_MAX_ATTEMPTS,
        )

    async def hold(self, tx: Tx, job: Job) -> str | None:
        """All of it, under the job's own id: how long the film will be is known."""
        if not job.billed or not self.price.micro_per_unit:
            return None
        await self.ledger.open(
            tx,
            job.owner,
            reference=job.id,
            price=self.price,
            estimate=round(job.input["seconds"] * 1_000_000),
            expires_seconds=_HOLD.total_seconds(),
        )
        return job.id

    async def finish(self, tx: Tx, job: Job, result: Data) -> Data:
        rendered, kind = result["rendered"], _VERSIONS[job.input["type"]]
        consumed = await self._settle(tx, job, rendered)
        number, version = await repository.next_version(tx, job.id, kind)
        name = f"project_{number}_v{version}.mp4" if kind == "working" else f"final_{number}_v{version}.mp4"
        asset = await self.assets.register(
            tx,
            owner_id=job.owner,
            key=result["key"],
            stored=Stored(**result["stored"]),
            name=name,
            content_type="video/mp4",
            source=job.id,
            keep_days=self.kept_days,
        )
        await repository.set_output(tx, job.id, asset.id, name)
        self.leftovers.of(job)
        return {
            "file_id": asset.id,
            "file_name": name,
            "credits_consumed": consumed,
            **{
                field: rendered[field] for field in ("width", "height", "rate", "frames", "seconds", "encoder", "audio")
            },
        }

    async def release(self, tx: Tx, job: Job) -> None:
        """Failed or cancelled: nothing is charged, for nothing is delivered."""
        if job.hold is not None:
            await self.ledger.release(tx, job.hold)
        self.leftovers.of(job)

    async def _settle(self, tx: Tx, job: Job, rendered: Any) -> str:
        if job.hold is None:
            return "0"
        microseconds = int(rendered["frames"] * 1_000_000 / Fraction(rendered["rate"]))
        hold = await self.ledger.settle(tx, job.hold, microseconds)
        return as_seconds(hold.captured - hold.refunded)
