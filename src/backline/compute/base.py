"""Where an engine runs, as callers see it: not at all.

A slice names an engine and gets sound. Whether that engine lives in a thread, in a worker process or on another
machine is decided by its catalogue entry and by settings, behind these two ports.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from backline.engines.catalog import EngineEntry
from backline.engines.speech.base import SpeechBlock, SpeechCapabilities, SpeechParams, SpeechState

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SpeechEngineStatus:
    """One engine as it stands. capabilities: None while it cannot speak; `reason` then says why and what helps."""

    entry: EngineEntry
    capabilities: SpeechCapabilities | None
    reason: str | None = None


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
