"""What is measured of live sessions. A label is a reason or an outcome, never anything of a user."""

from __future__ import annotations

from backline.observability.metrics import Metric

SESSIONS = Metric("backline_jam_sessions", "Sessions that this process looks after.")
CLOSED = Metric("backline_jam_closed", "Sessions whose end this process wrote, by reason.", ("reason",))
BILLED = Metric("backline_jam_billed_seconds", "Seconds of sessions whose end this process wrote.")
NEXT = Metric(
    "backline_jam_next_seconds",
    "How long a client waited for a chunk, by what came of it.",
    ("outcome",),
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25),
)

_REASONS = frozenset(
    (
        "manual_close idle warmup_timeout warm_up_failed credits_exhausted hold_expired server_stopped worker_lost "
        "worker_unreachable"
    ).split()
)


def reason_label(reason: str | None) -> str:
    """A worker may give reasons of its own; a label is one of few."""
    return reason if reason in _REASONS else "other"
