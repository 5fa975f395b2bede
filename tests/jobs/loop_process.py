"""A loop in a process of its own, which can be made to stand still at a stage, to be killed there:
`python -m tests.jobs.loop_process '{"url": ..., "stage": ..., "port": ...}'` prints the stage when it is there."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from backline.db.database import Database, Tx
from backline.jobs.advance import Observation, Spawned, Succeeded, Transition
from backline.jobs.commands import run_loop
from backline.jobs.hints import Hints
from backline.jobs.job import Data, Job
from backline.jobs.kinds import InChild, InProcess, JobKind, JobKinds, Remotely, Work
from backline.jobs.loop import JobLoop
from backline.jobs.queue import Jobs, Observed
from backline.observability.logging import configure_logging
from tests.jobs import world
from tests.jobs.remote_server import RemoteOverSocket
from tests.jobs.world import QUICK

STAGES_HERE = ("claimed", "running", "storing", "finish", "finished")
STAGES_REMOTE = ("spawning", "spawned", "waiting")


class Still:
    """Stands still at one stage, once."""

    def __init__(self, stage: str | None) -> None:
        self._stage = stage

    async def at(self, stage: str) -> None:
        if stage == self._stage:
            sys.stdout.write(f"{stage}\n")
            sys.stdout.flush()
            await asyncio.sleep(3600)


class StillJobs(Jobs):
    still: Still

    async def observe(self, job_id: str, observation: Observation) -> Observed:
        if isinstance(observation, Spawned):
            await self.still.at("spawned")
        observed = await super().observe(job_id, observation)
        if observed.transition and observed.transition.event == "spawning":
            await self.still.at("spawning")
        if observed.transition and observed.transition.event == "spawned":
            await self.still.at("waiting")
        if isinstance(observation, Succeeded):
            await self.still.at("finished")
        return observed

    async def _with_hook(self, tx: Tx, job: Job, transition: Transition) -> Transition:
        transition = await super()._with_hook(tx, job, transition)
        if transition.event == "lease_died":
            await self.still.at("sweep")
        return transition


class StillLoop(JobLoop):
    still: Still

    async def _claim(self) -> bool:
        claimed = await super()._claim()
        if claimed:
            await self.still.at("claimed")
        return claimed

    def _start(self, job: Job) -> None:
        if self.still._stage != "claimed":
            super()._start(job)


def kinds_of(still: Still, port: int | None) -> JobKinds:
    async def handler(work: Work) -> Data:
        await work.checkpoint({"seen": work.job.attempt})
        await still.at("running")
        return {"attempt": work.job.attempt}

    async def store(_job: Job, output: Data) -> Data:
        await still.at("storing")
        return output

    async def finish(tx: Tx, job: Job, result: Data) -> Data:
        result = await world.finish(tx, job, result)
        await still.at("finish")
        return result

    def kind(name: str, work: Any, **more: Any) -> JobKind:
        return JobKind(name, work, hold=world.hold, finish=finish, release=world.release, retry_seconds=0.05, **more)

    kinds = [kind("here", InProcess(handler), store=store), kind("child", InChild("tests.jobs.staged:run"))]
    if port is not None:
        twin = Remotely("twin", RemoteOverSocket(port), "make", first_poll_seconds=0.02, last_poll_seconds=0.1)
        kinds.append(kind("remote", twin))
    return JobKinds(kinds)


def main() -> None:
    configure_logging("INFO")
    given = json.loads(sys.argv[1])
    still = Still(given.get("stage"))

    async def run() -> None:
        database = Database.open(given["url"])
        jobs = StillJobs(database, kinds_of(still, given.get("port")), Hints())
        loop = StillLoop(jobs, QUICK)
        jobs.still = loop.still = still
        await run_loop(loop.running)  # type: ignore[arg-type]
        await database.close()

    asyncio.run(run())


if __name__ == "__main__":
    main()
