"""Sessions as their clients read them."""

from __future__ import annotations

from typing import Any

from backline.credits.pricing import as_seconds
from backline.jam.schemas import CloseReply, StatusReply
from backline.jam.service import JamView
from backline.jam.session import JamSession, warning_of


def status_of(view: JamView) -> StatusReply:
    session, status = view.session, view.status
    return StatusReply(
        session_id=session.id,
        billing_state=session.state,
        billable_elapsed_seconds=view.elapsed_seconds,
        **credit_of(view),
        total_charged=as_seconds(session.charged_micro),
        jam_running=status is not None and status.jam_running,
        warmed=session.state != "warming" if status is None else status.warmed,
        ended=session.state == "closed" if status is None else status.ended,
        reachable=session.state == "closed" or status is not None,
        close_reason=session.close_reason,
        engine=status and status.tag,
        model_version=status and status.model_version,
        last_made_index=status and status.last_made_index,
        last_delivered_index=status and status.last_delivered_index,
        last_consumed_index=status and status.last_consumed_index,
    )


def credit_of(view: JamView) -> dict[str, Any]:
    left = view.left_seconds
    remaining = None if left is None else as_seconds(round(left * 1_000_000))
    return {
        "credits_remaining": remaining,
        "credits_warning": None if view.session.state == "closed" else warning_of(left),
    }


def closed_of(session: JamSession) -> CloseReply:
    return CloseReply(
        session_id=session.id,
        total_charged=as_seconds(session.charged_micro),
        billable_elapsed_seconds=session.total / 1_000_000,
        close_reason=session.close_reason,
    )
