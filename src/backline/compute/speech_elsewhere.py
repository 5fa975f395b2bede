"""What every `SpeechHost` of another machine has in common, however its bytes travel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from backline.compute.speech_wire import ELSEWHERE, SpeechOrder, blocks_of, rubbish, with_second_try
from backline.compute.wire import capabilities_from_data
from backline.engines.speech.base import SpeechBlock, SpeechCapabilities, SpeechParams, SpeechState
from backline.errors import Failed, Invalid


def _nothing() -> None:
    pass


class SpeechElsewhere(ABC):
    """engine: its name, here and there. worth: codes of failures after which a unit of which nothing was heard is asked
    for once more: those of one machine, where there are others."""

    def __init__(self, engine: str, worth: frozenset[str] = ELSEWHERE) -> None:
        self._engine = engine
        self._worth = worth
        self._capabilities: SpeechCapabilities | None = None

    @abstractmethod
    async def _described(self) -> Any:
        """The engine's capabilities, as data. Raises Unavailable."""

    @abstractmethod
    def _chunks(self, order: SpeechOrder) -> AsyncGenerator[bytes, None]:
        """Frames of `speech_wire`, cut anyhow; closing it stops the engine."""

    def _admit(self, order: SpeechOrder) -> None:  # noqa: B027 - most let everybody in
        """Raises Busy or Unavailable for what is better not asked now."""

    async def start(self) -> SpeechCapabilities:
        """Ask what it can do. Raises Unavailable."""
        self._capabilities = understood(await self._described())
        if self._capabilities is None:
            raise rubbish()
        return self._capabilities

    async def open(self, voice: str) -> SpeechState:
        if self._capabilities is None:
            raise Failed("The engine was asked before it was started.")
        if all(known.id != voice for known in self._capabilities.voices):
            raise Invalid(f"There is no voice '{voice}'.", code="unknown_voice")
        return SpeechState(voice=voice)

    async def stream(
        self,
        text: str,
        state: SpeechState,
        params: SpeechParams,
        order: float,
        on_turn: Callable[[], None] = _nothing,
    ) -> AsyncGenerator[Sequence[SpeechBlock], None]:
        asked = SpeechOrder(self._engine, text, state, params, order)
        self._admit(asked)
        made = with_second_try(lambda: self._spoken(asked, on_turn), lambda error: error.code in self._worth)
        async with aclosing(made):
            async for blocks in made:
                yield blocks

    async def _spoken(
        self, order: SpeechOrder, on_turn: Callable[[], None]
    ) -> AsyncGenerator[Sequence[SpeechBlock], None]:
        async with (
            aclosing(self._chunks(order)) as chunks,
            aclosing(blocks_of(chunks, order.state, on_turn)) as made,
        ):
            async for blocks in made:
                yield blocks


def understood(told: Any) -> SpeechCapabilities | None:
    """None for what are no capabilities, or those of other code."""
    try:
        return capabilities_from_data(told)
    except (TypeError, KeyError, ValueError, AttributeError):
        return None
