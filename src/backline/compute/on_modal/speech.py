"""A speech engine in containers of Modal: `SpeechHost` over calls of the deployed class."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from backline.compute.on_modal import names
from backline.compute.on_modal.connection import ModalApp
from backline.compute.on_modal.failures import MODAL_ERRORS
from backline.compute.on_modal.speech_call import SpeechCalls
from backline.compute.on_modal.speech_queue import SpeechQueue
from backline.compute.speech_elsewhere import SpeechElsewhere, understood
from backline.compute.speech_wire import ELSEWHERE, SpeechOrder, order_as_data, rubbish
from backline.errors import Unavailable, from_data
from backline.observability.logging import get_logger
from backline.release import VERSION

_DESCRIBE_SECONDS = 900.0
"""A container may have to be started for it, and weights to be loaded."""

_WORTH_ANOTHER = ELSEWHERE | {"worker_lost", "modal_not_deployed"}
"""The last: what was known of the app is forgotten then, and another look may find it."""


class SpeechOnModal(SpeechElsewhere):
    """app: shared, and closed by its owner. queue_limit: how many units may wait for a container; a new stream more is
    refused (Busy `remote_queue_full`), and while Modal is silent every new one (Unavailable)."""

    def __init__(self, engine: str, app: ModalApp, queue_limit: int) -> None:
        super().__init__(engine, _WORTH_ANOTHER)
        self._app = app
        self._queue = SpeechQueue(app, queue_limit)
        self._calls = SpeechCalls(app, self._queue.check_reached)

    async def close(self) -> None:
        """What is deployed goes on."""
        await self._calls.close()
        await self._queue.close()

    def _admit(self, order: SpeechOrder) -> None:
        if order.order <= 0:  # those of a stream that was heard already must go on
            self._queue.check()

    def _chunks(self, order: SpeechOrder) -> AsyncGenerator[bytes, None]:
        return self._calls.chunks(order_as_data(order))

    async def _described(self) -> Any:
        """What a container of this release has told; else one is asked."""
        entries = self._app.dict_(names.capabilities(self._app.name))
        told = await self._app.ask(lambda: entries.get.aio(self._engine))
        if isinstance(told, dict) and told.get("release") == VERSION and understood(told.get("capabilities")):
            return told["capabilities"]
        return await self._app.ask(self._describe, seconds=_DESCRIBE_SECONDS)

    async def _describe(self) -> Any:
        try:
            answer = await self._app.speech().describe.remote.aio(self._engine)
        except MODAL_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 - what a container fails with when it starts arrives as itself
            get_logger().warning("modal.speech_failed", engine=self._engine, error_type=type(error).__name__)
            raise Unavailable("The machines that speak do not start.", code="engine_not_started") from None
        if not isinstance(answer, dict):
            raise rubbish()
        if isinstance(answer.get("error"), dict):
            raise from_data(answer["error"])
        return answer.get("capabilities")
