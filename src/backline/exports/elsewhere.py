"""Rendering on somebody else's machines: the order holds signed links, and its film is looked for in the store."""

from __future__ import annotations

import asyncio
import json
from fractions import Fraction
from typing import Any

from pydantic import TypeAdapter

from backline.compute.remote import Remote
from backline.engines.video.base import RenderPlan
from backline.engines.video.check import timeline_of
from backline.engines.video.timeline import segments_of
from backline.errors import NotFound, Unavailable
from backline.exports.work import FOLDER, LINK_SECONDS, again, linked
from backline.jobs.job import Data, Job
from backline.jobs.kinds import Remotely
from backline.jobs.leftovers import results_prefix, work_prefix
from backline.storage.base import Storage

_PROVIDER = "elsewhere"
_OPERATION = "render"
_FILM, _RECEIPT = "video/mp4", "application/json"
_RECEIPT_BYTES = 100_000

_PLAN = TypeAdapter(RenderPlan)


class RenderElsewhere:
    """The hooks of a job that `engines/video/by_link` does."""

    def __init__(self, storage: Storage, remote: Remote) -> None:
        self._storage = storage
        self._remote = remote

    @property
    def work(self) -> Remotely:
        return Remotely(_PROVIDER, self._remote, _OPERATION, self.order, self.look)

    async def order(self, job: Job) -> Data:
        """What `by_link.render` is given; the links in it are good for days, and for nothing else."""
        return await asyncio.to_thread(self._order, job)  # a long film has hundreds of links, each of them signed

    def _order(self, job: Job) -> Data:
        film, segments = _film_key(job, job.attempt), _segment_keys(job)
        kept = [one["key"] for one in (job.checkpoint or {}).get("segments", ())]
        receipt = _receipt_key(job, job.attempt)
        return {
            "plan": linked(job.input["plan"], self._read_link),
            "sources": job.input["sources"],
            "film": {"key": film, "link": self._read_link(film), "put": self._put(film, _FILM)},
            "receipt": {"link": self._read_link(receipt), "put": self._put(receipt, _RECEIPT)},
            "segments": [{"key": key, "put": self._put(key, _FILM)} for key in segments],
            "links": {key: self._read_link(key) for key in (*kept, *segments)},
            "checkpoint": job.checkpoint,
        }

    async def look(self, job: Job) -> Data | None:
        """The receipt of the attempt that `job.remote` names."""
        assert job.remote is not None
        key = _receipt_key(job, job.remote["attempt"])
        try:
            found = json.loads(await again(lambda: self._small(key)))
        except (NotFound, ValueError):
            return None
        return found if isinstance(found, dict) else None

    async def store(self, job: Job, output: Data) -> Data:
        """The result, once its film is seen to be there. Raises Unavailable `film_missing`."""
        key, size = output["key"], output["stored"]["size_bytes"]
        ours = key.startswith(f"{results_prefix(job.owner, job.id, FOLDER)}/")
        try:
            found = await again(lambda: self._storage.head(key)) if ours else None
        except NotFound:
            found = None
        if found is None or found.size_bytes != size:
            raise Unavailable("The film was rendered, but is not where it should be.", code="film_missing")
        return {name: output[name] for name in ("key", "stored", "rendered")}

    async def _small(self, key: str) -> bytes:
        reading = await self._storage.get(key)
        if reading.size_bytes > _RECEIPT_BYTES:
            await reading.stream.aclose()
            raise NotFound("There is no receipt of this size.")
        return b"".join([block async for block in reading.stream])

    def _read_link(self, key: str) -> str:
        return self._storage.read_link(key, expires_seconds=LINK_SECONDS)

    def _put(self, key: str, content_type: str) -> dict[str, Any]:
        """Once: what was told of a key stays true."""
        signed = self._storage.sign_put(
            key, size_bytes=None, content_type=content_type, expires_seconds=LINK_SECONDS, if_absent=True
        )
        return {"url": signed.url, "headers": dict(signed.headers)}


def _film_key(job: Job, attempt: int) -> str:
    return f"{results_prefix(job.owner, job.id, FOLDER)}/{attempt}.mp4"


def _receipt_key(job: Job, attempt: int) -> str:
    """Removed with what else the job needed only while it ran."""
    return f"{work_prefix(job.owner, job.id)}/{attempt}.json"


def _segment_keys(job: Job) -> list[str]:
    """As a render here calls them: either goes on from what the other has kept."""
    plan = _PLAN.validate_python(job.input["plan"])
    assert plan.rate is not None
    segments = segments_of(timeline_of(plan).frames, Fraction(plan.rate), plan.segment_seconds)
    return [f"{work_prefix(job.owner, job.id)}/{job.attempt}-{segment.index}.mp4" for segment in segments]
