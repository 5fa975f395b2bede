"""What a long speech costs: held when it is ordered, charged while it is made, and closed with its job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from backline.credits.ledger import Ledger
from backline.credits.pricing import Price, as_seconds
from backline.db.database import Database, Tx
from backline.errors import PaymentRequired, Unavailable
from backline.jobs.job import Job
from backline.speech.long_work import Made
from backline.speech.service import estimated_microseconds

_HOLD = timedelta(days=14)
"""Longer than any job waits and works; its end closes the hold."""


@dataclass(frozen=True, slots=True)
class LongCharges:
    database: Database
    ledger: Ledger
    price: Price

    async def hold(self, tx: Tx, job: Job) -> str | None:
        """The estimate, under the job's own id; None where there is nothing to pay. Raises PaymentRequired."""
        if not job.billed or not self.price.micro_per_unit:
            return None
        estimate = estimated_microseconds(job.input["characters"], job.input["speed"])
        life = _HOLD.total_seconds()
        await self.ledger.open(
            tx, job.owner, reference=job.id, price=self.price, estimate=estimate, expires_seconds=life
        )
        return job.id

    async def charge(self, job: Job, made: Made) -> None:
        """What is made so far. Raises PaymentRequired when there is not enough credit left for it."""
        if job.hold is None:
            return
        async with self.database.write() as tx:
            hold = await self.ledger.tick(tx, job.hold, made.microseconds)
        if hold.state != "open":
            raise Unavailable("The hold of this job was closed.", code="hold_closed", retryable=False)
        if hold.reach is not None and hold.reach < made.microseconds:
            raise PaymentRequired("The credit was used up before the text was.", code="insufficient_credits")

    async def settle(self, tx: Tx, job: Job, made: Made | None) -> str:
        """Charge what was made, and no more. Seconds of credit, as a decimal string."""
        if job.hold is None:
            return "0"
        hold = await self.ledger.settle(tx, job.hold, made.microseconds if made else 0)
        return as_seconds(hold.captured - hold.refunded)

    async def release(self, tx: Tx, job: Job) -> str:
        """Charge nothing."""
        if job.hold is not None:
            await self.ledger.release(tx, job.hold)
        return "0"
