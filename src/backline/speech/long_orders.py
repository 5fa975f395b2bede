"""How a long text becomes a job: cast, planned and checked at once, so that nothing that changes later changes it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from backline.accounts.principal import Principal
from backline.assets.service import Assets
from backline.compute.base import Compute
from backline.db.database import Database
from backline.errors import Invalid, NotFound
from backline.jobs.job import Job
from backline.jobs.queue import Jobs, Order
from backline.observability.logging import get_logger
from backline.speech.casting import Casting
from backline.speech.narrator import AFTER_LISTENERS
from backline.speech.order_repository import SpeechOrder, add_order
from backline.speech.plan import Plan, Planner
from backline.speech.records import NamedVoice
from backline.speech.replies import passages_of
from backline.speech.schemas import LongSpeechRequest
from backline.speech.text.prepare import can_be_said

KIND = "long_speech"


@dataclass(frozen=True, slots=True)
class LongOrders:
    database: Database
    jobs: Jobs
    assets: Assets
    casting: Casting
    planner: Planner
    compute: Compute

    async def place(self, body: LongSpeechRequest, caller: Principal, key: str | None) -> Job:
        """The job; the same one for the same key and body. Raises what a request for speech raises, PaymentRequired,
        and Conflict `quota_exceeded` where there is no room for any result."""
        run = partial(self.compute.run, AFTER_LISTENERS)
        order = Order(KIND, caller.id, {}, caller.billed, key, asked={"sha256": await run(partial(_digest, body))})
        async with self.database.read() as tx:
            if (known := await self.jobs.known(tx, order)) is not None:
                return known
        await self.assets.check_room(caller.id)
        wishes, voice = await self.casting.cast(body, caller)
        plan = self.planner.plan(wishes)
        if not await run(partial(_says_anything, body.text, plan)):
            raise Invalid("There is nothing in the text that can be said.", code="nothing_to_say")
        order = replace(order, input=_input(body, plan, voice or plan.voice))
        async with self.database.write() as tx:
            job = await self.jobs.create(tx, order)
            if job.seq == 1:  # else somebody else has used the key meanwhile, and it may be over already
                await add_order(tx, SpeechOrder(job.id, caller.id, body.title, body.text, dict(plan.lexicon)))
        self.jobs.announce(job)
        get_logger().info("tts.job_made", job_id=job.id, format=plan.audio_format.name, characters=len(body.text))
        return job

    async def get(self, caller: Principal, job_id: str) -> Job:
        """Raises NotFound, also for a job that is no long speech."""
        job = await self.jobs.get(caller.id, job_id)
        if job.kind != KIND:
            raise NotFound("There is no such job.", code="job_not_found")
        return job


def _input(body: LongSpeechRequest, plan: Plan, voice: NamedVoice) -> dict[str, Any]:
    """All but the words. voice_id, voice_name: as it was asked for."""
    return {
        "engine": plan.engine,
        "model_version": plan.capabilities.model_version,
        "voice": plan.voice.id,
        "voice_id": voice.id,
        "voice_name": voice.name,
        "language": plan.language,
        "format": plan.audio_format.name,
        "sample_rate": plan.rate_hz,
        "speed": plan.speed,
        "normalize": plan.normalize,
        "emotion": plan.emotion,
        "chunking": body.chunking,
        "characters": len(body.text),
    }


def _says_anything(text: str, plan: Plan) -> bool:
    """Raises Invalid for SSML that cannot be read."""
    return any(can_be_said(passage.spoken.text) for passage in passages_of(text, plan))


def _digest(body: LongSpeechRequest) -> str:
    return hashlib.sha256(json.dumps(body.model_dump(), sort_keys=True).encode()).hexdigest()
