"""Bodies of the credit routes. Amounts are decimal strings of seconds: no float ever holds one."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field


class BalanceReply(BaseModel):
    """balance_seconds: what the account has; a hold does not lower it. billed: false for whoever uses their own machine
    without an account: nothing is charged. prices: credit for a second of each product."""

    balance_seconds: str
    formatted: str
    held_seconds: str
    available_seconds: str
    billed: bool
    prices: dict[str, str]


class AddRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seconds: Decimal = Field(gt=0, le=1_000_000_000, decimal_places=6)
    user_id: str | None = Field(None, pattern=r"^[^\x00]{1,64}$")
    """Whose account, for an admin; None: the caller's own."""


class MovementOut(BaseModel):
    """seconds: below 0 for what was used."""

    id: int
    kind: str
    seconds: str
    product: str | None
    reference: str | None
    created_at: datetime


class HistoryReply(BaseModel):
    entries: list[MovementOut]
    next_cursor: str | None
    """For the next page; None on the last."""


class DayOut(BaseModel):
    """products: seconds used, by product."""

    date: date
    products: dict[str, str]


class UsageReply(BaseModel):
    days: list[DayOut]
