"""A hold: credit that is set aside for running work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import RowMapping

from backline.credits.pricing import Price
from backline.ids import new_id

State = Literal["open", "settled", "released"]

CHANGING = ("amount", "captured", "last_total", "refunded", "unbilled", "state", "expires_at")


@dataclass(frozen=True, slots=True)
class Hold:
    """Amounts in micro-credits, last_total in millionths of the price's unit.

    amount: what may be charged in all. captured: what has been charged. unbilled: what was used beyond the amount, at
    the end: our loss.
    """

    reference: str
    account_id: str
    price: Price
    opened_with: int
    amount: int
    captured: int
    last_total: int
    refunded: int
    unbilled: int
    state: State
    expires_at: datetime

    @property
    def reach(self) -> int | None:
        """The largest total that the hold pays for; None when the work costs nothing."""
        return self.price.reach(self.amount)

    def charged(self, total: int) -> Hold:
        """With what a total costs, as far as the amount goes. A total that is behind the last one changes nothing."""
        total = max(total, self.last_total)
        captured = max(self.captured, min(self.price.cost(total), self.amount))
        return replace(self, captured=captured, last_total=total)


def new_row(hold: Hold, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id("hold"),
        "account_id": hold.account_id,
        "reference": hold.reference,
        "product": hold.price.product,
        "unit": hold.price.unit,
        "micro_per_unit": hold.price.micro_per_unit,
        "opened_with": hold.opened_with,
        "created_at": now,
        **changing(hold),
    }


def changing(hold: Hold) -> dict[str, Any]:
    """The columns that change while the work goes on."""
    return {name: getattr(hold, name) for name in CHANGING}


def hold_of(row: RowMapping) -> Hold:
    price = Price(row["product"], row["unit"], row["micro_per_unit"])
    changed = {name: row[name] for name in CHANGING}
    return Hold(row["reference"], row["account_id"], price, row["opened_with"], **changed)
