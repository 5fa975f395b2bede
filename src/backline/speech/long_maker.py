"""The work of a long speech: its text becomes segments, and what another attempt needs is written down after each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from backline.clock import monotonic
from backline.db.database import Database
from backline.errors import Invalid, Unavailable
from backline.jobs.job import Data, Job
from backline.jobs.kinds import Work
from backline.observability.logging import get_logger
from backline.speech import figures
from backline.speech.long_charges import LongCharges
from backline.speech.long_record import SPENT, record_of
from backline.speech.long_work import Made, WorkFolder
from backline.speech.narrator import Narrator
from backline.speech.order_repository import SpeechOrder, order_of
from backline.speech.plan import Plan
from backline.speech.schemas import Manner
from backline.speech.service import SpeechService
from backline.speech.tally import Tally
from backline.speech.text import sentences
from backline.speech.text.prepare import Preparation
from backline.storage.base import Storage

_SEGMENT_SECONDS = 60.0
"""Of sound at least: what a kill can cost. A segment ends with a sentence."""

_WISHES = ("voice", "language", "format", "sample_rate", "speed", "normalize", "emotion")


@dataclass(frozen=True, slots=True)
class LongMaker:
    database: Database
    storage: Storage
    speech: SpeechService
    charges: LongCharges
    segment_seconds: float = _SEGMENT_SECONDS

    async def make(self, work: Work) -> Data:
        """The handler of the job. Returns the last checkpoint."""
        job = work.job
        async with self.database.read() as tx:
            order = await order_of(tx, job.id)
        plan = self._plan(job, order)
        preparation = self.speech.preparation(plan, chunking=job.input["chunking"])
        folder = WorkFolder(self.storage, job.owner, job.id)
        made = await self._left_off(job, plan, preparation, folder)
        record = record_of(job, "running", made)
        tally = Tally(record, self.speech.studio.metrics, preparation, monotonic())
        narrator = Narrator(self.speech.studio, plan, preparation, tally, partial(_report, work))
        await narrator.open(order.text, made, await folder.memory(made.names[-1]) if made.segments else {})
        while not made.complete:
            segment = await narrator.segment(self.segment_seconds)
            if segment is None:
                made = made.completed()
            else:
                made = made.and_then(segment, job.attempt, {name: getattr(record, name) for name in SPENT})
                await folder.put(made.names[-1], segment)
                self._count(plan, made)
                work.note("part", number=len(made.segments), audio_seconds=round(made.seconds, 3))
            await work.checkpoint(made.as_data())
            await self.charges.charge(job, made)
        if not made.heard:
            raise Invalid("There is nothing in the text that can be said.", code="nothing_to_say")
        work.report(1.0, "writing the files")
        return made.as_data()

    def _count(self, plan: Plan, made: Made) -> None:
        seconds = made.segments[-1][1] / made.rate_hz
        self.speech.studio.metrics.count(figures.AUDIO, plan.engine, plan.audio_format.name, by=seconds)

    def _plan(self, job: Job, order: SpeechOrder) -> Plan:
        """As it was made when the job was. Raises Unavailable where the engine does not run here."""
        engine = job.input["engine"]
        if not any(one.entry.name == engine and one.capabilities for one in self.speech.planner.engines()):
            raise Unavailable("The engine of this job does not run here.", code="engine_unavailable")
        manner = Manner(**{name: job.input[name] for name in _WISHES}, lexicon=dict(order.lexicon))
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


def _report(work: Work, sentence: int, count: int, characters: int) -> None:
    work.report(characters / work.job.input["characters"], f"sentence {sentence} of {count}")
