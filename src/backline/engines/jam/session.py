"""One live session: warming, active, closed; and in it one jam after the other."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TypeVar

from backline.clock import Monotonic
from backline.engines.jam.base import JamEngine
from backline.engines.jam.check import (
    check_anchor,
    check_change,
    check_format,
    check_index,
    check_options,
    check_timeout,
)
from backline.engines.jam.chunks import MadeChunk, check_rate
from backline.engines.jam.crew import Crew, Crews
from backline.engines.jam.loops import read_loop
from backline.engines.jam.making import Making, engine_failure
from backline.engines.jam.news import News
from backline.engines.jam.orders import BillingState, ChunkFormat, JamChange, JamChunk, JamOptions
from backline.engines.jam.playing import Playing, Splice
from backline.engines.jam.spool import Spool
from backline.engines.jam.times import Times
from backline.errors import Conflict

T = TypeVar("T")


class Session:
    """Its methods are called on the event loop; all that takes time runs on the crews.

    tag: the engine's name. close_reason: None while it is open.
    """

    def __init__(self, session_id: str, tag: str, crews: Crews, times: Times, clock: Monotonic) -> None:
        self.id = session_id
        self.tag = tag
        self.times = times
        self.spool = Spool()
        self.close_reason: str | None = None
        self._crews = crews
        self._clock = clock
        self._engine: JamEngine | None = None
        self._making: Making | None = None
        self._starting = False
        self._news = News()
        self._turn = asyncio.Lock()
        """Of those who ask for the next chunk without naming one: each gets another."""
        self._calls = 0
        self._left = times.created

    @property
    def state(self) -> BillingState:
        if self.times.closed is not None:
            return "closed"
        return "warming" if self._engine is None else "active"

    @property
    def running(self) -> bool:
        return self._making is not None and self._making.running

    @property
    def ended(self) -> bool:
        return self._making is not None and self._making.ended

    @property
    def lonely_seconds(self) -> float:
        """How long nobody has called."""
        return 0.0 if self._calls else self.times.now - max(self.times.touched, self._left)

    @contextmanager
    def attended(self) -> Iterator[None]:
        """A call that keeps it alive. Raises Conflict `session_closed`."""
        self.check_open()
        self.times.touch()
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1
            self._left = self.times.now

    def warm(self, engine: JamEngine) -> None:
        """It can play from now on. Whoever waits for that is there."""
        if self._calls:
            self.times.touch()
        self._engine = engine
        self.times.warm()

    def close(self, reason: str) -> None:
        """At once; whoever waits is told."""
        self.times.close()
        self.close_reason = reason
        if self._making is not None:
            self._making.abandon()
        self._engine = self._making = None
        self.spool.clear()
        self._news.tell()

    def check_open(self) -> None:
        if self.times.closed is not None:
            raise session_closed()

    async def start(self, loop: bytes, options: JamOptions) -> None:
        engine = self._engine
        if engine is None:
            raise Conflict("The session is still warming up. Try again soon.", code="not_warm", retryable=True)
        if self._starting or (self.running and not self._begun().stopping):
            raise Conflict("A jam is running already. Stop it first.", code="jam_already_running")
        check_options(options)
        self._starting = True
        try:
            while self.running:  # it was stopped a moment ago, and comes to the bar line
                await self._news.wait()
            self.check_open()
            playing = await self._work(self._crews.loops, partial(self._begin, engine, loop, options))
        finally:
            self._starting = False
        self._making = Making(self.tag, playing, self.spool, self._news, self._crews.bars, self._clock)

    async def next(self, timeout_seconds: float, chunk_format: ChunkFormat, index: int | None) -> JamChunk | None:
        making = self._begun()
        check_format(chunk_format)
        check_rate(chunk_format, making.playing.grid.rate_hz)
        check_index(index)
        check_timeout(timeout_seconds)
        making.format = chunk_format
        try:
            async with asyncio.timeout(timeout_seconds) as limit, self._turn if index is None else nullcontext():
                chunk = await self._wait_for(index)
                limit.reschedule(None)  # it is there; what follows is no waiting
                return None if chunk is None else await self._deliver(chunk, chunk_format)
        except TimeoutError:
            return None

    def consume(self, index: int) -> None:
        check_index(index)
        self._begun()
        self.spool.consume(index)
        self._news.tell()

    def update(self, change: JamChange) -> None:
        check_change(change)
        self._played().change(change)

    async def reseed(self, loop: bytes | None) -> None:
        await self._work(self._crews.loops, partial(_reseed, self._played(), loop))

    async def reseed_splice(self, loop: bytes | None, anchor_bars: float) -> None:
        check_anchor(anchor_bars)
        await self._work(self._crews.loops, partial(_splice, self._played(), loop, anchor_bars))

    def stop(self) -> None:
        self._begun().stop()

    def _begin(self, engine: JamEngine, loop: bytes, options: JamOptions) -> Playing:
        seed = _seed_of(self.id) if options.seed is None else options.seed
        return Playing(engine, read_loop(loop), options, seed, self.spool.made + 1)

    async def _work(self, crew: Crew, function: Callable[[], T]) -> T:
        """Somebody waits for it. Raises what it raises, an engine's own failures as Failed `engine_failed`."""
        try:
            result = await crew.run(self._clock(), function)
        except Exception as error:
            raise engine_failure(error, self.tag) from error
        self.check_open()
        return result

    async def _wait_for(self, index: int | None) -> MadeChunk | None:
        """None: the jam is over, and it never was made."""
        while True:
            self.check_open()
            making = self._begun()
            if chunk := self.spool.find(self.spool.following if index is None else index):
                return chunk
            if making.error is not None:
                raise making.error
            if making.ended:
                return None
            await self._news.wait()

    async def _deliver(self, chunk: MadeChunk, chunk_format: ChunkFormat) -> JamChunk:
        if chunk_format not in chunk.files:
            await self._work(self._crews.bars, partial(chunk.encode, chunk_format))
        self.spool.note_delivered(chunk.index)
        self._begun().note_delivered(chunk)
        return chunk.as_sent(chunk_format)

    def _begun(self) -> Making:
        """The jam that was started last, running or not. Raises Conflict `no_active_jam`."""
        if self._making is None:
            raise _no_jam()
        return self._making

    def _played(self) -> Playing:
        """Raises Conflict `no_active_jam` when nothing runs, or what ended it."""
        making = self._begun()
        if making.error is not None:
            raise making.error
        if not making.running:
            raise _no_jam()
        return making.playing


def session_closed() -> Conflict:
    return Conflict("This session is closed. Warm up another.", code="session_closed")


def _no_jam() -> Conflict:
    return Conflict("No jam is running. Start one.", code="no_active_jam")


def _seed_of(session_id: str) -> int:
    """0 to 2**63 - 1, the same for the same session."""
    return int.from_bytes(hashlib.sha256(session_id.encode()).digest()[:8]) >> 1


def _reseed(playing: Playing, loop: bytes | None) -> None:
    playing.reseed(None if loop is None else read_loop(loop))


def _splice(playing: Playing, loop: bytes | None, anchor_bars: float) -> None:
    playing.splice(Splice(None if loop is None else read_loop(loop), anchor_bars))
