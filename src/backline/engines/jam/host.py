"""The jam sessions of one process, beside the engine that plays for them all."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from backline.clock import Clock, Monotonic, monotonic, utc_now
from backline.engines.catalog import EngineEntry
from backline.engines.jam.base import JamEngine
from backline.engines.jam.check import check_session_id
from backline.engines.jam.crew import Crews
from backline.engines.jam.loading import Loading
from backline.engines.jam.orders import ChunkFormat, JamChange, JamChunk, JamOptions, JamStatus
from backline.engines.jam.session import Session, session_closed
from backline.engines.jam.status import status_of
from backline.engines.jam.times import Times
from backline.engines.jam.tombstones import Tombstones
from backline.errors import Busy, NotFound, Unavailable

_RETRY_SECONDS = 5.0
_MOST_REASON_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class HostRules:
    """max_sessions: at once. idle_seconds: after which a session that nobody calls closes itself. grace_seconds: of
    the time since the last call, what is billed at most. threads: that decode, play and encode for all sessions.
    warmup_patience_seconds: how long `warm_up` waits. warmup_limit_seconds: after which a session that still is not
    warm closes, unbilled. sweep_seconds: how often that is looked after."""

    max_sessions: int = 40
    idle_seconds: float = 120.0
    grace_seconds: float = 30.0
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    warmup_patience_seconds: float = 110.0
    warmup_limit_seconds: float = 600.0
    sweep_seconds: float = 1.0


class JamHost:
    """A `JamLink` (compute/base.py has the contract) over an engine in this process.

    engine: of the catalogue, or what makes one; loaded on a thread of its own when the first session wants it.
    name: told as the status's `tag`; None takes the entry's.
    """

    def __init__(
        self,
        engine: EngineEntry | Callable[[], JamEngine],
        *,
        name: str | None = None,
        rules: HostRules | None = None,
        clock: Monotonic = monotonic,
        wall: Clock = utc_now,
    ) -> None:
        load = engine.load if isinstance(engine, EngineEntry) else engine
        self._name = name or (engine.name if isinstance(engine, EngineEntry) else "engine")
        self._rules = rules or HostRules()
        self._clock = clock
        self._wall = wall
        self._loading = Loading(load, self._name, clock)
        self._crews = Crews.of(self._rules.threads)
        self._sessions: dict[str, Session] = {}
        self._tombstones = Tombstones(clock)
        self._sweeper: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def session_count(self) -> int:
        """Of those that are not closed."""
        return len(self._sessions)

    async def load(self) -> None:
        """Load the engine before a session wants it. Raises Unavailable; the first session tries again then."""
        await self._loading.wait(self._rules.warmup_limit_seconds, self._warm_all)

    async def warm_up(self, session_id: str) -> JamStatus:
        session = self._sessions.get(session_id) or self._admit(session_id)
        with session.attended():
            await self._loading.wait(self._rules.warmup_patience_seconds, self._warm_all)
            session.check_open()
            return self._status(session)

    async def status(self, session_id: str) -> JamStatus:
        session = self._find(session_id)
        with session.attended():
            return self._status(session)

    async def peek(self, session_id: str) -> JamStatus:
        return self.peeked(session_id)

    def peeked(self, session_id: str) -> JamStatus:
        """The same at once, for who is on the loop already."""
        session = self._sessions.get(session_id)
        return self._tombstone(session_id) if session is None else self._status(session)

    async def start(self, session_id: str, loop: bytes, options: JamOptions) -> None:
        session = self._find(session_id)
        with session.attended():
            await session.start(loop, options)

    async def next(
        self, session_id: str, timeout_seconds: float, chunk_format: ChunkFormat = "wav", index: int | None = None
    ) -> JamChunk | None:
        session = self._find(session_id)
        with session.attended():
            return await session.next(timeout_seconds, chunk_format, index)

    async def consume(self, session_id: str, index: int) -> None:
        session = self._find(session_id)
        with session.attended():
            session.consume(index)

    async def update(self, session_id: str, change: JamChange) -> None:
        session = self._find(session_id)
        with session.attended():
            session.update(change)

    async def reseed(self, session_id: str, loop: bytes | None) -> None:
        session = self._find(session_id)
        with session.attended():
            await session.reseed(loop)

    async def reseed_splice(self, session_id: str, loop: bytes | None, anchor_bars: float) -> None:
        session = self._find(session_id)
        with session.attended():
            await session.reseed_splice(loop, anchor_bars)

    async def stop(self, session_id: str) -> None:
        session = self._find(session_id)
        with session.attended():
            session.stop()

    async def close(self, session_id: str, reason: str) -> JamStatus:
        session = self._sessions.get(session_id)
        return self._tombstone(session_id) if session is None else self._end(session, reason)

    async def aclose(self) -> None:
        """Every session is closed, for the reason `shutdown`; a warm_up afterwards is refused."""
        self._closing = True
        for session in [*self._sessions.values()]:
            self._end(session, "shutdown")
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self._crews.close()
        await self._loading.close()

    def _admit(self, session_id: str) -> Session:
        check_session_id(session_id)
        if self._closing:
            raise Unavailable("This worker is going away.", code="draining")
        if self._tombstones.find(session_id) is not None:
            raise session_closed()
        if len(self._sessions) >= self._rules.max_sessions:
            detail = f"There is room for {self._rules.max_sessions} sessions, and all are taken. Try again soon."
            raise Busy(detail, code="too_many_sessions", retry_after_seconds=_RETRY_SECONDS)
        times = Times(self._clock, self._wall, self._rules.grace_seconds)
        session = self._sessions[session_id] = Session(session_id, self._name, self._crews, times, self._clock)
        if self._loading.engine is not None:
            session.warm(self._loading.engine)
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())
        return session

    def _warm_all(self, engine: JamEngine) -> None:
        for session in self._sessions.values():
            session.warm(engine)

    def _find(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is None:
            self._tombstone(session_id)
            raise session_closed()
        return session

    def _tombstone(self, session_id: str) -> JamStatus:
        found = self._tombstones.find(session_id)
        if found is None:
            raise NotFound("There is no such session.", code="session_not_found")
        return found

    def _end(self, session: Session, reason: str) -> JamStatus:
        session.close(reason[:_MOST_REASON_CHARACTERS])
        del self._sessions[session.id]
        status = self._status(session)
        self._tombstones.put(status)
        return status

    def _status(self, session: Session) -> JamStatus:
        return status_of(session, self._loading, self._rules.idle_seconds)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._rules.sweep_seconds)
            for session in [*self._sessions.values()]:
                if session.lonely_seconds > self._rules.idle_seconds:
                    self._end(session, "idle")
                elif session.state == "warming" and session.times.age_seconds > self._rules.warmup_limit_seconds:
                    self._end(session, "warmup_timeout")
