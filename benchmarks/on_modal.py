"""What it takes to work on Modal instead of here, with our stand-in for Modal on the same machine: how soon a render is
seen to run, how soon speech is heard, and what it costs a gateway to look after 500 jobs that run there.

The references in the same run are the same gateway without Modal. The network between is not in these figures, and
the containers, the stand-in and the gateway share the cores.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import uvloop
from tests.databases import fresh_sqlite
from tests.deploy.cloud import PEPPER, PUBLIC_URL, Cloud, open_cloud
from tests.exports.client import ExportsClient
from tests.films import Film
from tests.storage.stores import CREDENTIALS

from backline.compute.on_modal import names
from backline.db.database import Database
from backline.jobs.hints import Hints
from backline.jobs.kinds import JobKind, JobKinds, Remotely
from backline.jobs.loop import JobLoop, LoopOptions
from backline.jobs.queue import Jobs, Order
from backline.observability.logging import configure_logging
from backline.settings import ModalSettings
from benchmarks.tools.keys import new_customer
from benchmarks.tools.load import measure, request_bytes
from benchmarks.tools.servers import ROOT, machine, server

COLD, WARM = 3, 10
FILM = Film(width=192, height=108, frames=30)
JOBS, SETTLE_SECONDS, SECONDS = 500, 40.0, 30.0
TOLD_SECONDS = (3600.0, 10.0)
FIRSTS, ROUNDS = 40, 5
SPOKEN = {"text": "The train from Hyderabad arrives in twenty minutes.", "format": "pcm", "stream": True}


def main() -> None:
    configure_logging("WARNING")
    print(f"{machine()}; on the stand-in for Modal")
    with _standin(), TemporaryDirectory() as folder:
        for told_seconds in TOLD_SECONDS:
            share = uvloop.run(_looking_after(fresh_sqlite(Path(folder)), told_seconds))
            bar = "   (bar 5 %)" if told_seconds == TOLD_SECONDS[0] else ""
            print(f"{JOBS} running jobs that tell something new every {told_seconds:g} s: {share:.1%} of a core{bar}")
    with TemporaryDirectory() as folder, open_cloud(Path(folder)) as cloud:
        _renders(cloud)
        _speech(cloud)


@contextmanager
def _standin() -> Iterator[None]:
    """In a process of its own, with the app that waits; this process speaks to it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.modal_standin"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(5)]
    variables = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
    os.environ.update(variables)
    app = ROOT / "benchmarks" / "tools" / "waiting_app.py"
    try:
        subprocess.run([sys.executable, "-m", "modal", "deploy", app], cwd=ROOT, check=True, capture_output=True)
        yield
    finally:
        process.terminate()
        process.wait(30)
        for name in variables:
            os.environ.pop(name)


async def _looking_after(url: str, told_seconds: float) -> float:
    """Share of one core, with the writing down of what they tell."""
    from backline.compute.on_modal.calls import ModalCalls
    from backline.compute.on_modal.connection import ModalApp

    database = Database.open(url)
    async with ModalApp(ModalSettings(app="waiting")) as app, ModalCalls(app) as calls:
        kind = JobKind("waiting", Remotely("modal", calls, "wait"), queue="remote")
        jobs = Jobs(database, JobKinds((kind,)), Hints())
        for first in range(0, JOBS, 50):
            async with database.write() as tx:
                for _ in range(first, first + 50):
                    await jobs.create(tx, Order("waiting", "berta", {"told_seconds": told_seconds}))
        options = LoopOptions(local=16, owner_limit=10_000, queue_limit=10_000)
        async with JobLoop(jobs, options).running():
            await asyncio.sleep(SETTLE_SECONDS)  # until all are started, and the pauses between polls have grown
            before, began = _cpu_seconds(), time.perf_counter()
            await asyncio.sleep(SECONDS)
            share = (_cpu_seconds() - before) / (time.perf_counter() - began)
        board = app.dict_(names.board("waiting"))
        running = await board.len.aio()
        assert running == JOBS, f"{running} run"
        await board.clear.aio()
    await database.close()
    return share


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _gateway_on(
    cloud: Cloud, engines: Sequence[str] = (), plane_url: str | None = None
) -> AbstractContextManager[tuple[int, int]]:
    """A gateway with the deployed app's database and bucket, that works with it. engines: those that speak there."""
    os.environ.update(cloud.standin.environment)
    settings = {
        "server": {"public_url": PUBLIC_URL},
        "speech": {"plane_url": plane_url},
        "database": {"url": cloud.database_url},
        "accounts": {"key_pepper": PEPPER},
        "limits": {"key_requests_per_minute": 10**9, "address_requests_per_minute": 10**9},
        "credits": {"welcome_seconds": 10**6},
        "storage": {
            "bucket": cloud.bucket,
            "endpoint": cloud.endpoint,
            "access_key_id": CREDENTIALS.access_key_id,
            "secret_access_key": CREDENTIALS.secret_access_key,
        },
        "jobs": {"lease_seconds": 5},
        "modal": {"enabled": True, "speech": {"engines": engines}, "jam": {"enabled": False}},
    }
    return server("-m", "benchmarks.tools.serve_gateway", json.dumps(settings))


