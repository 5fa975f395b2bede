"""Rendering as a job: links in, a child process at work, segments kept as they come, the film stored at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from backline.compute.in_child import ChildLimits, run_in_child
from backline.engines.video.progress import RENDERED, RENDERING, STORING
from backline.errors import BacklineError, Unavailable
from backline.exports.scratch import Scratch
from backline.jobs.job import Data, Job
from backline.jobs.kinds import Work
from backline.jobs.leftovers import results_prefix, work_prefix
from backline.observability.logging import get_logger
from backline.storage.base import Storage, Stored

FOLDER = "exports"
"""Of the outputs, in their owner's."""

_RENDER = "backline.engines.video.render:render"

LINK_SECONDS = 3 * 86_400
"""Longer than any render takes."""

_CHUNK_BYTES = 1 << 20
_STORE_AGAIN_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)

T = TypeVar("T")


class RenderWork:
    """stall_seconds: how long a render may tell nothing."""

    def __init__(self, storage: Storage, scratch: Scratch, stall_seconds: float) -> None:
        self._storage = storage
        self._scratch = scratch
        self._limits = ChildLimits(stall_seconds=stall_seconds, grace_seconds=1.0)

    async def render(self, work: Work) -> Data:
        """`key` and `stored` of the output, and `rendered`: what it is."""
        job = work.job
        async with self._scratch.folder(job.id, job.attempt) as folder:
            output = folder / "film.mp4"
            rendered = await self._in_child(work, folder, output)
            work.report(RENDERED, STORING, phase="finalizing", seconds_left=None)
            key = f"{results_prefix(job.owner, job.id, FOLDER)}/{job.attempt}.mp4"
            stored = await self._store(key, output)
            return {"key": key, "stored": _as_data(stored), "rendered": dict(rendered)}

    async def _in_child(self, work: Work, folder: Path, output: Path) -> Mapping[str, Any]:
        keeper = _SegmentKeeper(self._storage, work)
        keeping = asyncio.create_task(keeper.run())
        try:
            data = self._order(work.job, folder, output, keeper)
            rendered = await run_in_child(_RENDER, data, lambda told: _heard(told, work, keeper), self._limits)
            keeper.end()
            await keeping
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        return rendered

    def _order(self, job: Job, folder: Path, output: Path, keeper: _SegmentKeeper) -> dict[str, Any]:
        return {
            "plan": linked(job.input["plan"], self._link),
            "sources": job.input["sources"],
            "folder": str(folder),
            "output": str(output),
            "segments": [{**one, "link": self._link(one["key"])} for one in keeper.kept],
        }

    def _link(self, key: str) -> str:
        return self._storage.read_link(key, expires_seconds=LINK_SECONDS)

    async def _store(self, key: str, path: Path) -> Stored:
        return await again(lambda: self._storage.put(key, _read(path), content_type="video/mp4"))


async def again(step: Callable[[], Awaitable[T]]) -> T:
    """A store that is away for a minute must not cost the render of an hour."""
    for pause in _STORE_AGAIN_SECONDS:
        try:
            return await step()
        except Unavailable as error:
            if not error.retryable:
                raise
            get_logger().warning("exports.store_again", code=error.code)
        await asyncio.sleep(pause)
    return await step()


def linked(plan: Data, link: Callable[[str], str]) -> dict[str, Any]:
    """A plan whose films can be read. link: of a key."""
    return {**plan, "clips": [{**clip, "link": link(clip["link"])} for clip in plan["clips"]]}


class _SegmentKeeper:
    """Puts finished segments where another machine finds them, and then into the checkpoint. A segment that cannot be
    kept is only work that may have to be done again."""

    def __init__(self, storage: Storage, work: Work) -> None:
        self.kept: list[dict[str, Any]] = list((work.job.checkpoint or {}).get("segments", ()))
        self._storage = storage
        self._work = work
        self._made: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()

    def made(self, segment: Mapping[str, Any]) -> None:
        self._made.put_nowait(segment)  # bounded by the length of the film

    def end(self) -> None:
        self._made.put_nowait(None)

    async def run(self) -> None:
        job = self._work.job
        while (segment := await self._made.get()) is not None:
            key = f"{work_prefix(job.owner, job.id)}/{job.attempt}-{segment['index']}.mp4"
            try:
                await self._storage.put(key, _read(Path(segment["path"])), content_type="video/mp4")
                told = {name: segment[name] for name in ("index", "digest", "frames")}
                self.kept = [*(one for one in self.kept if one["index"] != segment["index"]), {**told, "key": key}]
                await self._work.checkpoint({"segments": self.kept})
            except (BacklineError, OSError) as error:
                code = getattr(error, "code", type(error).__name__)
                get_logger().warning("exports.segment_not_kept", job_id=job.id, code=code)


def _heard(told: Mapping[str, Any], work: Work, keeper: _SegmentKeeper) -> None:
    if (segment := told.get("segment")) is not None:
        keeper.made(segment)
        return
    rest = dict(told)
    work.report(RENDERED * float(rest.pop("progress")), RENDERING, **rest)


async def _read(path: Path) -> AsyncGenerator[bytes, None]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while data := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield data
    finally:
        await asyncio.to_thread(file.close)


def _as_data(stored: Stored) -> dict[str, Any]:
    return {"size_bytes": stored.size_bytes, "sha256": stored.sha256, "etag": stored.etag}
