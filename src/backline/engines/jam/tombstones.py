"""How sessions stood at their end, for who asks too late."""

from __future__ import annotations

from backline.clock import Monotonic
from backline.engines.jam.orders import JamStatus

_KEPT_SECONDS = 3600.0
_MOST = 10_000


class Tombstones:
    """Kept for an hour; the oldest go first when there are very many."""

    def __init__(self, clock: Monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, JamStatus]] = {}

    def put(self, status: JamStatus) -> None:
        self._forget()
        self._kept[status.session_id] = (self._clock() + _KEPT_SECONDS, status)

    def find(self, session_id: str) -> JamStatus | None:
        self._forget()
        kept = self._kept.get(session_id)
        return None if kept is None else kept[1]

    def _forget(self) -> None:
        """The order of a dict is that of the ends."""
        now = self._clock()
        while self._kept:
            session_id = next(iter(self._kept))
            if self._kept[session_id][0] > now and len(self._kept) < _MOST:
                return
            del self._kept[session_id]
