"""What it costs to pass speech on to another server (`speech.plane_url`): the same requests through a gateway, and
directly to the server behind it, which is the reference in the same run.

Behind it is another gateway, on the same database, which streams 20 blocks of 4 kB of an engine that costs nothing;
then bare Starlette, which streams as many bytes and asks nothing. Rounds alternate, so that a busy machine disturbs
both; the gateway, what is behind it, and the clients share the cores.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.databases import fresh_sqlite

from benchmarks.tools.keys import key_of
from benchmarks.tools.load import Figures, measure, request_bytes
from benchmarks.tools.servers import cpu_seconds, machine, server

ROUNDS, REQUESTS = 9, {1: 200, 10: 600, 50: 600}
FREE = {
    "limits": {"key_requests_per_minute": 10**9, "address_requests_per_minute": 10**9, "key_streams": 10**6},
    "credits": {"welcome_seconds": 10**9},
    "accounts": {"key_pepper": "p" * 32},
}
BODY = {"text": "Hello, this is a test.", "voice": "trivial", "format": "pcm", "stream": True}


@dataclass
class Rounds:
    """Of one server, with so many clients. cpu_ms: of its own process, a request."""

    port: int
    pid: int
    request: bytes
    clients: int
    figures: list[Figures] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def round(self) -> None:
        count, spent = REQUESTS[self.clients], cpu_seconds(self.pid)
        figures = asyncio.run(measure(self.port, self.request, clients=self.clients, requests=count))
        assert not figures.errors, f"{figures.errors} errors"
        self.figures.append(figures)
        self.cpu_ms.append(1000 * (cpu_seconds(self.pid) - spent) / count)

    def middle(self, of: Callable[[Figures], float]) -> float:
        return median(map(of, self.figures))


def main() -> None:
    print(f"{machine()}; 20 blocks of 4 kB, through a gateway and directly, {ROUNDS} alternating rounds")
    with TemporaryDirectory() as folder:
        shared = {**FREE, "database": {"url": fresh_sqlite(Path(folder))}}
        with _gateway(shared) as behind, _gateway(shared, behind[0]) as gateway:
            headers = {"X-API-Key": key_of(behind[0])}
            _compare("another gateway", gateway, behind, request_bytes("/v1/tts/generate", BODY, headers))
        with server("-m", "benchmarks.tools.serve_bare") as behind, _gateway(shared, behind[0]) as gateway:
            _compare("bare Starlette", gateway, behind, request_bytes("/v1/tts/generate", BODY))


@contextmanager
def _gateway(groups: dict[str, object], behind: int | None = None) -> Iterator[tuple[int, int]]:
    """behind: the port of whoever answers the routes of speech in its place."""
    speech = {} if behind is None else {"plane_url": f"http://127.0.0.1:{behind}"}
    with server("-m", "benchmarks.tools.serve_gateway", json.dumps({**groups, "speech": speech})) as started:
        yield started


def _compare(name: str, gateway: tuple[int, int], behind: tuple[int, int], request: bytes) -> None:
    print(f"before {name}:")
    for clients in REQUESTS:
        through, directly = Rounds(*gateway, request, clients), Rounds(*behind, request, clients)
        for number in range(ROUNDS + 1):
            for side in (through, directly):
                side.round()
                if not number:  # it warmed up
                    side.figures.clear()
                    side.cpu_ms.clear()
        _tell(through, directly)


def _tell(through: Rounds, directly: Rounds) -> None:
    pairs = list(zip(through.figures, directly.figures, strict=True))
    rates = sorted(ours.per_second / theirs.per_second for ours, theirs in pairs)
    added = median(ours.first_ms(0.5) - theirs.first_ms(0.5) for ours, theirs in pairs)
    print(
        f"{through.clients:4} clients: {through.middle(_rate):5.0f} requests/s, directly "
        f"{directly.middle(_rate):5.0f}: {median(rates):.2f} ({rates[0]:.2f} to {rates[-1]:.2f}; bar 0.40); "
        f"first audio p50 {through.middle(_first):5.1f} ms, {added:+.1f}{' (bar 3)' if through.clients == 1 else ''}; "
        f"of the processor {median(through.cpu_ms):.2f} ms a request, directly {median(directly.cpu_ms):.2f}"
    )


def _rate(figures: Figures) -> float:
    return figures.per_second


def _first(figures: Figures) -> float:
    return figures.first_ms(0.5)


if __name__ == "__main__":
    main()
