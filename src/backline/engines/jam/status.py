"""What a session tells about itself."""

from __future__ import annotations

from backline.engines.jam.loading import Loading
from backline.engines.jam.orders import JamStatus
from backline.engines.jam.session import Session


def status_of(session: Session, loading: Loading, idle_limit_seconds: float) -> JamStatus:
    """Reading it changes nothing."""
    times, spool = session.times, session.spool
    capabilities = loading.capabilities
    closed = times.closed is not None
    return JamStatus(
        session_id=session.id,
        billing_state=session.state,
        warmed=times.warmed is not None,
        jam_running=session.running,
        tag=session.tag,
        model_version=capabilities.model_version if capabilities else None,
        container_warmup_seconds=loading.seconds,
        scaledown_window_seconds=idle_limit_seconds,
        session_created_ts=times.timestamp(times.created),
        warm_started_ts=times.timestamp(times.created),
        warm_completed_ts=times.timestamp(times.warmed),
        last_touched_ts=times.timestamp(times.touched),
        last_activity_ts=times.timestamp(times.touched),
        closed_ts=times.timestamp(times.closed),
        close_reason=session.close_reason,
        closed_last_activity_ts=times.timestamp(times.touched) if closed else None,
        billable_start_ts=times.timestamp(times.warmed),
        billable_end_estimated_ts=times.timestamp(times.billable_end) if closed else None,
        billable_elapsed_seconds=times.billable_seconds,
        idle_seconds=times.idle_seconds,
        warm_age_seconds=None if times.warmed is None else times.now - times.warmed,
        estimated_scaledown_ts=None if closed else times.timestamp(times.touched + idle_limit_seconds),
        last_made_index=_index(spool.made),
        last_delivered_index=_index(spool.delivered),
        last_consumed_index=_index(spool.consumed),
        ended=session.ended,
    )


def _index(index: int) -> int | None:
    return None if index < 0 else index
