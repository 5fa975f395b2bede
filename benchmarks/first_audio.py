"""Time to first audio over HTTP with the embedded engine, for one client and for many.

The reference, in the same run and with as many clients, is a bare Starlette app that streams 80 kB of zeros: what is
above it is speech. Texts are three sentences, about 10 s of sound; every stream is read to its end.
"""

from __future__ import annotations

import asyncio

from benchmarks.tools.load import Figures, measure, request_bytes
from benchmarks.tools.servers import machine, server

TEXT = (
    "The train from Hyderabad arrives at platform four in twenty minutes. Please keep your tickets ready, and mind the "
    "gap between the train and the platform. Passengers for Nagpur change here."
)
BARS_MS = {("pcm", 1): 15, ("wav", 1): 15, ("opus", 1): 30, ("mp3", 1): 30, ("pcm", 50): 100, ("opus", 50): 350}


def main() -> None:
    print(f"{machine()}; first audio in ms, clients on the same cores as the server")
    columns = f"{'format':8} {'clients':>7} {'p50':>8} {'p95':>8} {'errors':>6} {'bare p50':>9} {'ratio':>7}"
    print(f"{columns}   bar (p50 at 1 client, p95 at 50)")
    with (
        server("-m", "benchmarks.tools.serve_gateway") as (our_port, _),
        server("-m", "benchmarks.tools.serve_bare") as (bare_port, _),
    ):
        for name in ("pcm", "wav", "opus", "mp3"):
            for clients in (1, 50, 100):
                request = request_bytes("/v1/tts/generate", {"text": TEXT, "format": name, "stream": True})
                bare = _run(bare_port, request_bytes("/", {"text": TEXT}), clients)
                ours = _run(our_port, request, clients)
                _show(name, clients, ours, bare)


def _run(port: int, request: bytes, clients: int) -> Figures:
    asyncio.run(measure(port, request, clients=clients, requests=2 * clients))  # every instance has spoken once
    return asyncio.run(measure(port, request, clients=clients, requests=max(20, 2 * clients)))


def _show(name: str, clients: int, ours: Figures, bare: Figures) -> None:
    bar = BARS_MS.get((name, clients))
    middle, tail, reference = ours.first_ms(0.5), ours.first_ms(0.95), bare.first_ms(0.5)
    print(
        f"{name:8} {clients:7} {middle:8.1f} {tail:8.1f} {ours.errors:6} {reference:9.1f} {middle / reference:7.1f}   "
        f"{'' if bar is None else f'<= {bar} ms'}"
    )


if __name__ == "__main__":
    main()
