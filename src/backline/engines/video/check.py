"""What is asked for against what there is: a plan with nothing left open, or an error that names clip and keyframe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from backline.engines.video.base import (
    MAX_SIDE,
    MIN_SIDE,
    Clip,
    CropKeyframe,
    EllipseKeyframe,
    Highlight,
    RenderPlan,
    Source,
    Span,
)
from backline.engines.video.timeline import ClipTimeline, Timeline, exact
from backline.errors import Invalid

_TOLERANCE_PIXELS = 1.0
"""By which a window may lie outside: editors round. It is moved in."""

_TOLERANCE_SECONDS = 0.1
"""By which a time may lie behind the end: players and files differ by some frames. It is moved in, or holds."""

_TOLERANCE_SHAPE = 0.02
"""By which a window's shape may differ from the output's, where rounding to pixels does not account for it."""

_MAX_RATE = 120


def check(plan: RenderPlan, sources: Sequence[Source]) -> RenderPlan:
    """sources: of the clips. In what is returned size, rate and spans are given, and all lies in the film. Raises
    Invalid."""
    width, height = _size(plan, sources[0])
    rate = Fraction(plan.rate) if plan.rate else _own_rate(sources[0])
    clips = tuple(_clip(clip, source, width / height, width) for clip, source in zip(plan.clips, sources, strict=True))
    checked = replace(plan, clips=clips, width=width, height=height, rate=str(rate))
    seconds = float(timeline_of(checked).seconds)
    if seconds > plan.max_seconds:
        raise Invalid(
            f"The film would be {seconds:.0f} s long; {plan.max_seconds:.0f} s is the most.", code="export_too_long"
        )
    return checked


def timeline_of(plan: RenderPlan) -> Timeline:
    """Of a plan that has been checked."""
    assert plan.rate is not None
    clips = [ClipTimeline(clip.spans) for clip in plan.clips]
    return Timeline(clips, Fraction(plan.rate), exact(plan.crossfade_seconds))


def _size(plan: RenderPlan, first: Source) -> tuple[int, int]:
    if plan.width is not None and plan.height is not None:
        return plan.width, plan.height
    scale = min(1.0, MAX_SIDE / max(first.width, first.height))
    return _even(first.width * scale), _even(first.height * scale)


def _even(side: float) -> int:
    return max(MIN_SIDE, 2 * round(side / 2))


def _own_rate(source: Source) -> Fraction:
    return min(source.rate, Fraction(_MAX_RATE)) if source.rate > 0 else Fraction(30)


def _clip(clip: Clip, source: Source, shape: float, width: int) -> Clip:
    _check_order(clip)
    return replace(
        clip,
        spans=_spans(clip, source),
        crop=tuple(_window(clip, number, one, source, shape, width) for number, one in enumerate(clip.crop, start=1)),
        highlights=tuple(_highlight(clip, number, one, source) for number, one in enumerate(clip.highlights, start=1)),
    )


def _check_order(clip: Clip) -> None:
    """Raises Invalid for two keyframes of one time: nobody can say what was meant."""
    tracks = [("", [one.time for one in clip.crop])]
    for number, highlight in enumerate(clip.highlights, start=1):
        tracks.append((f"region {number}, ", [one.time for one in highlight.keyframes]))
    for where, times in tracks:
        for number, (one, other) in enumerate(pairwise(times), start=1):
            if other <= one:
                detail = f"{clip.name}, {where}keyframes {number} and {number + 1} (by their times) are at one time."
                raise Invalid(detail, code="keyframes_unordered")


def _spans(clip: Clip, source: Source) -> tuple[Span, ...]:
    if not clip.spans:
        return (Span(0.0, source.seconds),)
    spans = []
    for number, span in enumerate(clip.spans, start=1):
        _before_the_end(f"{clip.name}, span {number}", span.end, source)
        end = min(span.end, source.seconds)
        if end <= span.start:
            raise Invalid(
                f"{clip.name}, span {number} ends ({span.end:g} s) before it begins ({span.start:g} s).",
                code="bad_span",
            )
        spans.append(replace(span, end=end))
    return tuple(spans)


def _window(clip: Clip, number: int, one: CropKeyframe, source: Source, shape: float, width: int) -> CropKeyframe:
    where = f"{clip.name}, keyframe {number}"
    _before_the_end(where, one.time, source)
    if one.width < 2 or one.height < 2:
        raise Invalid(f"{where}: the window is smaller than 2 pixels.", code="crop_too_small")
    over = max(-one.x, -one.y, one.x + one.width - source.width, one.y + one.height - source.height)
    if over > _TOLERANCE_PIXELS:
        raise Invalid(
            f"{where}: the window reaches {over:g} pixels out of the film, which is {source.width}x{source.height}.",
            code="crop_outside",
        )
    if abs(one.width - one.height * shape) > max(_TOLERANCE_PIXELS * 2, _TOLERANCE_SHAPE * one.width):
        raise Invalid(
            f"{where}: the window of {one.width:g}x{one.height:g} has not the shape of the output, "
            f"{width}x{round(width / shape)}, and would be distorted.",
            code="crop_shape",
        )
    wide, high = min(one.width, source.width), min(one.height, source.height)
    x, y = min(max(one.x, 0.0), source.width - wide), min(max(one.y, 0.0), source.height - high)
    return CropKeyframe(one.time, x, y, wide, high)


def _highlight(clip: Clip, number: int, one: Highlight, source: Source) -> Highlight:
    where = f"{clip.name}, region {number}"
    _before_the_end(where, one.end, source)
    if one.end <= one.start:
        raise Invalid(f"{where} ends before it begins.", code="bad_region")
    for point, keyframe in enumerate(one.keyframes, start=1):
        _check_ellipse(f"{where}, keyframe {point}", keyframe, source)
    return one


def _check_ellipse(where: str, one: EllipseKeyframe, source: Source) -> None:
    _before_the_end(where, one.time, source)
    outside = (
        one.x + one.radius_x < 0
        or one.y + one.radius_y < 0
        or one.x - one.radius_x > source.width
        or one.y - one.radius_y > source.height
    )
    if outside:
        raise Invalid(
            f"{where}: the ellipse lies outside of the film, which is {source.width}x{source.height}.",
            code="ellipse_outside",
        )


def _before_the_end(where: str, time: float, source: Source) -> None:
    if time > source.seconds + _TOLERANCE_SECONDS:
        detail = f"{where}: {time:g} s is behind the end of the film, at {source.seconds:.3f} s."
        raise Invalid(detail, code="past_the_end")
