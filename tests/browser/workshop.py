"""A server whose jobs take the steps that a test lets them take, and leave a file."""

from __future__ import annotations

import asyncio
import threading
from typing import Annotated, Any

import httpx
from fastapi import Body
from starlette.responses import Response

from backline.assets.service import Assets
from backline.db.database import Tx
from backline.errors import Invalid
from backline.jobs.job import Data, Job
from backline.jobs.kinds import InProcess, JobKind, Work
from backline.jobs.queue import Jobs, Order
from backline.jobs.router import described
from backline.storage.base import Storage, Stored
from tests.conftest import Running, RunServer

KIND = "song_export"
SONG = bytes(range(256)) * 300


class Workshop:
    """steps: those that the jobs may take from now on. stopping: whether a cancelled one may end."""

    def __init__(self) -> None:
        self.steps = threading.Semaphore(0)
        self.stopping = threading.Event()
        self.stopping.set()
        self._stored: dict[str, Stored] = {}

    def open(self, run_server: RunServer, **settings: Any) -> Running:
        kind = JobKind(KIND, InProcess(self._work), store=self._store, finish=self._finish)
        self.server = run_server(job_kinds=(kind,), jobs={"workers": 8, "lease_seconds": 2}, **settings)
        self._parts = self.server.app.state.provided
        self.server.app.add_api_route("/make/{owner}", self._make, methods=["POST"])
        return self.server

    def order(self, owner: str = "local", steps: int = 1, **data: Any) -> str:
        answer = httpx.post(f"{self.server.address}/make/{owner}", json={"steps": steps, **data})
        return str(answer.json()["id"])

    def step(self, count: int = 1) -> None:
        for _ in range(count):
            self.steps.release()

    def state_of(self, job_id: str) -> str:
        return str(httpx.get(f"{self.server.address}/api/jobs/{job_id}").json()["state"])

    async def _make(self, owner: str, data: Annotated[Any, Body()]) -> Response:
        jobs: Jobs = self._parts.get(Jobs)
        return described(await jobs.submit(Order(KIND, owner, data, billed=False)), jobs, 202)

    async def _work(self, work: Work) -> Data:
        steps = int(work.job.input["steps"])
        done = (work.job.checkpoint or {}).get("done", 0)
        try:
            while done < steps:
                while not self.steps.acquire(blocking=False):
                    await asyncio.sleep(0.01)
                done += 1
                work.report(done / steps, f"bar {done} of {steps}")
                await work.checkpoint({"done": done})
        finally:
            while not self.stopping.is_set():
                await asyncio.sleep(0.01)
        if reason := work.job.input.get("fails"):
            raise Invalid(str(reason), code="bad_song")
        return {}

    async def _store(self, job: Job, output: Data) -> Data:
        storage: Storage = self._parts.get(Storage)
        self._stored[job.id] = await storage.put(_key(job), SONG, content_type="audio/mpeg")
        return {}

    async def _finish(self, tx: Tx, job: Job, result: Data) -> Data:
        asset = await self._parts.get(Assets).register(
            tx,
            owner_id=job.owner,
            key=_key(job),
            stored=self._stored[job.id],
            name="song.mp3",
            content_type="audio/mpeg",
            source=job.id,
        )
        return {"audio_file_id": asset.id}


def _key(job: Job) -> str:
    return f"u/{job.owner}/{job.id}/{job.attempt}"
