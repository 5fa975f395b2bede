"""A long text as a job beside the same text as one stream: how long each takes, and how much memory the server needs
meanwhile; and what a listener notices of a job.

The engine is `tone`, which costs next to nothing: what is measured is everything around it.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from itertools import cycle, islice
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.tools.load import measure, request_bytes
from benchmarks.tools.servers import machine, resident_mb, server

PHRASES = ("It was a dark night.", "Who knew?", "Nobody, I fear, ever did!", "Ah well.")
SHORT, LONG = 50_000, 400_000
"""Characters: the most that a stream may have, and eight times as many."""
ROUNDS, LISTENERS = 3, 100
FORMAT = "flac"


def main() -> None:
    print(f"{machine()}; engine tone, {FORMAT}, {ROUNDS} rounds")
    with server("-m", "benchmarks.tools.serve_gateway") as (port, pid):
        _stream(port, 1000)
        pairs = [(_job(port, SHORT), _stream(port, SHORT)) for _ in range(ROUNDS)]
        job_s, stream_s = (median(side) for side in zip(*pairs, strict=True))
        ratio = median(job / stream for job, stream in pairs)
        print(f"{SHORT:8} characters: job {job_s:6.1f} s, stream {stream_s:6.1f} s, ratio {ratio:.2f}")
        before = resident_mb(pid)
        most = _Most(pid)
        long_s = _job(port, LONG)
        pace = long_s / job_s / (LONG / SHORT)
        print(f"{LONG:8} characters: job {long_s:6.1f} s, {pace:.2f} times as long a character as the shorter")
        print(f"memory: {before:.0f} MB before, {most.end():.0f} MB at most meanwhile   (bar: flat)")
        quiet = _first_ms(port)
        job_id = _make(port, LONG)
        busy = _first_ms(port)
        _ask(port, f"/api/jobs/{job_id}/cancel", {})
        print(f"first sound of a listener: {quiet:.1f} ms alone, {busy:.1f} ms beside a job, ratio {busy / quiet:.2f}")


class _Most:
    """The most memory that a process had."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._most = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self) -> float:
        self._over.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self._most = max(self._most, resident_mb(self._pid))


def _text(characters: int) -> str:
    return " ".join(islice(cycle(PHRASES), characters // 15))[:characters]


def _body(characters: int) -> dict[str, Any]:
    return {"text": _text(characters), "voice": "tone-low", "format": FORMAT, "language": "en"}


def _make(port: int, characters: int) -> str:
    job_id: str = _ask(port, "/v1/tts/jobs", _body(characters))["id"]
    return job_id


def _job(port: int, characters: int) -> float:
    """Seconds until its files are there."""
    began = time.perf_counter()
    path = f"/v1/tts/jobs/{_make(port, characters)}"
    while (job := _ask(port, path))["state"] != "succeeded":
        assert job["state"] in ("queued", "running"), job
        time.sleep(0.1)
    return time.perf_counter() - began


def _stream(port: int, characters: int) -> float:
    """Seconds until the last byte."""
    request = request_bytes("/v1/tts/generate", {**_body(characters), "stream": True})
    figures = asyncio.run(measure(port, request, clients=1, requests=1))
    assert not figures.errors
    return figures.wall_s


def _first_ms(port: int) -> float:
    request = request_bytes(
        "/v1/tts/generate", {"text": "Hello.", "voice": "tone-low", "format": "pcm", "stream": True}
    )
    return asyncio.run(measure(port, request, clients=1, requests=LISTENERS)).first_ms(0.5)


def _ask(port: int, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        said: dict[str, Any] = json.load(answer)
        return said


if __name__ == "__main__":
    main()