def _renders(cloud: Cloud) -> None:
    with _gateway_on(cloud) as (port, _), TemporaryDirectory() as folder:
        client = ExportsClient(f"http://127.0.0.1:{port}")
        key = client.upload(FILM.write(Path(folder) / "film.mp4"))
        order = {"input_key": key, "clips": [{"start_time": 0, "end_time": 1, "name": "one"}], "encoder": "x264"}
        cold = []
        for _ in range(COLD):
            for container in cloud.standin.containers("render"):
                cloud.standin.drain(container)
                cloud.standin.wait_until(lambda one=container: not one.alive)  # type: ignore[misc]
            cold.append(_seen_to_run(client, client.order(order, "annotate")))
        warm = [_seen_to_run(client, client.order(order, "annotate")) for _ in range(WARM)]
        client.http.close()
    for name, times, bar in (("cold", cold, "1 500"), ("warm", warm, "60")):
        spawned, ordered = zip(*times, strict=True)
        print(
            f"{name}: from spawn to running, as a user sees it, p50 {median(spawned):5.0f} ms, most {max(spawned):5.0f}"
            f"   (bar {bar}); from the order p50 {median(ordered):5.0f}"
        )


def _seen_to_run(client: ExportsClient, job_id: str) -> tuple[float, float]:
    """Milliseconds to the first progress that the user's stream of events shows: from the event that says that it is
    being spawned, and from the order's answer. Returns when the job has ended."""
    began = time.perf_counter()
    seen: dict[str, float] = {}
    with client.http.stream("GET", f"/api/jobs/{job_id}/events") as events:
        for line in events.iter_lines():
            name, _, kind = line.partition(": ")
            if name == "event":
                seen.setdefault(kind, time.perf_counter())
    assert "succeeded" in seen, list(seen)
    return 1000 * (seen["progress"] - seen["spawning"]), 1000 * (seen["progress"] - began)


def _speech(cloud: Cloud) -> None:
    """The same sentence by the same engine: in the gateway's own processes, on Modal, and on Modal in one plane."""
    with ExitStack() as stack:
        here, _ = stack.enter_context(_gateway_on(cloud))
        two, _ = stack.enter_context(_gateway_on(cloud, engines=["tone", "espeak"]))
        cloud.deploy(BACKLINE_MODAL__PLANES="one")
        plane = cloud.standin.functions("backline")["Speech.*"].urls["web"]
        one, _ = stack.enter_context(_gateway_on(cloud, plane_url=plane))
        key = asyncio.run(new_customer(cloud.settings(credits={"welcome_seconds": 10**6})))
        request = request_bytes("/v1/tts/generate", SPOKEN, {"X-API-Key": key})
        first: dict[str, list[float]] = {}
        for number in range(ROUNDS + 1):
            for name, port in (("here", here), ("on Modal, two planes", two), ("on Modal, one plane", one)):
                figures = asyncio.run(measure(port, request, clients=1, requests=FIRSTS))
                assert not figures.errors, f"{name}: {figures.errors} errors"
                if number:
                    first.setdefault(name, []).append(figures.first_ms(0.5))
                elif port == two:
                    print(f"first audio {name}, when no container is there: {1000 * figures.first_s[0]:.0f} ms")
    for name, times in first.items():
        print(f"first audio {name}: p50 {median(times):.1f} ms ({min(times):.1f} to {max(times):.1f} between rounds)")


if __name__ == "__main__":
    main()
