"""The hours of a session, and what of them is billed."""

from __future__ import annotations

from datetime import datetime
from typing import overload

from backline.clock import Clock, Monotonic


class Times:
    """All by the monotonic clock, in its seconds. The wall clock is read once: setting it moves no figure."""

    def __init__(self, clock: Monotonic, wall: Clock, grace_seconds: float) -> None:
        self._clock = clock
        self._grace_seconds = grace_seconds
        self._wall: datetime = wall()
        self.created = self.touched = clock()
        self.warmed: float | None = None
        self.closed: float | None = None

    @property
    def now(self) -> float:
        """It stands still when the session is closed."""
        return self._clock() if self.closed is None else self.closed

    @property
    def idle_seconds(self) -> float:
        return self.now - self.touched

    @property
    def age_seconds(self) -> float:
        return self.now - self.created

    def touch(self) -> None:
        self.touched = max(self.touched, self._clock())

    def warm(self) -> None:
        self.warmed = self._clock()

    def close(self) -> None:
        self.closed = self._clock()

    @property
    def billable_end(self) -> float:
        return min(self.now, self.touched + self._grace_seconds)

    @property
    def billable_seconds(self) -> float | None:
        """None while warming, and for a session that never was warm 0 after its end."""
        if self.warmed is None:
            return None if self.closed is None else 0.0
        return max(0.0, self.billable_end - self.warmed)

    @overload
    def timestamp(self, moment: float) -> float: ...

    @overload
    def timestamp(self, moment: float | None) -> float | None: ...

    def timestamp(self, moment: float | None) -> float | None:
        """Seconds since 1970."""
        return None if moment is None else self._wall.timestamp() + (moment - self.created)
