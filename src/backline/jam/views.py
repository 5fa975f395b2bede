"""Sessions as their clients read them."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import asdict
from typing import Any

from backline.credits.pricing import as_seconds
from backline.engines.jam.orders import JamChunk
from backline.jam.schemas import ChunkOut, CloseReply, NextReply, StatusReply
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


def next_reply(view: JamView, chunk: JamChunk | None) -> bytes:
    """The body of `NextReply`. The sound is put into it as bytes: two megabytes that go through a serialiser cost more
    than all the rest of the answer."""
    if chunk is None:
        status = status_of(view)
        ended, running = status.ended, status.jam_running
    else:
        ended, running = chunk.metadata.last, not chunk.metadata.last
    reply = NextReply(
        session_id=view.session.id,
        chunk=chunk and ChunkOut(index=chunk.index, audio_base64="", metadata=asdict(chunk.metadata)),
        jam_running=running,
        ended=ended,
        **credit_of(view),
    )
    before, place, after = reply.model_dump_json().encode().partition(b'"audio_base64":"')
    return before if chunk is None else b"".join((before, place, b64encode(chunk.audio), after))


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
