"""A gateway, or `backline jobs`, with the paid kind, in a process of its own:
`python -m tests.processes.paid_process '{"settings": ..., "version": "1", "serve": true}'`; a gateway prints its
address."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request
from starlette.responses import Response

from backline.accounts.assembly import pepper_of
from backline.accounts.caller import Caller
from backline.assets.service import Assets
from backline.credits.ledger import Ledger
from backline.db.database import Database, Tx
from backline.gateway.app import create_app
from backline.gateway.files import storage_of
from backline.gateway.server import Server
from backline.gateway.services import open_job_loop
from backline.jobs.advance import Observation, Succeeded, Transition
from backline.jobs.commands import run_loop
from backline.jobs.job import Job
from backline.jobs.kinds import JobKind
from backline.jobs.loop import JobLoop
from backline.jobs.queue import Jobs, Observed, Order
from backline.jobs.router import IdempotencyKey, described
from backline.observability.logging import configure_logging
from backline.settings import Settings
from backline.storage.signing import UrlSigner
from tests.processes.paid_kind import Paid, first_here, still


def paid_of(settings: Settings) -> Paid:
    """With parts of its own: hooks are given the transaction, and need nothing else of the server's."""
    storage = storage_of(settings, UrlSigner([pepper_of(settings).key_for("file urls")]))
    database = Database.open(settings.database_address)
    return Paid(Ledger(), storage, Assets(database, storage, quota_bytes=10**9, max_file_bytes=10**9))


def app_of(settings: Settings, kind: JobKind) -> FastAPI:
    app = create_app(settings, (), job_kinds=(kind,))

    @app.post("/make")
    async def make(
        request: Request, caller: Caller, data: Annotated[dict[str, Any], Body()], key: IdempotencyKey = None
    ) -> Response:
        jobs: Jobs = request.app.state.provided.get(Jobs)
        job = await jobs.submit(Order("paid", caller.id, data, key=key))
        await still(job, "ordered")
        return described(job, jobs, 202)

    return app


def stand_still_on_the_way() -> None:
    """At the stages that no hook sees."""
    observe, with_hook, claim, start = Jobs.observe, Jobs._with_hook, JobLoop._claim, JobLoop._start
    held: list[Job] = []

    async def observed(self: Jobs, job_id: str, observation: Observation) -> Observed:
        seen = await observe(self, job_id, observation)
        if isinstance(observation, Succeeded) and seen.job is not None:
            await still(seen.job, "finished")
        return seen

    async def hooked(self: Jobs, tx: Tx, job: Job, transition: Transition) -> Transition:
        transition = await with_hook(self, tx, job, transition)
        if transition.event == "lease_died" and "sweep" in job.input and first_here({**job.input, "go": "sweep"}):
            await asyncio.sleep(3600)
        return transition

    async def claimed(self: JobLoop) -> bool:
        any_claimed = await claim(self)
        while held:
            job = held.pop()
            await still(job, "claimed")
            start(self, job)
        return any_claimed

    for kind, name, method in (
        (Jobs, "observe", observed),
        (Jobs, "_with_hook", hooked),
        (JobLoop, "_claim", claimed),
        (JobLoop, "_start", lambda _self, job: held.append(job)),
    ):
        setattr(kind, name, method)


def announce(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


def main() -> None:
    given = json.loads(sys.argv[1])
    settings = Settings(_env_file=None, **given["settings"])
    configure_logging("INFO")
    stand_still_on_the_way()
    kind = paid_of(settings).kind(given["version"])
    if given["serve"]:
        Server(app_of(settings, kind), settings.server, announce).run()
    else:
        asyncio.run(run_loop(lambda: open_job_loop(settings, (), (kind,))))


if __name__ == "__main__":
    main()
