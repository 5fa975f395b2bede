"""A status and a chunk, to be told and read again."""

from __future__ import annotations

from typing import Any

from backline.compute.jam_wire import chunk_as_data, status_as_data
from backline.engines.jam.orders import ChunkMetadata, JamChunk, JamStatus

SESSION = "jam_1"

STATUS = JamStatus(
    session_id=SESSION,
    billing_state="active",
    warmed=True,
    jam_running=True,
    tag="metronome",
    model_version="metronome-1",
    container_warmup_seconds=0.25,
    scaledown_window_seconds=120.0,
    session_created_ts=1_790_000_000.1,
    warm_started_ts=1_790_000_000.2,
    warm_completed_ts=1_790_000_000.45,
    last_touched_ts=1_790_000_009.0,
    last_activity_ts=1_790_000_009.0,
    closed_ts=None,
    close_reason=None,
    closed_last_activity_ts=None,
    billable_start_ts=1_790_000_000.45,
    billable_end_estimated_ts=None,
    billable_elapsed_seconds=9.3,
    idle_seconds=0.7,
    warm_age_seconds=9.3,
    estimated_scaledown_ts=1_790_000_129.0,
    last_made_index=4,
    last_delivered_index=3,
    last_consumed_index=2,
)
METADATA = ChunkMetadata(
    bpm=93.7,
    bars=4,
    beats_per_bar=4,
    sample_rate=48_000,
    channels=2,
    total_samples=491_782,
    seconds_per_bar=2.5613,
    loop_duration_seconds=8.0,
    guidance_weight=1.1,
    temperature=1.1,
    topk=40,
    format="wav",
    first_bar=12,
    start_sample=1_475_346,
    seed=2**63 - 1,
    last=False,
)


def chunk(index: int) -> JamChunk:
    return JamChunk(index, bytes(range(256)), METADATA)


def told_status(**changes: Any) -> dict[str, Any]:
    return {"ok": True, **status_as_data(STATUS), "request_seconds": 0.001, **changes}


def told_chunk(index: int | None) -> dict[str, Any]:
    data = None if index is None else chunk_as_data(chunk(index))
    return {"ok": True, "session_id": SESSION, "chunk": data, "request_seconds": 0.001}
