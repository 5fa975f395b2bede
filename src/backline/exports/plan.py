"""From a client's words to what is rendered: one shape for spans, one for highlights, nothing left open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from pydantic import ValidationError

from backline.engines.video.base import (
    Clip,
    CropKeyframe,
    Effect,
    EllipseKeyframe,
    Highlight,
    Label,
    RenderPlan,
    Source,
    Span,
)
from backline.errors import Invalid
from backline.exports.schemas import (
    CONFIGS,
    AnnotateConfig,
    Common,
    Config,
    CropPoint,
    EllipsePoint,
    ExportType,
    FramingConfig,
    MultiClipConfig,
    OverlayConfig,
    Region,
    Segment,
    Segments,
)

_PORTRAIT = (1080, 1920)
"""What a window of 9:16 becomes, when nothing is said."""

_OPACITY: Mapping[Effect, float] = {"original": 0.15, "brightness_boost": 0.15, "dark_overlay": 0.6}
"""How strong an effect is when a keyframe does not say: outside is dimmed to 40 %."""


@dataclass(frozen=True, slots=True)
class Film:
    """A source: where it is read, and what it is."""

    link: str
    source: Source


def read_config(kind: ExportType, config: object) -> Config:
    """Raises Invalid `bad_config`, which names the field and never its value."""
    try:
        return CONFIGS[kind].model_validate(config)
    except ValidationError as error:
        problems = [
            f"{'.'.join(['config', *map(str, one['loc'])])}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors(include_input=False, include_url=False)[:5]
        ]
        raise Invalid("; ".join(problems) + ". (Lists count from 0.)", code="bad_config") from None


def input_keys(config: Config) -> list[str]:
    """Of each clip, in order. Raises Invalid where a clip has none."""
    if isinstance(config, FramingConfig | OverlayConfig):
        return [config.input_key]
    if isinstance(config, MultiClipConfig):
        return [clip.input_key for clip in config.clips]
    keys = [clip.input_key or config.input_key for clip in config.clips]
    if None in keys:
        raise Invalid(f"Clip {keys.index(None) + 1} has no input_key, and the export has none.", code="bad_config")
    return [key for key in keys if key is not None]


def plan_of(config: Config, films: Mapping[str, Film], max_seconds: float, segment_seconds: float = 60.0) -> RenderPlan:
    """films: by input key. What fits together is not asked here but by `engines/video/check`."""
    keys = input_keys(config)
    clips = _CLIPS[type(config)](config, [films[key] for key in keys])
    width, height = _size(config, clips)
    crossfade = (
        config.transition.seconds if isinstance(config, MultiClipConfig) and config.transition.type != "cut" else 0.0
    )
    return RenderPlan(
        clips=tuple(clips),
        width=width,
        height=height,
        rate=None if config.target_fps is None else str(_rate(config.target_fps)),
        audio=config.include_audio,
        crossfade_seconds=crossfade,
        interpolation=config.interpolation,
        quality="fast" if config.export_mode == "FAST" else "quality",
        encoder=config.encoder,
        max_seconds=max_seconds,
        segment_seconds=segment_seconds,
    )


def spans_of(segments: Segments | None, seconds: float) -> tuple[Span, ...]:
    """Both shapes as one: spans without gaps, in the order of the source, inside of the trim."""
    if segments is None:
        return ()
    if segments.boundaries is not None or segments.segment_speeds is not None:
        pieces = _from_boundaries(segments.boundaries or [], segments.segment_speeds or {}, seconds)
    else:
        pieces = _with_gaps(sorted(segments.segments or [], key=lambda one: one.start), seconds)
    trim = segments.trim_range
    first = (trim.start if trim else segments.trim_start) or 0.0
    given = trim.end if trim else segments.trim_end
    last = seconds if given is None else given
    if last <= first:
        raise Invalid("The trim ends before it begins: nothing is left of the film.", code="bad_trim")
    inside = [Span(max(one.start, first), min(one.end, last), one.speed) for one in pieces]
    kept = [one for one in inside if one.start < one.end]
    if not kept:
        raise Invalid(f"The trim leaves nothing of the film, which is {seconds:.3f} s long.", code="bad_trim")
    return tuple(kept)


def _from_boundaries(boundaries: list[float], speeds: Mapping[int, float], seconds: float) -> list[Span]:
    if boundaries != sorted(boundaries):
        raise Invalid("The boundaries are not in order, so nobody can say which segment is which.", code="bad_segments")
    marks = sorted({0.0, *(mark for mark in boundaries if mark < seconds), seconds})
    beyond = [index for index in speeds if not 0 <= index < len(marks) - 1]
    if beyond:
        raise Invalid(
            f"segmentSpeeds names segment {beyond[0]}, but there are {len(marks) - 1}, from 0.", code="bad_segments"
        )
    return [Span(start, end, speeds.get(index, 1.0)) for index, (start, end) in enumerate(pairwise(marks))]


def _with_gaps(segments: Iterable[Segment], seconds: float) -> list[Span]:
    pieces: list[Span] = []
    reached = 0.0
    for number, one in enumerate(segments, start=1):
        if one.end <= one.start:
            raise Invalid(f"Segment {number} ends before it begins.", code="bad_segments")
        if one.start < reached:
            raise Invalid(f"Segment {number} begins before the one in front of it ends.", code="bad_segments")
        if one.start > reached:
            pieces.append(Span(reached, one.start))
        pieces.append(Span(one.start, one.end, one.speed))
        reached = one.end
    if reached < seconds:
        pieces.append(Span(reached, seconds))
    return pieces


def _framing(config: FramingConfig, films: list[Film]) -> list[Clip]:
    [film] = films
    spans = spans_of(config.segments, film.source.seconds)
    return [Clip(film.link, "the film", spans, _crop(config.keyframes))]


def _overlay(config: OverlayConfig, films: list[Film]) -> list[Clip]:
    [film] = films
    effect = config.highlight_effect_type
    regions = config.highlight_regions
    if regions is None:
        points = sorted(config.highlight_keyframes or [], key=lambda one: one.time)
        end = points[-1].time if len(points) > 1 else film.source.seconds  # one alone is there from then on
        regions = [Region(start_time=points[0].time, end_time=end, keyframes=points)]
    highlights = [
        Highlight(one.start_time, one.end_time, effect, _ellipses(one.keyframes, effect))
        for one in regions
        if one.enabled
    ]
    return [Clip(film.link, "the film", highlights=tuple(highlights))]


def _annotate(config: AnnotateConfig, films: list[Film]) -> list[Clip]:
    return [
        Clip(
            film.link,
            f"clip {number}",
            (Span(clip.start_time, clip.end_time),),
            label=Label(clip.name, clip.notes, clip.rating, tuple(clip.tags)),
        )
        for number, (clip, film) in enumerate(zip(config.clips, films, strict=True), start=1)
    ]


def _multi_clip(config: MultiClipConfig, films: list[Film]) -> list[Clip]:
    return [
        Clip(
            film.link,
            f"clip {number}",
            spans_of(clip.segments, film.source.seconds),
            _crop(clip.keyframes),
        )
        for number, (clip, film) in enumerate(zip(config.clips, films, strict=True), start=1)
    ]


_CLIPS: Mapping[type[Config], Callable[..., list[Clip]]] = {
    FramingConfig: _framing,
    OverlayConfig: _overlay,
    AnnotateConfig: _annotate,
    MultiClipConfig: _multi_clip,
}


def _crop(points: list[CropPoint]) -> tuple[CropKeyframe, ...]:
    ordered = sorted(points, key=lambda one: one.time)
    return tuple(CropKeyframe(one.time, one.x, one.y, one.width, one.height) for one in ordered)


def _ellipses(points: list[EllipsePoint], effect: Effect) -> tuple[EllipseKeyframe, ...]:
    return tuple(
        EllipseKeyframe(
            one.time,
            one.x,
            one.y,
            one.radius_x,
            one.radius_y,
            _OPACITY[effect] if one.opacity is None else one.opacity,
            one.color,
        )
        for one in sorted(points, key=lambda one: one.time)
    )


def _size(config: Common, clips: list[Clip]) -> tuple[int | None, int | None]:
    """As asked for; else a window of 9:16 becomes 1080x1920, and any other keeps its size."""
    if config.target_width is not None or not clips[0].crop:
        return config.target_width, config.target_height
    window = clips[0].crop[0]
    if abs(window.width / window.height / (_PORTRAIT[0] / _PORTRAIT[1]) - 1) < 0.02:
        return _PORTRAIT
    return _even(window.width), _even(window.height)


def _even(side: float) -> int:
    return max(16, 2 * round(side / 2))


def _rate(frames: float) -> Fraction:
    """29.97 and its like as the exact NTSC rates, which is what is meant by them."""
    for whole in (24, 30, 48, 60, 120):
        exact = Fraction(whole * 1000, 1001)
        if abs(frames - exact) < 0.006:
            return exact
    return Fraction(frames).limit_denominator(1001)
