"""A thousand requests of every kind: memory, files, threads and engine processes stay what they were."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from backline.media.encode.formats import FORMATS
from tests.processes.conftest import Process, StartServer, until
from tests.processes.test_going_away import talking

WARM_UP, REQUESTS, CLIENTS = 300, 1_000, 4
GROWTH_BYTES = 8_000_000
"""A leak of 8 kB a request is found; the allocator's own unrest is a few megabytes."""


def memory_bytes(process: Process) -> int:
    """Resident, of the server and its engines."""
    total = 0
    for pid in (process.popen.pid, *process.engines()):
        status = Path(f"/proc/{pid}/status").read_text()
        total += int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) * 1024
    return total


def open_files(process: Process) -> int:
    return len(os.listdir(f"/proc/{process.popen.pid}/fd"))


def threads(process: Process) -> int:
    return len(os.listdir(f"/proc/{process.popen.pid}/task"))


def requests() -> Iterator[tuple[str, str, dict[str, object]]]:
    """(kind, path, body): spoken whole, streamed, left in the middle, and refused, in every format."""
    for number, name in zip(itertools.count(), itertools.cycle(FORMATS), strict=False):
        words = "One two three. " * (1 + number % 3)
        body: dict[str, object] = {"text": words, "voice": "tone-low", "format": name, "stream": number % 2 == 0}
        if number % 10 == 3:
            yield "left", "/v1/tts/generate", body | {"text": "It goes on. " * 200, "stream": True}
        elif number % 10 == 5:
            yield "paced", "/v1/tts/generate", {"text": "a", "format": name}
        elif number % 10 == 7:
            yield "refused", "/v1/tts/generate", body | {"voice": "nobody"}
        elif number % 10 == 9:
            yield "spoken", "/v1/audio/speech", {"model": "tone", "voice": "alloy", "input": words}
        else:
            yield "spoken", "/v1/tts/generate", body


def make(process: Process, count: int) -> None:
    def ask(job: tuple[str, str, dict[str, object]]) -> None:
        kind, path, body = job
        with client.stream("POST", path, json=body) as answer:
            assert answer.status_code == (422 if kind == "refused" else 200)
            chunks = answer.iter_raw()
            assert next(chunks)
            if kind != "left":
                for _ in chunks:
                    pass

    with process.client() as client, ThreadPoolExecutor(CLIENTS) as pool:
        for _ in pool.map(ask, itertools.islice(requests(), count)):
            pass


def is_quiet(process: Process) -> bool:
    with process.client() as client, suppress(httpx.HTTPError):
        return bool(client.get("/v1/tts/health").json()["streams_in_flight"] == 0)
    return False


@pytest.mark.slow
async def test_a_thousand_requests_leave_nothing_behind(start_server: StartServer) -> None:
    process = start_server()
    engines = process.engines()
    make(process, WARM_UP)
    await _talk(process, 30)
    until(lambda: is_quiet(process))
    before = memory_bytes(process), open_files(process), threads(process)
    make(process, REQUESTS)
    await _talk(process, 100)
    until(lambda: is_quiet(process))
    until(lambda: open_files(process) <= before[1])
    assert memory_bytes(process) - before[0] < GROWTH_BYTES
    assert threads(process) <= before[2] + 4  # the loop's own few begin when they are first needed
    assert process.engines() == engines


async def _talk(process: Process, sessions: int) -> None:
    for number in range(sessions):
        async with talking(process) as talker:
            await talker.configure(voice="tone-low", format=list(FORMATS)[number % len(FORMATS)])
            await talker.say("One two. ", "Three")
            await talker.send("input.flush")
            if number % 3:
                await talker.hear()
            if number % 3 == 1:
                await talker.say("Never mind")
                await talker.send("cancel")
                await talker.expect("audio.done", cancelled=True)
