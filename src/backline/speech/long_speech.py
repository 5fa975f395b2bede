"""Long speech as a job: texts of any length, resumed by sentence, paid for what was made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from backline.assets.service import Assets
from backline.clock import monotonic, utc_now
from backline.credits.ledger import Ledger
from backline.credits.pricing import Price, as_seconds
from backline.db.database import Database, Tx
from backline.errors import Invalid, NotFound, PaymentRequired, Unavailable
from backline.jobs.job import Data, Job, JobState
from backline.jobs.kinds import InProcess, JobKind, Work
from backline.observability.logging import get_logger
from backline.speech import figures
from backline.speech.leftovers import Leftovers
from backline.speech.long_file import Binder, Kept, LongFiles
from backline.speech.long_orders import KIND
from backline.speech.long_work import Made, WorkFolder
from backline.speech.narrator import AFTER_LISTENERS, Narrator
from backline.speech.order_repository import SpeechOrder, find_order, remove_order
from backline.speech.plan import Plan
from backline.speech.record_writer import RecordsInDatabase
from backline.speech.records import Outcome, SpeechRecord
from backline.speech.replies import passages_of
from backline.speech.schemas import Manner
from backline.speech.service import SpeechService, estimated_microseconds
from backline.speech.tally import Tally
from backline.speech.text import sentences
from backline.speech.text.prepare import Preparation
from backline.storage.base import Storage
from backline.storage.paths import owned_key

_SEGMENT_SECONDS = 60.0
"""Of sound at least: what a kill can cost. A segment ends with a sentence."""

_HOLD = timedelta(days=14)
"""Longer than any job waits and works; its end closes the hold."""

_MAX_ATTEMPTS = 20
"""A job of hours may meet several deploys that went wrong; each attempt goes on where the last one was."""

_SPENT = ("t_infer_ms", "languages", "input_tokens", "output_tokens")


@dataclass(frozen=True, slots=True)
class LongSpeech:
    """folder: for files while they are written. kept: how long results stay. The hooks are those of `JobKind`."""

    database: Database
    storage: Storage
    assets: Assets
    ledger: Ledger
    price: Price
    records: RecordsInDatabase
    speech: SpeechService
    leftovers: Leftovers
    folder: Path
    kept_days: float
    segment_seconds: float = _SEGMENT_SECONDS

    @property
    def kind(self) -> JobKind:
        return JobKind(
            name=KIND,
            version="1",
            work=InProcess(self.make),
            hold=self.hold,
            store=self.store,
            finish=self.finish,
            release=self.release,
            queue="speech",
            max_attempts=_MAX_ATTEMPTS,
        )

    async def hold(self, tx: Tx, job: Job) -> str | None:
        if not job.billed or not self.price.micro_per_unit:
            return None
        estimate = estimated_microseconds(job.input["characters"], job.input["speed"])
        expires_seconds = _HOLD.total_seconds()
        await self.ledger.open(
            tx, job.owner, reference=job.id, price=self.price, estimate=estimate, expires_seconds=expires_seconds
        )
        return job.id

    async def make(self, work: Work) -> Data:
        """Speak the text into segments; the checkpoint after each says where to go on."""
        job = work.job
        async with self.database.read() as tx:
            order = await _order_of(tx, job)
        plan = self._plan(job, order)
        preparation = self.speech.preparation(plan, chunking=job.input["chunking"])
        folder = WorkFolder(self.storage, job.owner, job.id)
        made = await self._left_off(job, plan, preparation, folder)
        record = _record(job, "running", made)
        narrator = await self._narrator(work, order, plan, preparation, made, folder, record)
        while not made.complete:
            segment = await narrator.segment(self.segment_seconds)
            if segment is None:
                made = made.completed()
            else:
                made = made.and_then(segment, job.attempt, {name: getattr(record, name) for name in _SPENT})
                await folder.put(made.names[-1], segment)
                seconds = made.segments[-1][1] / made.rate_hz
                self.speech.studio.metrics.count(figures.AUDIO, plan.engine, plan.audio_format.name, by=seconds)
            await work.checkpoint(made.as_data())
            await self._pay(job, made)
        if not made.heard:
            raise Invalid("There is nothing in the text that can be said.", code="nothing_to_say")
        return made.as_data()

    async def store(self, job: Job, output: Data) -> Data:
        made = Made.of(output)
        async with self.database.read() as tx:
            order = await _order_of(tx, job)
        plan = self._plan(job, order)
        facts = {
            "title": order.title,
            "audio_seconds": round(made.seconds, 6),
            "format": plan.audio_format.name,
            "sample_rate": plan.rate_hz,
            "voice": job.input["voice_id"],
            "characters": job.input["characters"],
        }
        folder = WorkFolder(self.storage, job.owner, job.id)
        key = owned_key(job.owner, job.id, str(job.attempt))
        binder = Binder(self.speech.studio, self.storage, self.folder)
        files = await binder.bind(made, folder, key, plan.audio_format, plan.rate_hz, facts)
        return {**files.as_data(), "made": made.as_data()}

    async def finish(self, tx: Tx, job: Job, result: Data) -> Data:
        files, made = LongFiles.of(result), Made.of(result["made"])
        order = await _order_of(tx, job)
        consumed = "0"
        if job.hold is not None:
            hold = await self.ledger.settle(tx, job.hold, made.microseconds)
            consumed = as_seconds(hold.captured - hold.refunded)
        ids = {name: await self._register(tx, job, order, kept) for name, kept in files.by_name.items()}
        await self._close(tx, job, _record(job, "completed", made, consumed, files.audio.stored.size_bytes), order)
        return {
            **ids,
            "audio_seconds": round(made.seconds, 6),
            "credits_consumed": consumed,
            "characters": job.input["characters"],
            "sentences": files.sentences,
            "format": job.input["format"],
            "sample_rate": job.input["sample_rate"],
        }

    async def release(self, tx: Tx, job: Job) -> None:
        """Cancelled: what was made until then is charged. Failed: nothing is."""
        cancelled = job.cancel_requested or job.state is JobState.QUEUED
        made = Made.of(job.checkpoint) if job.checkpoint else None
        consumed = "0"
        if job.hold is not None and cancelled and made is not None:
            hold = await self.ledger.settle(tx, job.hold, made.microseconds)
            consumed = as_seconds(hold.captured - hold.refunded)
        elif job.hold is not None:
            await self.ledger.release(tx, job.hold)
        outcome: Outcome = "cancelled" if cancelled else "failed"
        await self._close(tx, job, _record(job, outcome, made, consumed), await find_order(tx, job.id))

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

    def _plan(self, job: Job, order: SpeechOrder) -> Plan:
        """As it was made when the job was. Raises Unavailable where the engine does not run here."""
        engine = job.input["engine"]
        if not any(one.entry.name == engine and one.capabilities for one in self.speech.planner.engines()):
            raise Unavailable("The engine of this job does not run here.", code="engine_unavailable")
        wishes = ("voice", "language", "format", "sample_rate", "speed", "normalize", "emotion")
        manner = Manner(**{name: job.input[name] for name in wishes}, lexicon=dict(order.lexicon))
        return self.speech.planner.plan(manner)

    async def _left_off(self, job: Job, plan: Plan, preparation: Preparation, folder: WorkFolder) -> Made:
        """The checkpoint, if an attempt can go on from it; else nothing is made."""
        overlap_frames = round(self.speech.studio.overlap_seconds * plan.capabilities.rate_hz)
        recipe = f"{sentences.VERSION} {preparation.max_characters} {plan.capabilities.model_version}"
        fresh = Made(recipe, plan.capabilities.rate_hz, overlap_frames)
        if job.checkpoint is None:
            return fresh
        made = Made.of(job.checkpoint)
        same = (made.recipe, made.rate_hz, made.overlap_frames) == (recipe, fresh.rate_hz, overlap_frames)
        if same and await folder.holds(made):
            return made
        get_logger().warning("tts.job_begun_anew", job_id=job.id, segments=len(made.segments), same=same)
        return fresh

    async def _narrator(
        self,
        work: Work,
        order: SpeechOrder,
        plan: Plan,
        preparation: Preparation,
        made: Made,
        folder: WorkFolder,
        record: SpeechRecord,
    ) -> Narrator:
        studio, characters = self.speech.studio, len(order.text)
        run = partial(studio.compute.run, AFTER_LISTENERS)
        passages = await run(partial(passages_of, order.text, plan))
        count = await run(lambda: sum(1 for _ in preparation.sentences(passages)))
        rest = preparation.sentences(passages)
        await run(lambda: next(islice(rest, made.read, made.read), None))

        def told(sentence: int, end: int) -> None:
            work.report(end / characters, f"sentence {sentence} of {count}")

        return Narrator(
            studio,
            plan,
            preparation,
            Tally(record, studio.metrics, preparation, monotonic()),
            rest,
            read=made.read,
            memory=await folder.memory(made.names[-1]) if made.segments else {},
            made_seconds=made.seconds,
            on_sentence=told,
        )

    async def _pay(self, job: Job, made: Made) -> None:
        """Charge what is made so far. Raises PaymentRequired when there is not enough credit left."""
        if job.hold is None:
            return
        async with self.database.write() as tx:
            hold = await self.ledger.tick(tx, job.hold, made.microseconds)
        if hold.state != "open":
            raise Unavailable("The hold of this job was closed.", code="hold_closed", retryable=False)
        if hold.reach is not None and hold.reach < made.microseconds:
            raise PaymentRequired("The credit was used up before the text was.", code="insufficient_credits")


async def _order_of(tx: Tx, job: Job) -> SpeechOrder:
    order = await find_order(tx, job.id)
    if order is None:
        raise NotFound("The text of this job is gone.", code="text_gone")
    return order


def _record(job: Job, outcome: Outcome, made: Made | None, consumed: str = "0", audio_bytes: int = 0) -> SpeechRecord:
    said: Data = job.input
    spent: dict[str, Any] = dict(made.spent) if made else {}
    return SpeechRecord(
        request_id=job.id,
        owner_id=job.owner,
        engine=said["engine"],
        model_version=said["model_version"],
        voice=said["voice_id"],
        voice_name=said["voice_name"],
        format=said["format"],
        sample_rate=said["sample_rate"],
        stream=False,
        characters=said["characters"],
        created_at=job.created,
        outcome=outcome,
        t_total_ms=round((utc_now() - job.created).total_seconds() * 1000, 3),
        audio_seconds=round(made.seconds, 6) if made else 0.0,
        audio_bytes=audio_bytes,
        credits_consumed=consumed,
        **{**spent, "languages": list(spent.get("languages", []))},
    )


def _file_name(title: str) -> str:
    """A title as a file may be called: what is not allowed in a name becomes a line."""
    return "".join(one if one.isprintable() and one not in "/\\" else "_" for one in title).strip(" .") or "speech"
