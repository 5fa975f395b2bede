"""Where an engine runs, as callers see it: not at all.

A slice names an engine and gets sound. Whether that engine lives in a thread, in a worker process or on another
machine is decided by its catalogue entry and by settings, behind these ports.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from backline.engines.catalog import EngineEntry
from backline.engines.jam.orders import ChunkFormat, JamChange, JamChunk, JamOptions, JamStatus
from backline.engines.speech.base import SpeechBlock, SpeechCapabilities, SpeechParams, SpeechState

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SpeechEngineStatus:
    """One engine as it stands. capabilities: None while it cannot speak; `reason` then says why and what helps, and
    `awaited` whether it is tried again without anybody's doing."""

    entry: EngineEntry
    capabilities: SpeechCapabilities | None
    reason: str | None = None
    awaited: bool = False


class SpeechHost(Protocol):
    """All instances of one speech engine, in one place."""

    async def start(self) -> SpeechCapabilities:
        """Bring the instances up. Raises Unavailable when they cannot be."""
        ...

    async def open(self, voice: str) -> SpeechState: ...

    def stream(
        self, text: str, state: SpeechState, params: SpeechParams, order: float, on_turn: Callable[[], None] = ...
    ) -> AsyncGenerator[Sequence[SpeechBlock], None]:
        """Speak one unit; yields what has been made since the last time.

        order: who goes first when all instances are busy; the smallest number does. on_turn: called when an instance
        is free and begins; the time before is not the engine's.
        Closing the generator stops the engine. An instance is held while it makes sound, not while the caller reads.
        Afterwards `state.data` is what the engine left in it.
        """
        ...

    async def close(self) -> None: ...


class Compute(Protocol):
    """Every engine there is, and the worker threads beside them."""

    def speech_engines(self) -> Sequence[SpeechEngineStatus]:
        """In the order of the catalogue."""
        ...

    def speech(self, engine: str) -> SpeechHost:
        """Raises NotFound for an unknown name, Unavailable when the engine cannot run here."""
        ...

    async def run(self, order: float, function: Callable[[], T]) -> T:
        """Run short blocking work on a worker thread; the smallest `order` goes first. It is not interrupted."""
        ...


class JamLink(Protocol):
    """The jam sessions of one worker, wherever it is. One contract suite runs over every implementation.

    Each method raises NotFound `session_not_found` for an id that the worker does not know (it is dead), Conflict
    `session_closed` for one that has ended, Invalid for what makes no sense, and Unavailable `worker_unreachable` when
    nobody can say (unknown is not dead). All but `peek` and `close` keep the session alive.
    """

    async def warm_up(self, session_id: str) -> JamStatus:
        """Make the session, or find it; returns once it is warm, or after the link's patience, still warming.

        Raises Busy `too_many_sessions` when the worker has no room.
        """
        ...

    async def status(self, session_id: str) -> JamStatus:
        """A keepalive."""
        ...

    async def peek(self, session_id: str) -> JamStatus:
        """Touches nothing. Also for a session that was closed: how it stood at its end."""
        ...

    async def start(self, session_id: str, loop: bytes, options: JamOptions) -> None:
        """loop: an audio file. Raises Conflict `jam_already_running`, and Conflict `not_warm` before it can play."""
        ...

    async def next(
        self, session_id: str, timeout_seconds: float, chunk_format: ChunkFormat = "wav", index: int | None = None
    ) -> JamChunk | None:
        """The next chunk, or that with the index, waiting for it so long; None when it is not there by then, or when
        the jam has ended. Raises Conflict `no_active_jam` where none was started, and NotFound `chunk_gone`."""
        ...

    async def consume(self, session_id: str, index: int) -> None:
        """It, and all before it, is not needed any more."""
        ...

    async def update(self, session_id: str, change: JamChange) -> None: ...

    async def reseed(self, session_id: str, loop: bytes | None) -> None:
        """Go on from another loop, at once; None: from what was last played."""
        ...

    async def reseed_splice(self, session_id: str, loop: bytes | None, anchor_bars: float) -> None:
        """Go on from another loop with the next chunk, keeping the newest bars of what was played."""
        ...

    async def stop(self, session_id: str) -> None:
        """No more music after the next bar line; what is made can still be fetched, and the session stays warm."""
        ...

    async def close(self, session_id: str, reason: str) -> JamStatus:
        """The end, with the figures that are billed. Again: the same answer."""
        ...

    async def aclose(self) -> None: ...
