"""What is measured of credits."""

from __future__ import annotations

from backline.observability.metrics import Metric

UNBILLED = Metric("backline_credits_unbilled", "Credits' worth of work beyond its hold: our loss.", ("product",))
