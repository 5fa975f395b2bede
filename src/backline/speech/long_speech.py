"""Long speech as a kind of job: texts of any length, resumed by sentence, paid for what was made."""

from __future__ import annotations

from dataclasses import dataclass

from backline.assets.service import Assets
from backline.db.database import Database, Tx
from backline.jobs.job import Data, Job, JobState
from backline.jobs.kinds import InProcess, JobKind
from backline.jobs.leftovers import Leftovers
from backline.media.encode.formats import find_format
from backline.speech.long_charges import LongCharges
from backline.speech.long_file import Binder, Kept, LongFiles
from backline.speech.long_maker import LongMaker
from backline.speech.long_orders import KIND
from backline.speech.long_record import record_of
from backline.speech.long_work import Made, WorkFolder
from backline.speech.order_repository import SpeechOrder, find_order, order_of, remove_order
from backline.speech.record_writer import RecordsInDatabase
from backline.speech.records import Outcome, SpeechRecord
from backline.storage.base import Storage
from backline.storage.paths import owned_key

_MAX_ATTEMPTS = 20
"""A job of hours may meet several deploys that went wrong; each attempt goes on where the last one was."""


@dataclass(frozen=True, slots=True)
class LongSpeech:
    """The hooks are those of `JobKind`. kept_days: how long results stay."""

    database: Database
    storage: Storage
    assets: Assets
    records: RecordsInDatabase
    charges: LongCharges
    maker: LongMaker
    binder: Binder
    leftovers: Leftovers
    kept_days: float

    @property
    def kind(self) -> JobKind:
        return JobKind(
            name=KIND,
            work=InProcess(self.maker.make),
            hold=self.charges.hold,
            store=self.store,
            finish=self.finish,
            release=self.release,
            queue="speech",
            max_attempts=_MAX_ATTEMPTS,
        )

    async def store(self, job: Job, output: Data) -> Data:
        made, said = Made.of(output), job.input
        async with self.database.read() as tx:
            order = await order_of(tx, job.id)
        facts = {
            "title": order.title,
            "audio_seconds": round(made.seconds, 6),
            "format": said["format"],
            "sample_rate": said["sample_rate"],
            "voice": said["voice_id"],
            "characters": said["characters"],
        }
        folder = WorkFolder(self.storage, job.owner, job.id)
        key = owned_key(job.owner, job.id, str(job.attempt))
        files = await self.binder.bind(made, folder, key, find_format(said["format"]), said["sample_rate"], facts)
        return {**files.as_data(), "made": made.as_data()}

    async def finish(self, tx: Tx, job: Job, result: Data) -> Data:
        files, made = LongFiles.of(result), Made.of(result["made"])
        order = await order_of(tx, job.id)
        consumed = await self.charges.settle(tx, job, made)
        ids = {name: await self._register(tx, job, order, kept) for name, kept in files.by_name.items()}
        record = record_of(job, "completed", made, consumed, files.audio.stored.size_bytes)
        await self._close(tx, job, record, order)
        return {
            **ids,
            "audio_seconds": record.audio_seconds,
            "credits_consumed": consumed,
            "characters": record.characters,
            "sentences": files.sentences,
            "format": record.format,
            "sample_rate": record.sample_rate,
        }

    async def release(self, tx: Tx, job: Job) -> None:
        """Cancelled: what was made until then is charged. Failed: nothing is."""
        cancelled = job.cancel_requested or job.state is JobState.QUEUED
        made = Made.of(job.checkpoint) if job.checkpoint else None
        consumed = await (self.charges.settle(tx, job, made) if cancelled else self.charges.release(tx, job))
        outcome: Outcome = "cancelled" if cancelled else "failed"
        await self._close(tx, job, record_of(job, outcome, made, consumed), await find_order(tx, job.id))

    async def _close(self, tx: Tx, job: Job, record: SpeechRecord, order: SpeechOrder | None) -> None:
        await self.records.store(tx, record, order.text if order else "")
        await remove_order(tx, job.id)
        self.leftovers.of(job)

    async def _register(self, tx: Tx, job: Job, order: SpeechOrder, kept: Kept) -> str:
        suffix = kept.key[kept.key.rindex(".") :]
        asset = await self.assets.register(
            tx,
            owner_id=job.owner,
            key=kept.key,
            stored=kept.stored,
            name=_file_name(order.title or "speech") + suffix,
            content_type=kept.content_type,
            source=job.id,
            keep_days=self.kept_days,
        )
        return asset.id


def _file_name(title: str) -> str:
    """A title as a file may be called: what is not allowed in a name becomes a line."""
    return "".join(one if one.isprintable() and one not in "/\\" else "_" for one in title).strip(" .") or "speech"
