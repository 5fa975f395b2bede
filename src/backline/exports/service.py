"""Exports as their users have them: ordered, followed, ended, and seen to be over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from backline.accounts.principal import Principal
from backline.assets.repository import Asset
from backline.assets.service import Assets
from backline.db.database import Database
from backline.engines.video.base import RenderPlan, Source
from backline.engines.video.check import check, timeline_of
from backline.errors import Conflict, NotFound
from backline.exports import repository
from backline.exports.films import Films
from backline.exports.plan import input_keys, plan_of, read_config
from backline.exports.repository import Export
from backline.exports.schemas import Config, ExportRequest
from backline.exports.shared import Shared
from backline.jobs.job import Data, Job, JobState
from backline.jobs.queue import Jobs, Order
from backline.observability.logging import get_logger
from backline.settings import ExportsSettings

KIND = "export"

_MOST = 100
"""Exports in one answer."""

_UNACKNOWLEDGED_HOURS = 24

_PLAN = TypeAdapter(RenderPlan)
_SOURCES = TypeAdapter(list[Source])

Found = tuple[Export, Job]


@dataclass(frozen=True, slots=True)
class Exports:
    database: Database
    jobs: Jobs
    assets: Assets
    films: Films
    settings: ExportsSettings
    told: Shared[tuple[dict[str, Any], int | None]] = field(default_factory=Shared)
    """To listeners."""

    async def create(
        self, caller: Principal, body: ExportRequest, key: str | None, asked: Data | None = None
    ) -> tuple[Found, bool]:
        """The export, queued, and whether it is new: it is the same one for the same key and body. asked: what is to be
        the same, where that is not the body. Raises Invalid, naming clip and keyframe, NotFound `input_not_found`,
        PaymentRequired, and Conflict `quota_exceeded` where there is no room."""
        config = read_config(body.type, body.config)
        order = Order(KIND, caller.id, {}, caller.billed, key, asked=asked or body.model_dump(mode="json"))
        async with self.database.read() as tx:
            known = await self.jobs.known(tx, order)
        if known is not None:
            return await self.get(caller, known.id), False
        await self.assets.check_room(caller.id)
        films = await self.films.of(caller.id, input_keys(config))
        given = await asyncio.to_thread(self._planned, config, films)
        order = replace(order, input={"type": body.type, **given})
        async with self.database.write() as tx:
            job = await self.jobs.create(tx, order)
            new = job.input == order.input  # else somebody else has used the key meanwhile
            if new:
                project = await repository.project_of(tx, caller.id, body.project_id, body.project_name, job.created)
                await repository.add_export(tx, Export(job.id, caller.id, project, body.type, job.created))
        self.jobs.announce(job)
        get_logger().info("exports.made", job_id=job.id, type=body.type, seconds=given["seconds"])
        return await self.get(caller, job.id), new

    async def get(self, caller: Principal, job_id: str) -> Found:
        """Raises NotFound, also for somebody else's."""
        job = (await self.jobs.of_ids(caller.id, [job_id])).get(job_id)
        found = await self._with_rows(caller, [] if job is None else [job])
        if not found:
            raise NotFound("There is no such export.", code="export_not_found")
        return found[0]

    async def active(self, caller: Principal) -> list[Found]:
        states = (JobState.QUEUED, JobState.RUNNING)
        jobs = await self.jobs.of_owner(caller.id, states=states, kinds=[KIND], limit=_MOST)
        return await self._with_rows(caller, jobs)

    async def recent(self, caller: Principal, hours: int) -> list[Found]:
        return await self._listed(caller, since=self.jobs.clock() - timedelta(hours=hours))

    async def of_project(self, caller: Principal, project: int) -> list[Found]:
        return await self._listed(caller, project=project)

    async def unacknowledged(self, caller: Principal) -> list[Found]:
        """Over in the last 24 hours, and the client has not said that its user saw it."""
        ended = self.jobs.clock() - timedelta(hours=_UNACKNOWLEDGED_HOURS)
        found = await self._listed(caller, unacknowledged=True)
        return [(export, job) for export, job in found if job.finished is not None and job.finished >= ended]

    async def acknowledge(self, caller: Principal, job_ids: Sequence[str] | None) -> int:
        """How many were over, and not acknowledged before. None: all."""
        async with self.database.read() as tx:
            rows = await repository.list_exports(tx, caller.id, job_ids=job_ids, unacknowledged=True, limit=1000)
        jobs = await self.jobs.of_ids(caller.id, [row.job_id for row in rows])
        over = [job.id for job in jobs.values() if job.terminal]
        async with self.database.write() as tx:
            return await repository.acknowledge(tx, caller.id, over, self.jobs.clock())

    async def cancel(self, caller: Principal, job_id: str) -> Found:
        """As it then is. Raises Conflict `export_over` when it ended before, other than by a cancel."""
        export, _ = await self.get(caller, job_id)
        job = await self.jobs.cancel(caller.id, job_id)
        if job.terminal and job.state is not JobState.CANCELLED:
            raise Conflict("This export is over; there is nothing to cancel.", code="export_over")
        return export, job

    async def output(self, caller: Principal, job_id: str) -> Asset:
        """Raises Conflict `export_unfinished`, NotFound when there is none, or none any more."""
        export, job = await self.get(caller, job_id)
        if not job.terminal:
            raise Conflict("This export is not finished yet.", code="export_unfinished", retryable=True)
        if export.file_id is None:
            raise NotFound("This export has no film.", code="file_not_found")
        return await self.assets.get(caller.id, export.file_id)

    def _planned(self, config: Config, films: Any) -> dict[str, Any]:
        """The job's input: plan, sources, and how many seconds come of them. Links are keys: addresses do not last."""
        plan = plan_of(config, films, self.settings.max_seconds, self.settings.segment_seconds)
        sources = [films[key].source for key in input_keys(config)]
        plan = check(plan, sources)
        timeline = timeline_of(plan)
        return {
            "plan": _PLAN.dump_python(plan, mode="json"),
            "sources": _SOURCES.dump_python(sources, mode="json"),
            "seconds": float(timeline.frames / timeline.rate),
        }

    async def _listed(self, caller: Principal, **which: Any) -> list[Found]:
        async with self.database.read() as tx:
            rows = await repository.list_exports(tx, caller.id, limit=_MOST, **which)
        jobs = await self.jobs.of_ids(caller.id, [row.job_id for row in rows])
        return await self._with_rows(caller, jobs.values())

    async def _with_rows(self, caller: Principal, jobs: Iterable[Job]) -> list[Found]:
        """Read after the jobs: what has been seen to succeed has its film."""
        by_id = {job.id: job for job in jobs}
        async with self.database.read() as tx:
            rows = await repository.list_exports(tx, caller.id, job_ids=list(by_id), limit=_MOST)
        return [(row, by_id[row.job_id]) for row in rows]
