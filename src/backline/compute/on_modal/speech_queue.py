"""Admission by the depth of Modal's own queue: a clear no, with a wait, instead of a silent queue. Whoever asks for it
learns too whether Modal answers at all."""

from __future__ import annotations

import asyncio

from backline.clock import Monotonic, monotonic
from backline.compute.on_modal.connection import ModalApp
from backline.errors import BacklineError, Busy
from backline.observability.logging import get_logger

_BELIEVED_SECONDS = 2.0
_OLD_SECONDS = 10.0
_ASK_SECONDS = 5.0
_AWAY_SECONDS = 3.0
"""How long nobody tries again after Modal did not answer; it may be back."""


class SpeechQueue:
    """limit: how many units may wait for a container. What Modal said is believed for two seconds; it is asked beside
    the streams, none of which waits for the answer, and where it does not say, all are let in."""

    def __init__(self, app: ModalApp, limit: int, clock: Monotonic = monotonic) -> None:
        self._app = app
        self._limit = limit
        self._clock = clock
        self._waiting = 0
        self._told = float("-inf")
        self._away: tuple[float, BacklineError] | None = None
        self._asking: asyncio.Task[None] | None = None

    def check(self) -> None:
        """Raises Busy `remote_queue_full`, and Unavailable while Modal does not answer."""
        self.check_reached()
        age_seconds = self._clock() - self._told
        if self._waiting > self._limit and age_seconds < _OLD_SECONDS:
            raise Busy(
                f"{self._waiting} sentences wait for a machine. Try again in a moment.",
                code="remote_queue_full",
                retry_after_seconds=_BELIEVED_SECONDS,
            )

    def check_reached(self) -> None:
        """Raises Unavailable when Modal did not answer a moment ago; else it is asked beside, now and then."""
        fresh = self._clock() - self._told <= _BELIEVED_SECONDS
        if not fresh and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask())
        if self._away is not None and self._clock() - self._away[0] < _AWAY_SECONDS:
            raise self._away[1]

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self) -> None:
        try:
            stats = await self._app.ask(lambda: self._app.speech().stream.get_current_stats.aio(), seconds=_ASK_SECONDS)
        except BacklineError as error:
            get_logger().warning("modal.queue_unknown", code=error.code)
            self._away = (self._clock(), error) if error.code == "modal_unreachable" else None
            return
        self._waiting, self._told, self._away = stats.backlog, self._clock(), None
