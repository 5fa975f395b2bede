"""How far a render is, told neither too often nor too seldom, with the time that is left."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic

Told = Callable[..., None]
"""Takes keywords that JSON can say: `progress`, `frames`, `frames_total`, `phase`, `seconds_left`; or `segment`."""

RENDERING = "Rendering"
STORING = "Storing"
"""What a running export says of itself."""

RENDERED = 0.98
"""How much of the work is done when the film is rendered, and not stored."""

_OFTEN_SECONDS, _SELDOM_SECONDS = 0.2, 2.0
_LOOK_BACK_SECONDS = 20.0
_FIRST_SECONDS = 0.5
"""Before that there is nothing to reckon with."""


class Progress:
    """Frames done of frames to do."""

    def __init__(self, told: Told, frames_total: int, clock: Callable[[], float] = monotonic) -> None:
        self._told, self._total, self._clock = told, frames_total, clock
        self._before = self._frames = 0
        self._begun: float | None = None
        self._told_at = float("-inf")
        self._told_frames = -1
        self._phase = "processing"
        self._seen: deque[tuple[float, int]] = deque()

    def found(self, frames: int) -> None:
        """Called often, before the first of `frames`: so many are there already, and took no time."""
        self._before = self._frames = frames
        self.still()

    def frames(self, frames: int) -> None:
        """Called often; tells what there is to tell."""
        now = self._clock()
        if self._begun is None and frames > self._before:
            self._begun, self._before = now, frames  # opening and the first frame are not the pace
        self._frames = max(frames, self._frames)
        if not self._seen or now - self._seen[-1][0] > 1.0:
            self._seen.append((now, self._frames))
            while now - self._seen[0][0] > _LOOK_BACK_SECONDS:
                self._seen.popleft()
        since = now - self._told_at
        if since >= _SELDOM_SECONDS or (since >= _OFTEN_SECONDS and self._frames != self._told_frames):
            self._tell(now)

    def finalizing(self) -> None:
        self._phase = "finalizing"
        self._tell(self._clock())

    def still(self) -> None:
        """Called often, while nothing is there to tell but that it goes on."""
        if self._clock() - self._told_at >= _SELDOM_SECONDS:
            self._tell(self._clock())

    def _tell(self, now: float) -> None:
        self._told_at, self._told_frames = now, self._frames
        self._told(
            progress=self._frames / self._total,
            frames=self._frames,
            frames_total=self._total,
            phase=self._phase,
            seconds_left=self._seconds_left(now),
        )

    def _seconds_left(self, now: float) -> float | None:
        """By the mean of the whole pace and that of the last seconds; None while there is none."""
        if self._phase == "finalizing":
            return 0.0
        if self._begun is None or now - self._begun < _FIRST_SECONDS or self._frames == self._before:
            return None
        paces = [(self._frames - self._before) / (now - self._begun)]
        then, frames = self._seen[0]
        if now - then > _LOOK_BACK_SECONDS / 2 and self._frames > frames:
            paces.append((self._frames - frames) / (now - then))
        return round((self._total - self._frames) / (sum(paces) / len(paces)), 1)
