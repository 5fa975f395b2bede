"""What may be asked of a session, and what it answers: plain data, for whoever plays it and for whoever is far away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LoudnessMode = Literal["auto", "lufs", "rms", "none"]
ChunkFormat = Literal["wav", "flac", "opus"]
BillingState = Literal["warming", "active", "closed"]


@dataclass(frozen=True, slots=True)
class JamOptions:
    """How a jam begins; names, ranges and defaults are those of `POST /jam/start` (docs/jam.md).

    styles: words, at most 16. style_weights: one for each; a missing one is 1, and what is not above 0 is left out.
    target_sample_rate: in Hz; None: the loop's own. seed: None: made from the session's id.
    """

    bpm: float
    bars_per_chunk: int = 4
    beats_per_bar: int = 4
    styles: tuple[str, ...] = ()
    style_weights: tuple[float, ...] = ()
    loop_weight: float = 1.0
    loudness_mode: LoudnessMode = "auto"
    loudness_headroom_db: float = 1.0
    guidance_weight: float = 1.1
    temperature: float = 1.1
    topk: int = 40
    target_sample_rate: int | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class JamChange:
    """What is to be different from the next bar on that is not made yet; None, and no styles, is as it was.

    styles: replace those that are played, each with its weight or 1. style_weights alone: for the styles that are
    played. clear_styles: none is played any longer.
    """

    styles: tuple[str, ...] = ()
    style_weights: tuple[float, ...] = ()
    clear_styles: bool = False
    loop_weight: float | None = None
    guidance_weight: float | None = None
    temperature: float | None = None
    topk: int | None = None


@dataclass(frozen=True, slots=True)
class ChunkMetadata:
    """The first eleven are the contract's. first_bar: of the chunk, counted from the jam's start. start_sample: where
    it begins in the whole. last: the jam was stopped, and nothing follows; such a chunk may have fewer bars."""

    bpm: float
    bars: int
    beats_per_bar: int
    sample_rate: int
    channels: int
    total_samples: int
    seconds_per_bar: float
    loop_duration_seconds: float
    guidance_weight: float
    temperature: float
    topk: int
    format: ChunkFormat
    first_bar: int
    start_sample: int
    seed: int
    last: bool


@dataclass(frozen=True, slots=True)
class JamChunk:
    """audio: a whole file of its format."""

    index: int
    audio: bytes
    metadata: ChunkMetadata


@dataclass(frozen=True, slots=True)
class JamStatus:
    """How a session stands. `_ts`: seconds since 1970, by the worker's clock; `_seconds`: by a clock that is never set.

    tag: the engine's name. warmed: it can play. billable_elapsed_seconds: None while warming; never falls. While active
    it is counted to now, but to at most 30 s after the last touch. closed_last_activity_ts, billable_end_estimated_ts:
    None until it is closed. last_made_index, last_delivered_index, last_consumed_index: of chunks; None before the
    first. ended: the jam was stopped and its last chunk has been made.
    """

    session_id: str
    billing_state: BillingState
    warmed: bool
    jam_running: bool
    tag: str
    model_version: str | None
    container_warmup_seconds: float | None
    scaledown_window_seconds: float
    session_created_ts: float
    warm_started_ts: float
    warm_completed_ts: float | None
    last_touched_ts: float
    last_activity_ts: float
    closed_ts: float | None
    close_reason: str | None
    closed_last_activity_ts: float | None
    billable_start_ts: float | None
    billable_end_estimated_ts: float | None
    billable_elapsed_seconds: float | None
    idle_seconds: float
    warm_age_seconds: float | None
    estimated_scaledown_ts: float | None
    last_made_index: int | None = None
    last_delivered_index: int | None = None
    last_consumed_index: int | None = None
    ended: bool = False
