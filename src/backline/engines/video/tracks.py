"""Values between keyframes. The studio's preview (`studio/static/exports/tracks.js`) does the same sums."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from backline.engines.video.base import Interpolation


class Track:
    """Several values over time. times: seconds, strictly rising. values: for each time the same number of them.

    Before the first keyframe and after the last one their values hold. linear: a straight line between two.
    catmull_rom: the cubic through all of them whose slope at a keyframe is that of the line between its neighbours
    (Catmull and Rom, 1974, for uneven times); at both ends, that of the line to the only neighbour.
    """

    def __init__(
        self, times: Sequence[float], values: Sequence[Sequence[float]], interpolation: Interpolation = "linear"
    ) -> None:
        self._times = list(times)
        self._values = [tuple(row) for row in values]
        self._smooth = interpolation == "catmull_rom"

    def at(self, time: float) -> tuple[float, ...]:
        times, values = self._times, self._values
        if time <= times[0]:
            return values[0]
        if time >= times[-1]:
            return values[-1]
        left = bisect_right(times, time) - 1
        length = times[left + 1] - times[left]
        u = (time - times[left]) / length
        if not self._smooth:
            return tuple(a + (b - a) * u for a, b in zip(values[left], values[left + 1], strict=True))
        out, into = self._slope(left), self._slope(left + 1)
        return tuple(
            _hermite(u, a, b, m * length, n * length)
            for a, b, m, n in zip(values[left], values[left + 1], out, into, strict=True)
        )

    def _slope(self, index: int) -> tuple[float, ...]:
        """Units a second at a keyframe."""
        before, after = max(index - 1, 0), min(index + 1, len(self._times) - 1)
        length = self._times[after] - self._times[before]
        return tuple((b - a) / length for a, b in zip(self._values[before], self._values[after], strict=True))


def _hermite(u: float, start: float, end: float, out: float, into: float) -> float:
    """The cubic from start to end for u from 0 to 1, with these slopes at both."""
    square, cube = u * u, u * u * u
    return (
        (2 * cube - 3 * square + 1) * start
        + (cube - 2 * square + u) * out
        + (3 * square - 2 * cube) * end
        + (cube - square) * into
    )
