"""The sessions that this worker plays, and how it goes away without leaving one that nobody ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from backline.compute.base import JamLink
from backline.engines.jam.orders import JamChunk, JamStatus
from backline.errors import BacklineError, Busy, Unavailable
from backline.observability.metrics import Metric, Metrics

CHUNKS = Metric("backline_worker_chunks_total", "Chunks handed out.")
SOUND = Metric("backline_worker_sound_seconds_total", "Seconds of music handed out.")
WARM_UPS = Metric("backline_worker_warm_ups_total", "Warm-ups, by whether a session came of it.", ("outcome",))

DRAINED = "shutdown"
"""The close reason of sessions that a worker ended because it went away."""

_REMEMBERED = 20_000
"""More than there can be at once: what is forgotten first has long ended by itself."""


class WorkerSessions:
    """link: to the host in this process. draining: no new session is taken."""

    def __init__(self, link: JamLink, metrics: Metrics) -> None:
        self.link = link
        self.draining = False
        self._metrics = metrics
        self._open: dict[str, None] = {}
        self._untold: set[str] = set()
        self._told = asyncio.Event()

    @property
    def count(self) -> int:
        """Sessions that nobody was told the end of."""
        return len(self._open)

    async def warm_up(self, session_id: str) -> JamStatus:
        """Raises Unavailable `draining` for a new session while the worker goes away."""
        known = session_id in self._open
        if self.draining and not known:
            raise Unavailable("The worker is going away. Try again.", code="draining", retry_after_seconds=5.0)
        self._open[session_id] = None  # before it is made: a drain that begins meanwhile must find it
        if len(self._open) > _REMEMBERED:
            del self._open[next(iter(self._open))]
        try:
            status = await self.link.warm_up(session_id)
        except BacklineError as error:
            self._metrics.count(WARM_UPS, "refused" if isinstance(error, Busy) else "failed")
            raise
        self._metrics.count(WARM_UPS, "warm" if status.warmed else "warming")
        return status

    async def peek(self, session_id: str) -> JamStatus:
        return self._tell(await self.link.peek(session_id))

    async def close(self, session_id: str, reason: str) -> JamStatus:
        return self._tell(await self.link.close(session_id, reason))

    def delivered(self, chunk: JamChunk | None) -> None:
        if chunk is not None:
            self._metrics.count(CHUNKS)
            self._metrics.count(SOUND, by=chunk.metadata.total_samples / chunk.metadata.sample_rate)

    async def drain(self) -> None:
        """Close every session; returns once each one's last figures were asked for."""
        self.draining = True
        for session_id in list(self._open):
            with suppress(BacklineError):  # ended long ago, or never made
                if (await self.link.close(session_id, DRAINED)).close_reason == DRAINED:
                    self._untold.add(session_id)
        while self._untold:
            self._told.clear()
            await self._told.wait()

    def _tell(self, status: JamStatus) -> JamStatus:
        if status.billing_state == "closed":
            self._open.pop(status.session_id, None)
            self._untold.discard(status.session_id)
            self._told.set()
        return status
