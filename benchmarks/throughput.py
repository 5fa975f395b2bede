"""Requests per second of the whole speech path with an engine that costs nothing, beside bare Starlette.

Both stream 20 blocks of 4 kB to 10 keep-alive clients; rounds alternate, so that a busy machine disturbs both.
"""

from __future__ import annotations

import asyncio
from statistics import median

from benchmarks.tools.load import measure, request_bytes
from benchmarks.tools.servers import machine, server

ROUNDS, REQUESTS, CLIENTS = 5, 1500, 10


def main() -> None:
    ours = request_bytes(
        "/v1/tts/generate",
        {"text": "Hello, this is a test.", "voice": "trivial", "format": "pcm", "stream": True},
    )
    bare = request_bytes("/", {"text": "Hello, this is a test."})
    rates: dict[str, list[float]] = {"backline": [], "starlette": []}
    with (
        server("-m", "benchmarks.tools.serve_gateway") as (our_port, _),
        server("-m", "benchmarks.tools.serve_bare") as (bare_port, _),
    ):
        for number in range(ROUNDS + 1):
            for name, port, request in (("backline", our_port, ours), ("starlette", bare_port, bare)):
                figures = asyncio.run(measure(port, request, clients=CLIENTS, requests=REQUESTS))
                assert not figures.errors, f"{name}: {figures.errors} errors"
                if number:  # the first round warms both up
                    rates[name].append(figures.per_second)
    ratio = median(a / b for a, b in zip(rates["backline"], rates["starlette"], strict=True))
    print(f"{machine()}; 20 blocks of 4 kB, {CLIENTS} clients, {ROUNDS} alternating rounds of {REQUESTS}")
    print(f"bare Starlette          {median(rates['starlette']):7.0f} requests/s")
    print(f"Backline, whole path    {median(rates['backline']):7.0f} requests/s   ratio {ratio:.2f}   (bar 0.50)")


if __name__ == "__main__":
    main()
