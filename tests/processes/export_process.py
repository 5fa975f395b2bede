"""A gateway, or `backline jobs`, whose exports can be made to stand still at a stage (`export_stages`), in a process of
its own: `python -m tests.processes.export_process '{"settings": ..., "serve": true}'`; a gateway prints its address."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from backline.accounts.principal import Principal
from backline.db.database import Tx
from backline.exports import films, work
from backline.exports.kind import ExportKind
from backline.exports.schemas import ExportRequest
from backline.exports.service import Exports, Found
from backline.exports.work import RenderWork
from backline.gateway.app import create_app
from backline.gateway.server import Server
from backline.gateway.services import open_job_loop
from backline.jobs import attempt
from backline.jobs.advance import Observation, Succeeded, Transition
from backline.jobs.attempt import InProcessWork
from backline.jobs.commands import run_loop
from backline.jobs.job import Data, Job
from backline.jobs.queue import Jobs, Observed
from backline.observability.logging import configure_logging
from backline.settings import Settings
from backline.storage import local_disk
from tests.processes.export_stages import first_here, name_of, still

_RENDERED: ContextVar[str] = ContextVar("rendered", default="|")
"""Name of the export that this task renders."""


def stand_still_on_the_way() -> None:
    """At each stage, from the client's order to the end."""
    create, hold, finish = Exports.create, ExportKind.hold, ExportKind.finish
    render, store, checkpoint, read = RenderWork.render, RenderWork._store, InProcessWork.checkpoint, work._read
    observe, with_hook = Jobs.observe, Jobs._with_hook

    async def created(self: Exports, caller: Principal, body: ExportRequest, key: str | None) -> tuple[Found, bool]:
        found = await create(self, caller, body, key)
        await still(body.config["clips"][0]["name"], "ordered")
        return found

    async def held(self: ExportKind, tx: Tx, job: Job) -> str | None:
        hold_id = await hold(self, tx, job)
        await still(name_of(job.input["plan"]), "ordering")
        return hold_id

    async def rendered(self: RenderWork, work: Any) -> Data:
        _RENDERED.set(name_of(work.job.input["plan"]))
        await still(_RENDERED.get(), "claimed")
        return await render(self, work)

    async def kept(self: InProcessWork, data: Data) -> None:
        await checkpoint(self, data)
        await still(name_of(self.job.input["plan"]), "kept")

    async def being_read(path: Path) -> AsyncGenerator[bytes, None]:
        async for data in read(path):
            yield data[: len(data) // 2]
            if path.name == "film.mp4":
                await still(_RENDERED.get(), "storing")
            yield data[len(data) // 2 :]

    async def stored(self: RenderWork, key: str, path: Path) -> Any:
        told = await store(self, key, path)
        await still(_RENDERED.get(), "stored")
        return told

    async def finished(self: ExportKind, tx: Tx, job: Job, result: Data) -> Data:
        told = await finish(self, tx, job, result)
        await still(name_of(job.input["plan"]), "finish")
        return told

    async def observed(self: Jobs, job_id: str, observation: Observation) -> Observed:
        seen = await observe(self, job_id, observation)
        if isinstance(observation, Succeeded) and seen.job is not None:
            await still(name_of(seen.job.input["plan"]), "finished")
        return seen

    async def hooked(self: Jobs, tx: Tx, job: Job, transition: Transition) -> Transition:
        transition = await with_hook(self, tx, job, transition)
        swept = transition.event == "lease_died" and "sweep" in name_of(job.input["plan"])
        if swept and first_here("sweep"):
            await asyncio.sleep(3600)
        return transition

    for place, name, method in (
        (Exports, "create", created),
        (ExportKind, "hold", held),
        (ExportKind, "finish", finished),
        (RenderWork, "render", rendered),
        (RenderWork, "_store", stored),
        (InProcessWork, "checkpoint", kept),
        (Jobs, "observe", observed),
        (Jobs, "_with_hook", hooked),
        (work, "_read", being_read),
        (work, "_RENDER", "tests.processes.export_stages:render"),
        (films, "_PROBE", "tests.processes.export_stages:probe"),
        (attempt, "delay_seconds", lambda *_: 0.01),
        (local_disk, "BLOCK_BYTES", 4096),  # so that a small film, too, can be half there
    ):
        setattr(place, name, method)


def announce(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


def main() -> None:
    given = json.loads(sys.argv[1])
    settings = Settings(_env_file=None, **given["settings"])
    configure_logging("INFO")
    stand_still_on_the_way()
    if given["serve"]:
        Server(create_app(settings, ()), settings.server, announce).run()
    else:
        asyncio.run(run_loop(lambda: open_job_loop(settings, ())))


if __name__ == "__main__":
    main()
