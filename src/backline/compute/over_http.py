"""A speech engine of a worker on another machine, or in another process of this one: `SpeechHost` over HTTP."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from backline.compute.speech_requests import SpeechRequests
from backline.compute.speech_wire import ELSEWHERE, SpeechOrder, blocks_of, rubbish, with_second_try
from backline.compute.wire import capabilities_from_data
from backline.engines.speech.base import SpeechBlock, SpeechCapabilities, SpeechParams, SpeechState
from backline.errors import Failed, Invalid, Unavailable


def _nothing() -> None:
    pass


class SpeechOverHttp:
    """engine: its name, here and there. requests: of the worker; shared by its engines and closed by their owner.

    What is made waits over there, and on the way, until it is read; nothing is gathered here.
    """

    def __init__(self, engine: str, requests: SpeechRequests) -> None:
        self._engine = engine
        self._requests = requests
        self._capabilities: SpeechCapabilities | None = None

    async def start(self) -> SpeechCapabilities:
        """Ask what it can do. Raises Unavailable."""
        known = (await self._requests.engines()).get(self._engine)
        if known is None:
            raise Unavailable(f"The worker has no engine '{self._engine}'.", code="engine_unavailable", retryable=False)
        if known.get("capabilities") is None:
            reason = known.get("reason") or f"The worker's engine '{self._engine}' cannot speak now."
            raise Unavailable(str(reason), code="engine_not_started")
        try:
            self._capabilities = capabilities_from_data(known["capabilities"])
        except (TypeError, KeyError, ValueError, AttributeError):
            raise rubbish() from None
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
        """A unit of which nothing was heard is asked for once more when its machine is broken or goes away."""
        asked = SpeechOrder(self._engine, text, state, params, order)
        made = with_second_try(lambda: self._spoken(asked, on_turn), lambda error: error.code in ELSEWHERE)
        async with aclosing(made):
            async for blocks in made:
                yield blocks

    async def close(self) -> None:
        """The worker goes on."""

    async def _spoken(
        self, order: SpeechOrder, on_turn: Callable[[], None]
    ) -> AsyncGenerator[Sequence[SpeechBlock], None]:
        async with (
            aclosing(self._requests.speak(order)) as parts,
            aclosing(blocks_of(parts, order.state, on_turn)) as made,
        ):
            async for blocks in made:
                yield blocks
