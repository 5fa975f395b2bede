"""Live jams over the gateway: how soon the first chunk is there, what a ready one takes, forty sessions at once, and
the bill against the clock on the wall. How it sounds is measured by jam_sound.py.

The reference in the same run is bare Starlette, which takes the same loop and hands out as many bytes; and for the
forty sessions the metronome, an engine that costs next to nothing.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Any

import httpx
import uvloop
from tests.loops import loop

from benchmarks.tools.jams import wav_of
from benchmarks.tools.load import Figures, measure, request_bytes
from benchmarks.tools.servers import cpu_seconds, machine, server

RATE_HZ, BPM, BARS_PER_CHUNK = 48_000, 120.0, 4
CHUNK_SECONDS = BARS_PER_CHUNK * 4 * 60 / BPM
CHUNK_BYTES = 44 + round(CHUNK_SECONDS * RATE_HZ) * 4
FIRSTS, READY = 10, 200
SESSIONS, SECONDS = 40, 72.0
BILLED, BILLED_SECONDS = 10, (0.5, 4.0)
STYLES = "acid house, warm"
SETTINGS = {
    "limits": {"key_requests_per_minute": 10**9, "address_requests_per_minute": 10**9},
    "credits": {"welcome_seconds": 10**6},
}


def main() -> None:
    print(f"{machine()}; 48 kHz, {BPM:g} bpm, chunks of {CHUNK_SECONDS:g} s as WAV; '{STYLES}'")
    uploaded = wav_of(loop("mix", BPM), RATE_HZ)
    with server("-m", "benchmarks.tools.serve_chunk", str(CHUNK_BYTES)) as (bare, _), _gateway() as (port, _):
        _, *bare_firsts = uvloop.run(_firsts(bare, uploaded, sessions=False))
        cold, *firsts = uvloop.run(_firsts(port, uploaded, sessions=True))
        bare_ready = uvloop.run(measure(bare, request_bytes("/jam/next"), clients=1, requests=READY))
        ready = uvloop.run(_ready(port, uploaded))
        print(f"first chunk of the first session of a server, {cold:.0f} ms after the loop was sent   (bar: <= 500 ms)")
        _tell("of the next ones", sorted(firsts), sorted(bare_firsts), "bar: <= 500 ms")
        _tell("next, when it is ready", _ms(ready), _ms(bare_ready), "bar: p95 <= 10 ms")
        errors = uvloop.run(_bills(port, uploaded))
        print(
            f"bill against the wall clock, {BILLED} sessions of {BILLED_SECONDS[0]:g} to {BILLED_SECONDS[1]:g} s: "
            f"off by {1000 * median(off for off, _ in errors):.1f} ms from reply to reply (most "
            f"{1000 * max(off for off, _ in errors):.1f}), {1000 * max(beyond for _, beyond in errors):.1f} ms beyond "
            "what this side's clock can say   (bar: <= 50 ms)"
        )
    for engine in ("metronome", None):
        with _gateway(engine) as (port, pid):
            uvloop.run(_many(port, pid, uploaded, engine or "the default engine"))


@contextmanager
def _gateway(engine: str | None = None) -> Iterator[tuple[int, int]]:
    settings = {**SETTINGS, "jam": {"max_sessions": SESSIONS, "engine": engine}}
    with server("-m", "benchmarks.tools.serve_gateway", json.dumps(settings)) as started:
        yield started


def _tell(what: str, ours: list[float], bare: list[float], bar: str) -> None:
    """In milliseconds, the smallest first."""
    print(
        f"{what}: p50 {median(ours):.1f} ms, p95 {ours[int(0.95 * len(ours))]:.1f} ms, most {ours[-1]:.1f} ms; "
        f"bare p50 {median(bare):.1f} ms, p95 {bare[int(0.95 * len(bare))]:.1f} ms   ({bar})"
    )


def _ms(figures: Figures) -> list[float]:
    assert not figures.errors
    return sorted(1000 * seconds for seconds in figures.total_s)


@dataclass
class Session:
    """warm_s: between these two moments it became so."""

    client: httpx.AsyncClient
    id: str
    warm_s: tuple[float, float] = (0.0, 0.0)

    @classmethod
    async def warm(cls, client: httpx.AsyncClient) -> Session:
        asked = time.perf_counter()
        reply = await _json(client.post("/jam/warmup"))
        while not reply["warmed"]:
            await asyncio.sleep(0.2)
            reply = await _json(client.get("/jam/status", params={"session_id": reply["session_id"]}))
        return cls(client, reply["session_id"], (asked, time.perf_counter()))

    async def post(self, path: str, **fields: Any) -> dict[str, Any]:
        return await _json(self.client.post(path, data={"session_id": self.id, **fields}))

    async def start(self, uploaded: bytes) -> None:
        fields = {"session_id": self.id, "bpm": str(BPM), "styles": STYLES, "seed": "7"}
        await _json(self.client.post("/jam/start", data=fields, files={"loop_audio": ("loop.wav", uploaded)}))

    async def arrive(self, index: int) -> float:
        """When a chunk is there whole. What is in it is nobody's business here: to read it takes time."""
        params: dict[str, Any] = {"session_id": self.id, "timeout_seconds": 25, "index": index}
        while True:
            answer = await self.client.get("/jam/next", params=params)
            answer.raise_for_status()
            if len(answer.content) > CHUNK_BYTES:
                return time.perf_counter()


