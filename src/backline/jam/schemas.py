"""Bodies of the jam routes. Amounts are decimal strings of seconds."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator

from backline.engines.jam.orders import BillingState, JamChange, JamOptions, LoudnessMode


class Knobs(BaseModel):
    """Fields as a form has them: text, and empty where nothing is meant."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_absent(cls, value: Any, info: Any) -> Any:
        if isinstance(value, str) and not value.strip():
            return cls.model_fields[info.field_name].get_default(call_default_factory=True)
        return value

    @field_validator("styles", mode="before", check_fields=False)
    @classmethod
    def _split_styles(cls, value: Any) -> Any:
        """A list, or its members with commas between."""
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("style_weights", mode="before", check_fields=False)
    @classmethod
    def _split_weights(cls, value: Any) -> Any:
        """The same; one that is left out between two commas is 1."""
        if not isinstance(value, str):
            return value
        return [part.strip() or "1" for part in value.split(",")] if value.strip() else ()


class StartForm(Knobs):
    """Ranges are checked by the worker, in one place for every way in."""

    bpm: float = 120.0
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

    @property
    def options(self) -> JamOptions:
        return JamOptions(**dict(self))


class ChangeForm(Knobs):
    styles: tuple[str, ...] = ()
    style_weights: tuple[float, ...] = ()
    clear_styles: bool = False
    loop_weight: float | None = None
    guidance_weight: float | None = None
    temperature: float | None = None
    topk: int | None = None

    @property
    def change(self) -> JamChange:
        return JamChange(**dict(self))


class Ok(BaseModel):
    ok: Literal[True] = True
    session_id: str


class WarmupReply(Ok):
    """warmed: false: it still warms up; `/jam/status` says when it is there. container_warmup_seconds: how long that
    took; null until then."""

    warmed: bool
    billing_state: BillingState
    container_warmup_seconds: float | None


class SteppedReply(Ok):
    status: Literal["started", "stopped"]


class SplicedReply(Ok):
    anchor_bars: float


class StatusReply(Ok):
    """reachable: false: the worker does not answer now, and the figures are those that it told last.
    billable_elapsed_seconds: null while it warms up. credits_remaining: null where nothing is billed."""

    billing_state: BillingState
    billable_elapsed_seconds: float | None
    credits_remaining: str | None
    credits_warning: int | None
    total_charged: str
    jam_running: bool
    warmed: bool
    ended: bool
    reachable: bool
    close_reason: str | None
    engine: str | None
    model_version: str | None
    last_made_index: int | None
    last_delivered_index: int | None
    last_consumed_index: int | None


class ChunkOut(BaseModel):
    """audio_base64: a whole file of `metadata.format`."""

    index: int
    audio_base64: str
    metadata: dict[str, Any]


class NextReply(Ok):
    """chunk: null: it is not made yet, or (`ended`) the music is over."""

    chunk: ChunkOut | None
    jam_running: bool
    ended: bool
    credits_remaining: str | None
    credits_warning: int | None


class CloseReply(Ok):
    status: Literal["closed"] = "closed"
    total_charged: str
    billable_elapsed_seconds: float
    close_reason: str | None


class HeardReply(BaseModel):
    """clarity: of the tempo, 0 (a guess) to 1. key: such as `A minor`; null where none is heard. lufs: null where it is
    silent."""

    ok: Literal[True] = True
    bpm: float
    clarity: float
    duration_seconds: float
    sample_rate: int
    key: str | None
    lufs: float | None
