"""A speech engine of a worker on another machine, or in another process of this one: `SpeechHost` over HTTP."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from backline.compute.speech_elsewhere import SpeechElsewhere
from backline.compute.speech_requests import SpeechRequests
from backline.compute.speech_wire import SpeechOrder
from backline.errors import Unavailable


class SpeechOverHttp(SpeechElsewhere):
    """requests: of the worker; shared by its engines and closed by their owner.

    What is made waits over there, and on the way, until it is read; nothing is gathered here.
    """

    def __init__(self, engine: str, requests: SpeechRequests) -> None:
        super().__init__(engine)
        self._requests = requests

    async def _described(self) -> Any:
        known = (await self._requests.engines()).get(self._engine)
        if known is None:
            raise Unavailable(f"The worker has no engine '{self._engine}'.", code="engine_unavailable", retryable=False)
        if known.get("capabilities") is None:
            reason = known.get("reason") or f"The worker's engine '{self._engine}' cannot speak now."
            raise Unavailable(str(reason), code="engine_not_started")
        return known["capabilities"]

    def _chunks(self, order: SpeechOrder) -> AsyncGenerator[bytes, None]:
        return self._requests.speak(order)

    async def close(self) -> None:
        """The worker goes on."""
