"""How many requests of a minute a caller or an address may make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.types import Scope

from backline.errors import Busy
from backline.observability.metrics import Metric, Metrics
from backline.web.middleware import ANSWER_HEADERS
from backline.web.sliding_window import HIT_IN_REDIS, MICROSECONDS, Window, WindowsInMemory

if TYPE_CHECKING:  # it loads the limits library, which only a server with Redis needs
    from backline.web.redis_link import RedisLink

REFUSED = Metric("backline_limits_refused_total", "Requests beyond a limit.", ("window",))


class RateLimiter:
    """Windows in memory, or in Redis for several servers together; in memory again while Redis is away.

    length_seconds: of a window; capacity: keys of one name that memory holds.
    """

    def __init__(
        self, metrics: Metrics, link: RedisLink | None = None, *, length_seconds: float = 60.0, capacity: int = 65_536
    ) -> None:
        self._metrics = metrics
        self._link = link
        self._length_seconds = length_seconds
        self._capacity = capacity
        self._memory: dict[str, WindowsInMemory] = {}

    async def hit(self, name: str, key: str, limit: int) -> Window:
        """Count one request of `key` if it passes. name: the kind of window, such as `address`; one of few."""
        if self._link is not None:
            length_us = round(self._length_seconds * MICROSECONDS)
            answer = await self._link.run(HIT_IN_REDIS, f"backline:rate:{name}:{key}", limit, length_us)
            if answer is not None:
                passed, previous, current, elapsed_us = answer
                return Window(passed == 1, limit, previous, current, elapsed_us, length_us)
        memory = self._memory.get(name)
        if memory is None:  # one each, so that a flood of addresses makes nobody's key forgotten
            memory = self._memory[name] = WindowsInMemory(self._length_seconds, self._capacity)
        return memory.hit(key, limit)

    async def admit(self, scope: Scope, name: str, key: str, limit: int) -> None:
        """The same for a request or a socket: its answer tells the window, the tightest where it meets several.

        Raises Busy (`rate_limited`).
        """
        window = await self.hit(name, key, limit)
        _tell(scope, window)
        if not window.passed:
            self._metrics.count(REFUSED, name)
            seconds = window.more_after_seconds
            raise Busy(
                f"More than {limit} requests a minute. Try again in {seconds} s.",
                code="rate_limited",
                retry_after_seconds=seconds,
            )


def _tell(scope: Scope, window: Window) -> None:
    headers: dict[bytes, bytes] | None = scope.get(ANSWER_HEADERS)
    if headers is None:  # a socket
        return
    told = headers.get(b"ratelimit-remaining")
    if told is None or window.remaining < int(told) or not window.passed:
        headers[b"ratelimit-limit"] = b"%d" % window.limit
        headers[b"ratelimit-remaining"] = b"%d" % window.remaining
        headers[b"ratelimit-reset"] = b"%d" % window.more_after_seconds