async def _json(asked: Any) -> dict[str, Any]:
    answer = await asked
    assert answer.is_success, answer.text
    reply: dict[str, Any] = answer.json()
    return reply


async def _firsts(port: int, uploaded: bytes, *, sessions: bool) -> list[float]:
    """Milliseconds from sending the loop to having the first chunk."""
    times = []
    async with _client(port) as client:
        for _ in range(FIRSTS):
            session = await Session.warm(client) if sessions else Session(client, "none")
            began = time.perf_counter()
            await session.start(uploaded)
            times.append(1000 * (await session.arrive(0) - began))
            if sessions:
                await session.post("/jam/close")
    return times


async def _ready(port: int, uploaded: bytes) -> Figures:
    """The first chunk, again and again: it is there."""
    async with _client(port) as client:
        session = await Session.warm(client)
        await session.start(uploaded)
        await session.arrive(0)
        await asyncio.sleep(2)  # until what is made ahead is made
        request = request_bytes(f"/jam/next?session_id={session.id}&index=0")
        figures = await measure(port, request, clients=1, requests=READY)
        await session.post("/jam/close")
    return figures


async def _bills(port: int, uploaded: bytes) -> list[tuple[float, float]]:
    """One session after the other: by how many seconds each bill differs from the time between the two replies, and
    how far it lies outside of what a clock on this side can say for sure."""
    spans = [BILLED_SECONDS[0] + (BILLED_SECONDS[1] - BILLED_SECONDS[0]) * n / (BILLED - 1) for n in range(BILLED)]
    return [await _bill(port, uploaded, f"bench{n}", span) for n, span in enumerate(spans)]


async def _bill(port: int, uploaded: bytes, user: str, seconds: float) -> tuple[float, float]:
    async with _client(port) as client:
        token = (await _json(client.post("/auth/mock-login", json={"test_user_id": user})))["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        before = await _json(client.get("/credits/balance"))
        session = await Session.warm(client)
        await session.start(uploaded)
        await asyncio.sleep(seconds)
        sent = time.perf_counter()
        closed = await session.post("/jam/close")
        heard = time.perf_counter()
        after = await _json(client.get("/credits/balance"))
    charged = Decimal(before["balance_seconds"]) - Decimal(after["balance_seconds"])
    assert charged == Decimal(closed["total_charged"]), "the balance is not what was charged"
    least, most = sent - session.warm_s[1], heard - session.warm_s[0]
    billed = float(charged)
    return abs(billed - (heard - session.warm_s[1])), max(0.0, least - billed, billed - most)


async def _many(port: int, pid: int, uploaded: bytes, name: str) -> None:
    """Everybody plays; the next chunk is asked for when one begins to be heard, as the apps do."""
    async with _client(port) as client:
        sessions = await asyncio.gather(*(Session.warm(client) for _ in range(SESSIONS)))
        cpu_s, began = cpu_seconds(pid), time.perf_counter()
        slacks = await asyncio.gather(
            *(_listen(session, uploaded, CHUNK_SECONDS * n / SESSIONS) for n, session in enumerate(sessions))
        )
        cores = (cpu_seconds(pid) - cpu_s) / (time.perf_counter() - began)
    left = sorted(slack for some in slacks for slack in some)
    late = sum(slack < 0 for slack in left)
    print(
        f"{SESSIONS} sessions for {SECONDS:g} s with {name}: {late} of {len(left)} chunks late, "
        f"each there {median(left):.2f} s before its time (least {left[0]:.2f}); {cores:.2f} cores   (bar: none late)"
    )


async def _listen(session: Session, uploaded: bytes, delay_s: float) -> list[float]:
    """How long before its time each chunk was there, from the second one on. They begin one after the other."""
    await asyncio.sleep(delay_s)
    await session.start(uploaded)
    heard = await session.arrive(0)
    slacks = []
    for index in range(1, int(SECONDS / CHUNK_SECONDS)):
        due = heard + index * CHUNK_SECONDS
        slacks.append(due - await session.arrive(index))
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await session.post("/jam/consume", chunk_index=index - 1)
    await session.post("/jam/close")
    return slacks


def _client(port: int) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, limits=limits, trust_env=False)


if __name__ == "__main__":
    main()
