from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backline.credits.ledger import Ledger
from backline.credits.pricing import Price

SPEECH = Price("speech", "second", 1_000_000)
"""One credit a second: totals in microseconds are amounts in micro-credits."""


class Clock:
    """A present moment that tests move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> Ledger:
    return Ledger(hold_seconds=60, top_up_url="https://example.com/buy", clock=clock)
