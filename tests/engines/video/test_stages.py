"""Stages end together: when all is done, when one fails, and when they are told to."""

from __future__ import annotations

from time import monotonic, sleep

import pytest

from backline.engines.video.stages import Queue, Stages


def test_things_come_in_order_and_few_at_a_time() -> None:
    stages, got = Stages(), list[int]()
    queue: Queue[int] = Queue(stages, 2)
    most = 0

    def give() -> None:
        for number in range(1, 200):
            queue.put(number)
        queue.put(None)

    def take() -> None:
        nonlocal most
        while number := queue.get():
            most = max(most, len(queue))
            got.append(number)

    stages.start("give", give)
    stages.start("take", take)
    while not stages.ended(0.1):
        pass
    assert got == list(range(1, 200))
    assert most <= 2


def test_when_one_fails_those_that_wait_end_and_the_failure_is_raised() -> None:
    stages = Stages()
    empty: Queue[int] = Queue(stages, 1)
    full: Queue[int] = Queue(stages, 1)
    full.put(1)
    stages.start("take", lambda: void(empty.get()))
    stages.start("give", lambda: full.put(2))
    stages.start("fail", lambda: void(1 // 0))
    with pytest.raises(ZeroDivisionError):
        stages.ended(5)
    deadline = monotonic() + 5
    while stages.alive and monotonic() < deadline:
        sleep(0.01)
    assert not stages.alive


def test_told_to_stop_they_stop_without_a_failure() -> None:
    stages = Stages()
    empty: Queue[int] = Queue(stages, 1)
    stages.start("take", lambda: void(empty.get()))
    assert not stages.ended(0.01)
    stages.stop(5)
    assert stages.ended(0.1)


def void(_value: object) -> None:
    """For what returns something, where nothing is wanted."""
