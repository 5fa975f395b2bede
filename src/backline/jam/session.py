"""A live session as its owner's account sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["warming", "active", "closed"]

REMOTE = "remote"
"""The worker of a session that is played behind an address: any gateway may ask it."""

WARNINGS_SECONDS = (60, 30, 10)
"""How much credit is left when a client is warned."""


@dataclass(frozen=True, slots=True)
class JamSession:
    """One row. total: billed so far, in millionths of a second; left_micro: the credit that was left then, None where
    nothing is billed; misses: for how many visits in a row the worker did not answer."""

    id: str
    owner: str
    state: State
    worker: str
    hold: str | None
    total: int
    left_micro: int | None
    charged_micro: int
    misses: int
    holder: str | None
    held_until: datetime | None
    created: datetime
    billable_start: datetime | None
    billable_end: datetime | None
    closed: datetime | None
    close_reason: str | None


def warning_of(left_seconds: float | None) -> int | None:
    """The lowest of `WARNINGS_SECONDS` that is reached; None where there is more, or nothing is billed."""
    if left_seconds is None:
        return None
    return min((at for at in WARNINGS_SECONDS if left_seconds <= at), default=None)
