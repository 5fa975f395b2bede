"""Engines that do what a test needs, and a host around them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from backline.engines.jam.base import Controls, JamCapabilities, JamEngine, JamPlayer
from backline.engines.jam.host import HostRules, JamHost
from backline.engines.jam.metronome import MetronomeEngine, MetronomePlayer
from backline.engines.jam.orders import JamChunk, JamOptions
from backline.media.audio import Samples, from_pcm16, to_pcm16
from backline.media.decode import decode
from backline.media.groove.bars import BarGrid
from backline.media.wav import wav_header
from tests.loops import loop

ID = "session-1"
FAST = HostRules(threads=2, sweep_seconds=0.01)
SHORT = JamOptions(bpm=300, beats_per_bar=1, bars_per_chunk=2)
"""A chunk of 0.4 s."""


def wav(samples: Samples, rate_hz: int = 48_000) -> bytes:
    pcm = to_pcm16(samples)
    return wav_header(rate_hz, samples.shape[1], pcm.nbytes) + pcm.tobytes()


@cache
def loop_file(rate_hz: int = 48_000, bpm: float = 120.0, bars: int = 1) -> bytes:
    return wav(loop("mix", bpm, bars=bars, rate_hz=rate_hz), rate_hz)


@asynccontextmanager
async def hosting(engine: Callable[[], JamEngine] = MetronomeEngine, **given: Any) -> AsyncIterator[JamHost]:
    host = JamHost(engine, **{"rules": FAST, **given})
    try:
        yield host
    finally:
        await host.aclose()


@asynccontextmanager
async def jamming(
    options: JamOptions = SHORT, engine: Callable[[], JamEngine] = MetronomeEngine, **given: Any
) -> AsyncIterator[JamHost]:
    """With the session `ID`, whose jam is running."""
    async with hosting(engine, **given) as host:
        await host.warm_up(ID)
        await host.start(ID, loop_file(), options)
        yield host


async def take(host: JamHost, chunks: int, session_id: str = ID) -> list[JamChunk]:
    """The next ones, each consumed."""
    taken = []
    for _ in range(chunks):
        chunk = await host.next(session_id, 20)
        assert chunk is not None
        await host.consume(session_id, chunk.index)
        taken.append(chunk)
    return taken


async def the_rest(host: JamHost, session_id: str = ID) -> list[JamChunk]:
    """Until the jam has ended."""
    taken = []
    while (chunk := await host.next(session_id, 20)) is not None:
        taken.append(chunk)
    return taken


def sound(*chunks: JamChunk) -> Samples:
    return np.concatenate([decode(chunk.audio)[0] for chunk in chunks])


def exact(chunk: JamChunk) -> Samples:
    return from_pcm16(chunk.audio[44:], 2)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


@dataclass
class Hands:
    """A clock that stands until it is moved."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Watched:
    """An engine that plays as the metronome does, writes down what it is told, and may be held, slowed or broken."""

    rate_hz: int | None = None
    controls: list[Controls] = field(default_factory=list)
    told: list[tuple[str, int, float]] = field(default_factory=list)
    """What, the frames of the loop, and the anchor."""
    told_at: list[int] = field(default_factory=list)
    """After how many bars."""
    bars: int = 0
    broken_from_bar: int | None = None
    refuses: bool = False
    closed: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    at_once: int = 0
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    def capabilities(self) -> JamCapabilities:
        return JamCapabilities(self.rate_hz, keeps_time=True, model_version="watched-1")

    def begin(self, loop: Samples, grid: BarGrid, seed: int) -> JamPlayer:
        if self.refuses:
            raise RuntimeError("something about the loop")
        self.note("begin", loop, float(seed))
        return WatchedPlayer(self, MetronomePlayer(loop, grid))

    def close(self) -> None:
        self.closed = True

    def note(self, name: str, loop: Samples, number: float = 0.0) -> None:
        self.told.append((name, len(loop), number))
        self.told_at.append(self.bars)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Long enough to be seen."""
        self.at_once += 1
        time.sleep(0.001)
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            yield
        finally:
            self.at_once -= 1


class WatchedPlayer:
    def __init__(self, engine: Watched, inner: MetronomePlayer) -> None:
        self._engine = engine
        self._inner = inner

    def play(self, length_frames: int, controls: Controls) -> Samples:
        engine = self._engine
        with engine.busy():
            engine.gate.wait(20)
            if engine.broken_from_bar is not None and engine.bars >= engine.broken_from_bar:
                raise RuntimeError("the device is lost")
            engine.controls.append(controls)
            engine.bars += 1
            return self._inner.play(length_frames, controls)

    def reseed(self, loop: Samples) -> None:
        with self._engine.busy():
            self._engine.note("reseed", loop)
            self._inner.reseed(loop)

    def splice(self, loop: Samples, anchor_bars: float) -> None:
        with self._engine.busy():
            self._engine.note("splice", loop, anchor_bars)
            self._inner.splice(loop, anchor_bars)
