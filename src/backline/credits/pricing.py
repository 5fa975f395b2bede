"""What things cost, in whole micro-credits. One credit is one second; no amount is ever a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from backline.settings import CreditsSettings

MICRO = 1_000_000

_MOST_DIGITS = 30
"""Before or behind the point. `1e999999999` is short to write, and as a whole number takes hours and all memory."""

Unit = Literal["second", "character", "gpu_minute"]


@dataclass(frozen=True, slots=True)
class Price:
    """micro_per_unit: micro-credits for one unit of the product."""

    product: str
    unit: Unit
    micro_per_unit: int

    def cost(self, total: int) -> int:
        """Micro-credits for a total in millionths of the unit, rounded down: never more than was used."""
        return total * self.micro_per_unit // MICRO

    def reach(self, amount: int) -> int | None:
        """The largest total that an amount pays for; None when it costs nothing, and everything is paid for."""
        if not self.micro_per_unit:
            return None
        return ((amount + 1) * MICRO - 1) // self.micro_per_unit


@dataclass(frozen=True, slots=True)
class Pricing:
    """The prices of this server."""

    speech: Price
    jam: Price
    export: Price

    @property
    def per_unit(self) -> dict[str, str]:
        """By product, as a client reads it."""
        return {price.product: as_seconds(price.micro_per_unit) for price in (self.speech, self.jam, self.export)}

    @classmethod
    def of(cls, settings: CreditsSettings) -> Pricing:
        return cls(
            speech=Price("speech", "second", micro_of(settings.speech_per_second)),
            jam=Price("jam", "second", micro_of(settings.jam_per_second)),
            export=Price("exports", "second", micro_of(settings.export_per_second)),
        )


def micro_of(credits: Decimal) -> int:
    """Raises ValueError for more than six decimal places (nothing is rounded on its way in), for no number and for one
    beyond all amounts, and OverflowError for an infinite one."""
    if credits.is_finite() and abs(credits.adjusted()) > _MOST_DIGITS:
        raise ValueError("There are no such amounts.")
    numerator, denominator = credits.as_integer_ratio()
    if numerator * MICRO % denominator:
        raise ValueError("Credits have at most six decimal places.")
    return numerator * MICRO // denominator


def as_seconds(micro: int) -> str:
    """A decimal string without needless zeros: `12.5`."""
    whole, rest = divmod(abs(micro), MICRO)
    digits = f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
    return f"-{digits}" if micro < 0 else digits


def as_clock(micro: int) -> str:
    """Minutes and whole seconds, rounded down: `9:59`."""
    minutes, seconds = divmod(micro // MICRO, 60)
    return f"{minutes}:{seconds:02d}"
