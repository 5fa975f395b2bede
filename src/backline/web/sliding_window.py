"""The sliding-window counter: how many requests of the last minute count, from two numbers a key.

The window of a key begins with its first request, and the next one where it ends. What the window before has counted
fades out evenly while the current one runs: `floor(previous * what is left of the window) + current` requests count.
From nothing, a window lets through its limit and not one more; n windows under overload at most (n + 1) limits.
Whole microseconds and whole division, so that Python and Redis come to the same answer.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil

from backline.clock import Monotonic, monotonic

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Window:
    """What a key has used, right after it asked.

    passed: whether it may go on; if so it is counted. previous, current: requests of the window before and of this one.
    elapsed_us, length_us: how far this window has come, and its length.
    """

    passed: bool
    limit: int
    previous: int
    current: int
    elapsed_us: int
    length_us: int

    @property
    def remaining(self) -> int:
        """Requests that would pass now."""
        return max(0, self.limit - self.current - self._faded())

    @property
    def more_after_seconds(self) -> int:
        """Whole seconds after which one more request passes than now, if none comes meanwhile; at least 1."""
        wanted = self.limit - self.remaining - 1  # what may still count then
        left_us = self.length_us - self.elapsed_us
        if wanted >= self.current:
            wait_us = left_us - _fades_to(self.previous, wanted - self.current, self.length_us)
        else:
            wait_us = left_us + self.length_us - _fades_to(self.current, wanted, self.length_us)
        return max(1, ceil(wait_us / MICROSECONDS))

    def _faded(self) -> int:
        return self.previous * (self.length_us - self.elapsed_us) // self.length_us


def _fades_to(count: int, wanted: int, length_us: int) -> int:
    """What is left of a window when no more than `wanted` of the `count` before it still count."""
    return length_us if count <= wanted else ((wanted + 1) * length_us - 1) // count


class WindowsInMemory:
    """The windows of one process. capacity: keys that are remembered; one more forgets whoever was silent longest, so
    that a flood of addresses fills no memory. `hit` never waits, so no two of one event loop count at once."""

    def __init__(self, length_seconds: float = 60.0, capacity: int = 65_536, clock: Monotonic = monotonic) -> None:
        self._length_us = round(length_seconds * MICROSECONDS)
        self._capacity = capacity
        self._clock = clock
        self._counters: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counters)

    def hit(self, key: str, limit: int) -> Window:
        """Count one request if it passes."""
        length = self._length_us
        now = round(self._clock() * MICROSECONDS)
        start, previous, current = self._counters.get(key) or (now, 0, 0)
        if now - start >= 2 * length:
            start, previous, current = now, 0, 0
        elif now - start >= length:
            start, previous, current = start + length, current, 0
        elapsed = now - start
        passed = previous * (length - elapsed) // length + current < limit
        if passed:
            current += 1
        self._counters[key] = start, previous, current
        self._counters.move_to_end(key)
        if len(self._counters) > self._capacity:
            self._counters.popitem(last=False)
        return Window(passed, limit, previous, current, elapsed, length)


HIT_IN_REDIS = """
local limit, length = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local counter = redis.call('HMGET', KEYS[1], 'start', 'previous', 'current')
local start, previous, current = tonumber(counter[1]), tonumber(counter[2]), tonumber(counter[3])
if not start or now - start >= 2 * length then
    start, previous, current = now, 0, 0
elseif now - start >= length then
    start, previous, current = start + length, current, 0
end
local elapsed = math.max(0, now - start)
local passed = math.floor(previous * (length - elapsed) / length) + current < limit
if passed then
    current = current + 1
    redis.call('HSET', KEYS[1], 'start', string.format('%.0f', start), 'previous', previous, 'current', current)
    redis.call('PEXPIRE', KEYS[1], math.ceil(2 * length / 1000))
end
return {passed and 1 or 0, previous, current, elapsed}
"""
"""The same step in Redis, by its clock, in one script and so at once. KEYS: the counter. ARGV: limit, length in
microseconds. Answers passed, previous, current, elapsed."""
