from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backline.engines.jam.times import Times
from tests.engines.jam.players import Hands

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def times(clock: Hands) -> Times:
    return Times(clock, lambda: MIDNIGHT, grace_seconds=30.0)


def test_before_it_is_warm_nothing_is_known(times: Times) -> None:
    assert times.billable_seconds is None


def test_what_was_never_warm_costs_nothing(times: Times, clock: Hands) -> None:
    clock.now += 5
    times.close()
    assert times.billable_seconds == 0


def test_after_the_close_it_stands_still(times: Times, clock: Hands) -> None:
    times.warm()
    clock.now += 7
    times.close()
    clock.now += 1000
    assert (times.now, times.idle_seconds, times.billable_seconds) == (1007, 7, 7)


def test_who_left_before_it_was_warm_pays_nothing(times: Times, clock: Hands) -> None:
    clock.now += 100
    times.warm()
    clock.now += 50
    assert times.billable_seconds == 0


def test_timestamps_count_on_from_one_look_at_the_wall(times: Times, clock: Hands) -> None:
    assert times.timestamp(clock.now + 2.5) == MIDNIGHT.timestamp() + 2.5
    assert times.timestamp(None) is None


def test_a_touch_is_never_undone(times: Times, clock: Hands) -> None:
    clock.now += 3
    times.touch()
    clock.now -= 2
    times.touch()
    assert times.touched == 1003
