"""One jam as it is being made: ahead of its listener, but never far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from backline.clock import Monotonic
from backline.engines.jam.chunks import MadeChunk
from backline.engines.jam.crew import Crew
from backline.engines.jam.news import News
from backline.engines.jam.orders import ChunkFormat
from backline.engines.jam.playing import Playing
from backline.engines.jam.spool import Spool
from backline.errors import BacklineError, Failed
from backline.observability.logging import get_logger

T = TypeVar("T")

MOST_AHEAD_SECONDS = 60.0
"""Of sound, ahead of the time since the jam's start: who pulls faster has to wait."""
_LOOK_SECONDS = 1.0


class Making:
    """Asks for bar after bar, on the threads, while there is room for them.

    format: what chunks are encoded as at once, because somebody asked for it last. stopping: it ends at the
    next bar line. error: what ended it.
    """

    def __init__(self, tag: str, playing: Playing, spool: Spool, news: News, crew: Crew, clock: Monotonic) -> None:
        """tag: the engine's name."""
        self.playing = playing
        self.format: ChunkFormat = "wav"
        self.ended = False
        self.error: BacklineError | None = None
        self._tag = tag
        self._spool = spool
        self._news = news
        self._crew = crew
        self._clock = clock
        self._began = self._zero = clock()
        self.stopping = False
        self._at_work = False
        spool.begin()
        self._task = asyncio.create_task(self._make())

    @property
    def running(self) -> bool:
        return not self.ended and self.error is None

    @property
    def runs_dry(self) -> float:
        """When its listener will have played all that is made, by the clock; who runs dry first is served first."""
        return self._zero + self.playing.made_seconds

    @property
    def _ahead_seconds(self) -> float:
        """How far one more bar would be ahead of the time since the start."""
        playing = self.playing
        return playing.made_seconds + playing.grid.seconds_per_bar - (self._clock() - self._began)

    def note_delivered(self, chunk: MadeChunk) -> None:
        """It cannot have been played before now."""
        begin_seconds = chunk.metadata.start_sample / chunk.metadata.sample_rate
        self._zero = max(self._zero, self._clock() - begin_seconds)
        self._news.tell()

    def stop(self) -> None:
        self.stopping = True
        if not self._at_work and self.playing.between_chunks:
            self._spool.end()  # now: the next call may be for that chunk
        self._news.tell()

    def abandon(self) -> None:
        """At once, without an end. The bar that a thread is at is dropped."""
        self._task.cancel()

    async def _make(self) -> None:
        try:
            while await self._goes_on():
                self._keep(await self._work(partial(self.playing.play_bar, self.format)))
            await self._come_to_an_end()
        except Exception as error:  # noqa: BLE001 - whatever an engine does, the other sessions play on
            self.error = engine_failure(error, self._tag)
        self._news.tell()

    async def _work(self, function: Callable[[], T]) -> T:
        self._at_work = True
        try:
            return await self._crew.run(self.runs_dry, function)
        finally:
            self._at_work = False

    async def _goes_on(self) -> bool:
        """Waits for room; False: it is to stop, and the bar line is here."""
        while not self.stopping:
            early_seconds = self._ahead_seconds - MOST_AHEAD_SECONDS
            if self._spool.has_room and early_seconds <= 0:
                return True
            await self._news.wait(min(early_seconds, _LOOK_SECONDS) if early_seconds > 0 else None)
        return False

    async def _come_to_an_end(self) -> None:
        if self.playing.between_chunks:
            self._spool.end()
        else:
            self._keep(await self._work(partial(self.playing.finish, self.format)))
        self.ended = True

    def _keep(self, chunk: MadeChunk | None) -> None:
        if chunk is not None:
            if self.stopping:
                chunk.mark_last()
            self._spool.put(chunk)
            self._news.tell()


def engine_failure(error: Exception, engine: str) -> BacklineError:
    """What a session tells about it; the log has the rest. engine: its name."""
    if isinstance(error, BacklineError):
        return error
    get_logger().error("jam.engine_failed", engine=engine, exc_info=error)
    return Failed("The engine failed while it played. Start the jam again.", code="engine_failed")
