"""A speech engine in containers of Modal: `SpeechHost` over calls of the deployed class."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from backline.compute.on_modal import names
from backline.compute.on_modal.connection import ModalApp
from backline.compute.on_modal.failures import MODAL_ERRORS
from backline.compute.on_modal.speech_call import SpeechCalls
from backline.compute.on_modal.speech_queue import SpeechQueue
from backline.compute.speech_wire import (
    ELSEWHERE,
    SpeechOrder,
    blocks_of,
    order_as_data,
    rubbish,
    with_second_try,
)
from backline.compute.wire import capabilities_from_data
from backline.engines.speech.base import SpeechBlock, SpeechCapabilities, SpeechParams, SpeechState
from backline.errors import Failed, Invalid, Unavailable, from_data
from backline.observability.logging import get_logger
from backline.release import VERSION

_DESCRIBE_SECONDS = 900.0
"""A container may have to be started for it, and weights to be loaded."""

_WORTH_ANOTHER = ELSEWHERE | {"worker_lost", "modal_not_deployed"}
"""The last: what was known of the app is forgotten then, and another look may find it."""


def _nothing() -> None:
    pass


class SpeechOnModal:
    """engine: its name, here and there. app: shared, and closed by its owner. queue_limit: how many units may wait for
    a container; a new stream more is refused."""

    def __init__(self, engine: str, app: ModalApp, queue_limit: int) -> None:
        self._engine = engine
        self._app = app
        self._queue = SpeechQueue(app, queue_limit)
        self._calls = SpeechCalls(app, self._queue.check_reached)
        self._capabilities: SpeechCapabilities | None = None

    async def start(self) -> SpeechCapabilities:
        """What a container of this release has told; else one is asked. Raises Unavailable."""
        told = await self._told()
        if told is None:
            told = _capabilities(await self._app.ask(self._describe, seconds=_DESCRIBE_SECONDS))
        if told is None:
            raise rubbish()
        self._capabilities = told
        return told

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
        """A unit of which nothing was heard is asked for once more when its machine is broken or was lost.

        For a new stream it raises Busy `remote_queue_full` when too many wait, and Unavailable while Modal is silent.
        """
        if order <= 0:  # those of a stream that was heard already must go on
            self._queue.check()
        asked = SpeechOrder(self._engine, text, state, params, order)
        made = with_second_try(lambda: self._spoken(asked, on_turn), lambda error: error.code in _WORTH_ANOTHER)
        async with aclosing(made):
            async for blocks in made:
                yield blocks

    async def close(self) -> None:
        """What is deployed goes on."""
        await self._calls.close()
        await self._queue.close()

    async def _spoken(
        self, order: SpeechOrder, on_turn: Callable[[], None]
    ) -> AsyncGenerator[Sequence[SpeechBlock], None]:
        async with (
            aclosing(self._calls.chunks(order_as_data(order))) as chunks,
            aclosing(blocks_of(chunks, order.state, on_turn)) as made,
        ):
            async for blocks in made:
                yield blocks

    async def _describe(self) -> Any:
        try:
            answer = await self._app.speech().describe.remote.aio(self._engine)
        except MODAL_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 - what a container fails with when it starts arrives as itself
            get_logger().warning("modal.speech_failed", engine=self._engine, error_type=type(error).__name__)
            raise Unavailable("The machines that speak do not start.", code="engine_not_started") from None
        if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
            raise from_data(answer["error"])
        return answer

    async def _told(self) -> SpeechCapabilities | None:
        entries = self._app.dict_(names.capabilities(self._app.name))
        told = await self._app.ask(lambda: entries.get.aio(self._engine))
        return _capabilities(told) if isinstance(told, dict) and told.get("release") == VERSION else None


def _capabilities(data: Any) -> SpeechCapabilities | None:
    try:
        return capabilities_from_data(data["capabilities"])
    except (TypeError, KeyError, ValueError, AttributeError):
        return None
