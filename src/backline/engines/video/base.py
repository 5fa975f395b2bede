"""What is rendered, as plain data: clips of source films, what is done to each, and the film that they become.

Times in a clip are seconds of its source, counted from its first frame. Positions are pixels of the source as it is
shown, which is after the rotation that its metadata asks for; (0, 0) is the outer corner of the top left pixel.
Everything here has been checked by `check`; a renderer need not ask again.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Interpolation = Literal["linear", "catmull_rom"]
Effect = Literal["dark_overlay", "brightness_boost", "original"]
Encoder = Literal["auto", "x264", "nvenc"]
Quality = Literal["quality", "fast"]

MAX_SIDE = 4096
MIN_SIDE = 16
"""Pixels of the output; both sides are even, as 4:2:0 has it."""


@dataclass(frozen=True, slots=True)
class CropKeyframe:
    """x, y: the window's top left corner."""

    time: float
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class EllipseKeyframe:
    """x, y: the centre. opacity: 0 to 1, how strong the effect is. color: `#rrggbb`, of the effect `original`."""

    time: float
    x: float
    y: float
    radius_x: float
    radius_y: float
    opacity: float
    color: str


@dataclass(frozen=True, slots=True)
class Highlight:
    """An ellipse that is there from start to end (included, both).

    dark_overlay: outside is dimmed by `opacity`. brightness_boost: inside is brightened by it. original: inside is
    covered with `color`, as much as `opacity` says.
    """

    start: float
    end: float
    effect: Effect
    keyframes: tuple[EllipseKeyframe, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the source, [start, end), played at a speed: 2 halves its length."""

    start: float
    end: float
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Label:
    """What is written on a clip. rating: 1 to 5, drawn as its mark (`??`, `?`, `!?`, `!`, `!!`)."""

    name: str = ""
    notes: str = ""
    rating: int | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clip:
    """link: where the source is read, `file://` or https. name: what an error calls it, such as `clip 2`.
    spans: played one after the other; empty: all of it. crop: empty shows all of the source, with black bars where its
    shape is not the output's.
    """

    link: str
    name: str
    spans: tuple[Span, ...] = ()
    crop: tuple[CropKeyframe, ...] = ()
    highlights: tuple[Highlight, ...] = ()
    label: Label | None = None


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """width, height: of the output; None: as the first clip is shown. rate: frames a second, such as `30000/1001`;
    None: as the first clip has. crossfade_seconds: by how much neighbouring clips overlap; 0 cuts.
    max_seconds: of output; more is refused. segment_seconds: how much of the output is rendered between two
    checkpoints; an output that is not twice as long is rendered in one go.
    """

    clips: tuple[Clip, ...]
    width: int | None = None
    height: int | None = None
    rate: str | None = None
    audio: bool = True
    crossfade_seconds: float = 0.0
    interpolation: Interpolation = "linear"
    quality: Quality = "quality"
    encoder: Encoder = "auto"
    max_seconds: float = 4 * 3600.0
    segment_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Source:
    """What a source film is, as it is shown. seconds: of its pictures. rate: frames a second, as its camera meant them.
    rotation: degrees, clockwise, by which its frames must be turned. range, matrix, primaries, transfer: FFmpeg's
    numbers of its colours, 0 and 2 where it does not say. audio_rate_hz: None without sound.
    """

    width: int
    height: int
    rate: Fraction
    seconds: float
    rotation: int
    audio_rate_hz: int | None
    range: int
    matrix: int
    primaries: int
    transfer: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """encoder: which one it was, such as `libx264`. frames: of video in the file."""

    width: int
    height: int
    rate: Fraction
    frames: int
    seconds: float
    size_bytes: int
    encoder: str
    audio: bool
