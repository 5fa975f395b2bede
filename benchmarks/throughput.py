"""Requests per second of the whole speech path with an engine that costs nothing, beside bare Starlette.

Both stream 20 blocks of 4 kB to 10 keep-alive clients; rounds alternate, so that a busy machine disturbs both. The
processor time that the server takes for a request is the steadier figure where others work on the same cores.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from statistics import median

from benchmarks.tools.load import measure, request_bytes
from benchmarks.tools.servers import cpu_seconds, machine, server

ROUNDS, REQUESTS, CLIENTS = 9, 1500, 10


@dataclass(frozen=True, slots=True)
class Side:
    """One server. per_second, cpu_ms: of each round; cpu_ms a request, in the server's own process."""

    name: str
    port: int
    pid: int
    request: bytes
    per_second: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def round(self) -> None:
        spent = cpu_seconds(self.pid)
        figures = asyncio.run(measure(self.port, self.request, clients=CLIENTS, requests=REQUESTS))
        assert not figures.errors, f"{self.name}: {figures.errors} errors"
        self.per_second.append(figures.per_second)
        self.cpu_ms.append(1000 * (cpu_seconds(self.pid) - spent) / REQUESTS)


def main() -> None:
    spoken = {"text": "Hello, this is a test.", "voice": "trivial", "format": "pcm", "stream": True}
    with (
        server("-m", "benchmarks.tools.serve_gateway") as (our_port, our_pid),
        server("-m", "benchmarks.tools.serve_bare") as (bare_port, bare_pid),
    ):
        ours = Side("Backline, whole path", our_port, our_pid, request_bytes("/v1/tts/generate", spoken))
        bare = Side("bare Starlette", bare_port, bare_pid, request_bytes("/", {"text": spoken["text"]}))
        for side in (ours, bare):  # the first round warms up
            side.round()
            side.per_second.clear()
            side.cpu_ms.clear()
        for _ in range(ROUNDS):
            ours.round()
            bare.round()
    print(f"{machine()}; 20 blocks of 4 kB, {CLIENTS} clients, {ROUNDS} alternating rounds of {REQUESTS}")
    print(f"{'':22} {'requests/s':>10} {'CPU ms a request':>17}")
    for side in (bare, ours):
        print(f"{side.name:22} {median(side.per_second):10.0f} {median(side.cpu_ms):17.3f}")
    rates = sorted(a / b for a, b in zip(ours.per_second, bare.per_second, strict=True))
    costs = median(a / b for a, b in zip(bare.cpu_ms, ours.cpu_ms, strict=True))
    print(f"ratio {median(rates):.2f} ({rates[0]:.2f} to {rates[-1]:.2f} between rounds; bar 0.50), of CPU {costs:.2f}")


if __name__ == "__main__":
    main()
