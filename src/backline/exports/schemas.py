"""Bodies of the routes of exports, in the words that sports-clip editors use (both spellings of each)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from backline.engines.video.base import MAX_SIDE, MIN_SIDE, Effect, Encoder, Interpolation

ExportType = Literal["framing", "overlay", "annotate", "multi_clip"]
Status = Literal["pending", "processing", "complete", "error", "cancelled"]
Phase = Literal["init", "processing", "finalizing", "complete", "error", "cancelled"]

MAX_CLIPS = 100
MAX_KEYFRAMES = 10_000

NO_NUL = r"^[^\x00]*$"
"""Postgres keeps none in a text."""

InputKey = Annotated[str, StringConstraints(min_length=1, max_length=400)]
Time = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Position = Annotated[float, Field(ge=-100_000, le=100_000, allow_inf_nan=False)]
Length = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
Speed = Annotated[float, Field(ge=0.1, le=10, allow_inf_nan=False)]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9A-Fa-f]{6}$")]
Side = Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE, multiple_of=2)]


class Words(BaseModel):
    """What is not known is refused: a misspelt field would otherwise do nothing."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class CropPoint(Words):
    time: Time
    x: Position
    y: Position
    width: Length
    height: Length


class EllipsePoint(Words):
    """opacity: None takes the effect's own."""

    time: Time
    x: Position
    y: Position
    radius_x: Length = Field(validation_alias=AliasChoices("radiusX", "radius_x"))
    radius_y: Length = Field(validation_alias=AliasChoices("radiusY", "radius_y"))
    opacity: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    color: Colour = "#ffffff"


class Region(Words):
    start_time: Time
    end_time: Time
    keyframes: list[EllipsePoint] = Field(min_length=1, max_length=MAX_KEYFRAMES)
    enabled: bool = True


class Segment(Words):
    start: Time
    end: Time
    speed: Speed = 1.0


class Trim(Words):
    start: Time = 0.0
    end: Time | None = None


class Segments(Words):
    """Either shape: the editor's boundaries, segment_speeds, trim_range; or the renderer's segments, trim_start,
    trim_end. All times are the source's. What no segment covers plays at its own speed."""

    boundaries: list[Time] | None = Field(None, max_length=1000)
    segment_speeds: dict[int, Speed] | None = Field(
        None, validation_alias=AliasChoices("segmentSpeeds", "segment_speeds"), max_length=1000
    )
    trim_range: Trim | None = Field(None, validation_alias=AliasChoices("trimRange", "trim_range"))
    segments: list[Segment] | None = Field(None, max_length=1000)
    trim_start: Time | None = None
    trim_end: Time | None = None

    @model_validator(mode="after")
    def _one_shape(self) -> Segments:
        editor = {"boundaries", "segment_speeds", "trim_range"} & self.model_fields_set
        renderer = {"segments", "trim_start", "trim_end"} & self.model_fields_set
        if editor and renderer:
            raise ValueError("use boundaries, segmentSpeeds and trimRange, or segments, trim_start and trim_end")
        return self


class Common(Words):
    """What every type takes. target_fps: None keeps the source's rate. export_mode: FAST is quicker, and larger."""

    target_width: Side | None = None
    target_height: Side | None = None
    target_fps: float | None = Field(None, ge=1, le=120, allow_inf_nan=False)
    include_audio: bool = True
    export_mode: Literal["quality", "FAST"] = "quality"
    interpolation: Interpolation = "linear"
    encoder: Encoder = "auto"

    @model_validator(mode="after")
    def _both_sides(self) -> Common:
        if (self.target_width is None) != (self.target_height is None):
            raise ValueError("target_width and target_height go together")
        return self


class FramingConfig(Common):
    input_key: InputKey
    keyframes: list[CropPoint] = Field(min_length=1, max_length=MAX_KEYFRAMES)
    segments: Segments | None = None


class OverlayConfig(Common):
    """highlight_keyframes: one region over all of them, as older clients send it."""

    input_key: InputKey
    highlight_regions: list[Region] | None = Field(None, max_length=1000)
    highlight_keyframes: list[EllipsePoint] | None = Field(None, min_length=1, max_length=MAX_KEYFRAMES)
    highlight_effect_type: Effect = "original"

    @model_validator(mode="after")
    def _one_way(self) -> OverlayConfig:
        if (self.highlight_regions is None) == (self.highlight_keyframes is None):
            raise ValueError("send highlight_regions, or highlight_keyframes as older clients do")
        return self


class AnnotatedClip(Words):
    """input_key: None takes the export's."""

    start_time: Time
    end_time: Time
    name: str = Field("", max_length=200, pattern=NO_NUL)
    notes: str = Field("", max_length=10_000, pattern=NO_NUL)
    rating: int | None = Field(None, ge=1, le=5)
    tags: list[Annotated[str, StringConstraints(max_length=50, pattern=NO_NUL)]] = Field(default=[], max_length=20)
    input_key: InputKey | None = None


class AnnotateConfig(Common):
    input_key: InputKey | None = None
    clips: list[AnnotatedClip] = Field(min_length=1, max_length=MAX_CLIPS)


class FramedClip(Words):
    input_key: InputKey
    keyframes: list[CropPoint] = Field(default=[], max_length=MAX_KEYFRAMES)
    segments: Segments | None = None
    name: str = Field("", max_length=200, pattern=NO_NUL)


class Transition(Words):
    type: Literal["cut", "crossfade"] = "cut"
    seconds: float = Field(0.5, gt=0, le=10, allow_inf_nan=False)


class MultiClipConfig(Common):
    clips: list[FramedClip] = Field(min_length=1, max_length=MAX_CLIPS)
    transition: Transition = Transition()


Config = FramingConfig | OverlayConfig | AnnotateConfig | MultiClipConfig

CONFIGS: dict[ExportType, type[Config]] = {
    "framing": FramingConfig,
    "overlay": OverlayConfig,
    "annotate": AnnotateConfig,
    "multi_clip": MultiClipConfig,
}

ProjectId = Annotated[int, Field(ge=0, le=2**53 - 1)]
ProjectName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]


class ExportRequest(Words):
    """config: of the type; see the four configurations."""

    project_id: ProjectId
    project_name: ProjectName | None = None
    type: ExportType
    config: dict[str, Any]


class ExportItem(BaseModel):
    """output_url: good for a while, and fresh with each reading. progress: 0 to 100."""

    job_id: str
    project_id: int
    project_name: str | None
    type: ExportType
    status: Status
    phase: Phase
    progress: float
    message: str | None
    error: str | None
    error_code: str | None
    output_video_id: str | None
    output_filename: str | None
    output_url: str | None
    encoder: str | None
    width: int | None
    height: int | None
    duration_seconds: float | None
    credits_consumed: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    acknowledged_at: datetime | None
    poll_after_ms: int | None


class ExportList(BaseModel):
    exports: list[ExportItem]


class Acknowledgement(Words):
    """job_ids: None is all that are over."""

    job_ids: list[Annotated[str, StringConstraints(max_length=64, pattern=NO_NUL)]] | None = Field(
        None, max_length=1000
    )


class Acknowledged(BaseModel):
    acknowledged: int


class ProbeOut(BaseModel):
    """A stored film as it is shown: after the rotation that it asks for."""

    width: int
    height: int
    rate: float
    duration_seconds: float
    rotation: int
    audio: bool
