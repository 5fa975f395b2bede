"""A worker of live sessions whose clock and whose failures tests choose."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from backline.engines.jam.orders import ChunkFormat, JamChange, JamChunk, JamOptions, JamStatus
from backline.errors import BacklineError, Conflict, NotFound

START_TS = 1_790_000_000.0


@dataclass
class Played:
    """One session of it. warm_at: seconds of the worker's clock."""

    made_at: float
    warm_at: float | None
    ended_at: float | None = None
    reason: str | None = None
    stopped: bool = False


@dataclass
class ScriptedWorker:
    """seconds: its clock. failure: what every call raises. hangs: whether calls never answer."""

    seconds: float = 0.0
    warms: bool = True
    failure: BacklineError | None = None
    hangs: set[str] = field(default_factory=set)
    sessions: dict[str, Played] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    overstates_seconds: float = 0.0

    async def warm_up(self, session_id: str) -> JamStatus:
        await self._called("warm_up", session_id)
        self.sessions[session_id] = Played(self.seconds, self.seconds if self.warms else None)
        return self._status(session_id)

    async def status(self, session_id: str) -> JamStatus:
        await self._called("status", session_id)
        return self._status(self._living(session_id))

    async def peek(self, session_id: str) -> JamStatus:
        await self._called("peek", session_id)
        return self._status(session_id)

    async def start(self, session_id: str, loop: bytes, options: JamOptions) -> None:
        await self._called("start", self._living(session_id))

    async def next(
        self, session_id: str, timeout_seconds: float, chunk_format: ChunkFormat = "wav", index: int | None = None
    ) -> JamChunk | None:
        await self._called("next", self._living(session_id))
        return None

    async def consume(self, session_id: str, index: int) -> None:
        await self._called("consume", self._living(session_id))

    async def update(self, session_id: str, change: JamChange) -> None:
        await self._called("update", self._living(session_id))

    async def reseed(self, session_id: str, loop: bytes | None) -> None:
        await self._called("reseed", self._living(session_id))

    async def reseed_splice(self, session_id: str, loop: bytes | None, anchor_bars: float) -> None:
        await self._called("reseed_splice", self._living(session_id))

    async def stop(self, session_id: str) -> None:
        await self._called("stop", self._living(session_id))
        self.sessions[session_id].stopped = True

    async def close(self, session_id: str, reason: str) -> JamStatus:
        await self._called("close", session_id)
        self._known(session_id)
        self.end(session_id, reason)
        return self._status(session_id)

    async def aclose(self) -> None:
        pass

    def end(self, session_id: str, reason: str) -> None:
        """As a worker ends a session by itself."""
        session = self.sessions[session_id]
        if session.ended_at is None:
            session.ended_at, session.reason = self.seconds, reason

    def forget(self, session_id: str) -> None:
        """As a worker that was started anew."""
        del self.sessions[session_id]

    def count(self, call: str, session_id: str) -> int:
        return self.calls.count((call, session_id))

    async def _called(self, call: str, session_id: str) -> None:
        self.calls.append((call, session_id))
        if session_id in self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure

    def _known(self, session_id: str) -> Played:
        if session_id not in self.sessions:
            raise NotFound("There is no such session.", code="session_not_found")
        return self.sessions[session_id]

    def _living(self, session_id: str) -> str:
        if self._known(session_id).ended_at is not None:
            raise Conflict("This session is closed.", code="session_closed")
        return session_id

    def _status(self, session_id: str) -> JamStatus:
        session = self._known(session_id)
        now = self.seconds if session.ended_at is None else session.ended_at
        warm_at, closed = session.warm_at, session.ended_at is not None
        return JamStatus(
            session_id=session_id,
            billing_state="closed" if closed else "warming" if warm_at is None else "active",
            warmed=warm_at is not None,
            jam_running=False,
            tag="scripted",
            model_version="1",
            container_warmup_seconds=None if warm_at is None else warm_at - session.made_at,
            scaledown_window_seconds=120.0,
            session_created_ts=START_TS + session.made_at,
            warm_started_ts=START_TS + session.made_at,
            warm_completed_ts=None if warm_at is None else START_TS + warm_at,
            last_touched_ts=START_TS + now,
            last_activity_ts=START_TS + now,
            closed_ts=START_TS + now if closed else None,
            close_reason=session.reason,
            closed_last_activity_ts=START_TS + now if closed else None,
            billable_start_ts=None if warm_at is None else START_TS + warm_at,
            billable_end_estimated_ts=None,
            billable_elapsed_seconds=None if warm_at is None else now - warm_at + self.overstates_seconds,
            idle_seconds=0.0,
            warm_age_seconds=None if warm_at is None else now - warm_at,
            estimated_scaledown_ts=None,
        )
