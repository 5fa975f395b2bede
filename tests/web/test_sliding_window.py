"""How many requests of the last minute count."""

from __future__ import annotations

import tracemalloc

from hypothesis import example, given
from hypothesis import strategies as st

from backline.web.sliding_window import MICROSECONDS, WindowsInMemory

LENGTH = 60.0


class Time:
    def __init__(self) -> None:
        self.us = 1_000 * MICROSECONDS

    def __call__(self) -> float:
        return self.us / MICROSECONDS

    def pass_by(self, seconds: float) -> None:
        self.us += round(seconds * MICROSECONDS)


def passed(windows: WindowsInMemory, times: int, limit: int) -> int:
    return sum(windows.hit("a", limit).passed for _ in range(times))


def test_from_nothing_exactly_the_limit_passes_in_one_window() -> None:
    time = Time()
    windows = WindowsInMemory(LENGTH, clock=time)
    count = 0
    for _ in range(1000):
        count += windows.hit("a", 100).passed
        time.pass_by(0.0599)
    assert count == 100


def test_a_steady_flood_gets_the_limit_in_each_window_and_no_more_than_one_besides() -> None:
    time = Time()
    windows = WindowsInMemory(LENGTH, clock=time)
    count = 0
    for _ in range(10 * 1000):
        count += windows.hit("a", 100).passed
        time.pass_by(0.06)
    assert 990 <= count <= 10 * 100 + 100


def test_what_was_used_fades_over_the_window_after() -> None:
    time = Time()
    windows = WindowsInMemory(LENGTH, clock=time)
    assert passed(windows, 200, 100) == 100
    time.pass_by(60)
    assert passed(windows, 200, 100) == 0
    time.pass_by(30)
    assert passed(windows, 200, 100) == 50
    time.pass_by(60)
    assert passed(windows, 200, 100) == 75  # half of those 50 still count
    time.pass_by(120)
    assert passed(windows, 200, 100) == 100


def test_keys_do_not_share() -> None:
    windows = WindowsInMemory(LENGTH)
    assert passed(windows, 3, 1) == 1
    assert windows.hit("b", 1).passed


def test_a_limit_may_change_between_two_requests() -> None:
    windows = WindowsInMemory(LENGTH, clock=Time())
    assert passed(windows, 5, 5) == 5
    lowered = windows.hit("a", 2)
    assert (lowered.passed, lowered.remaining) == (False, 0)
    assert windows.hit("a", 6).remaining == 0


@example(limit=1, steps=[(24.23828125, 0)], last=1)
@given(
    limit=st.integers(1, 40),
    steps=st.lists(st.tuples(st.floats(0, 200), st.integers(0, 60)), min_size=1, max_size=20),
    last=st.integers(1, 40),
)
def test_what_is_told_comes_true(limit: int, steps: list[tuple[float, int]], last: int) -> None:
    """`remaining` more pass now; `more_after_seconds` later one more does, and a second before that none does."""
    time = Time()
    windows = WindowsInMemory(LENGTH, clock=time)
    for seconds, times in steps:
        time.pass_by(seconds)
        for _ in range(times):
            windows.hit("a", limit)
    window = windows.hit("a", last)  # the limit may have been changed meanwhile
    wait = window.more_after_seconds
    assert passed(WindowsAt(windows), window.remaining + 1, last) == window.remaining
    if wait > 1:
        time.pass_by(wait - 1)
        assert passed(WindowsAt(windows), window.remaining + 1, last) == window.remaining
        time.pass_by(1)
    else:
        time.pass_by(1)
    assert passed(WindowsAt(windows), window.remaining + 1, last) == window.remaining + 1


class WindowsAt(WindowsInMemory):
    """A copy, to try what would pass."""

    def __init__(self, other: WindowsInMemory) -> None:
        self.__dict__.update(other.__dict__)
        self._counters = other._counters.copy()


def test_a_flood_of_addresses_fills_no_memory_and_the_busy_are_remembered() -> None:
    windows = WindowsInMemory(LENGTH, capacity=1000, clock=Time())
    tracemalloc.start()
    for number in range(50_000):
        windows.hit(f"address {number}", 10)
        if number % 500 == 0:
            windows.hit("busy", 10)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(windows) == 1000
    assert used < 1_000_000
    assert not windows.hit("busy", 10).passed
