"""The present moment, handed in so that tests can choose it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present moment, timezone-aware, UTC."""

Monotonic = Callable[[], float]
"""Returns seconds that never go back; only differences mean anything."""


def utc_now() -> datetime:
    return datetime.now(UTC)


monotonic: Monotonic = time.perf_counter
