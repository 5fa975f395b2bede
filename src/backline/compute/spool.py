"""Blocks on their way from an engine to its listener: made in one place, read in another, bounded in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from backline.engines.speech.base import SpeechBlock
from backline.errors import BacklineError, Unavailable

BOUND_SECONDS = 60.0
"""Sound that may wait for its reader before the engine has to: a long sentence fits, so that a slow client never holds
an engine, and at 24 kHz it is 6 MB."""


def _nothing() -> None:
    pass


class BlockSpool:
    """One unit's blocks. Methods are called on the event loop; `full` may be read from any thread."""

    def __init__(self, rate_hz: int) -> None:
        self.full = False
        self._bound_frames = int(BOUND_SECONDS * rate_hz)
        self._blocks: list[SpeechBlock] = []
        self._frames = 0
        self._ended = False
        self.abandoned = False
        self._error: BacklineError | None = None
        self._waiter: asyncio.Future[None] | None = None  # of the one reader
        self._room = asyncio.Event()
        self._room.set()
        self.on_full: Callable[[], None] = _nothing
        self.on_room: Callable[[], None] = _nothing
        """Called when the bound is passed and when it no longer is, for an engine that must be told to rest."""

    def put(self, blocks: Sequence[SpeechBlock]) -> None:
        if self.abandoned:
            return
        self._blocks.extend(blocks)
        self._frames += sum([len(block.samples) for block in blocks])
        if self._frames > self._bound_frames:
            self._room.clear()
            if not self.full:
                self.full = True
                self.on_full()
        self._tell()

    def end(self, error: BacklineError | None = None) -> None:
        self._ended, self._error = True, error
        self._tell()

    def abandon(self) -> None:
        """Nobody reads any more: what still comes is dropped, and the engine never waits."""
        self.abandoned = True
        self._make_room()

    async def wait_for_room(self) -> None:
        await self._room.wait()

    async def take(self, patience_seconds: float) -> list[SpeechBlock]:
        """All that waits; an empty list at the end. What the engine raised comes after what it made before."""
        if not self._blocks and not self._ended:
            await self._wait_for_news(patience_seconds)
        taken = self._blocks
        self._make_room()
        if not taken and self._error is not None:
            raise self._error
        return taken

    def _make_room(self) -> None:
        self._blocks, self._frames = [], 0
        if self.full:
            self.full = False
            self._room.set()
            self.on_room()

    def _tell(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait_for_news(self, patience_seconds: float) -> None:
        """A future and a timer of its own: an event inside a timeout costs three times as much, for every block."""
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_later(patience_seconds, self._give_up)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _give_up(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            error = Unavailable("The engine made no sound for too long. Try again.", code="engine_stalled")
            self._waiter.set_exception(error)
