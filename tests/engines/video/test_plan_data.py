"""Tracks, timelines and the check of a plan: what every render and preview stands on."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.engines.video.base import (
    Clip,
    CropKeyframe,
    EllipseKeyframe,
    Highlight,
    RenderPlan,
    Source,
    Span,
)
from backline.engines.video.check import check, timeline_of
from backline.engines.video.timeline import ClipTimeline, Timeline
from backline.engines.video.tracks import Track
from backline.errors import Invalid

SOURCE = Source(1920, 1080, Fraction(30000, 1001), 10.0, 0, 48000, 1, 1, 1, 1)
WINDOW = CropKeyframe(0, 100, 0, 607.5, 1080)

times = st.lists(st.integers(0, 10_000).map(lambda n: n / 100), min_size=1, max_size=8, unique=True).map(sorted)
numbers = st.floats(-1000, 1000)


@given(times, st.data(), st.sampled_from(["linear", "catmull_rom"]))
def test_a_track_goes_through_its_keyframes_and_holds_beyond_them(times, data, interpolation) -> None:  # type: ignore[no-untyped-def]
    values = [data.draw(st.tuples(numbers, numbers)) for _ in times]
    track = Track(times, values, interpolation)
    for time, value in zip(times, values, strict=True):
        assert track.at(time) == pytest.approx(value, abs=1e-6)
    assert track.at(times[0] - 5) == values[0]
    assert track.at(times[-1] + 5) == values[-1]


@given(times, st.data())
def test_a_straight_line_stays_one_in_both_interpolations(times, data) -> None:  # type: ignore[no-untyped-def]
    slope = data.draw(numbers)
    values = [(slope * time,) for time in times]
    moment = data.draw(st.floats(times[0], times[-1]))
    for interpolation in ("linear", "catmull_rom"):
        assert Track(times, values, interpolation).at(moment)[0] == pytest.approx(slope * moment, abs=1e-5)


def test_catmull_rom_rounds_the_corner_that_linear_has() -> None:
    corner = ([0.0, 1.0, 2.0], [(0.0,), (1.0,), (0.0,)])
    assert Track(*corner, "linear").at(0.9)[0] == pytest.approx(0.9)
    smooth = Track(*corner, "catmull_rom")
    before, after = smooth.at(1 - 1e-4)[0], smooth.at(1 + 1e-4)[0]
    assert abs(after - before) < 1e-6
    assert smooth.at(0.9)[0] > 0.95


speeds = st.sampled_from([0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 10.0])
spans = st.lists(st.tuples(st.integers(0, 500), st.integers(1, 300), speeds), min_size=1, max_size=6).map(
    lambda rows: [Span(start / 100, (start + length) / 100, speed) for start, length, speed in rows]
)
rates = st.sampled_from([Fraction(24000, 1001), Fraction(25), Fraction(30), Fraction(30000, 1001), Fraction(60)])


@pytest.mark.slow
@given(st.lists(spans, min_size=1, max_size=4), rates, st.sampled_from([0, Fraction(1, 4), Fraction(1)]))
def test_no_frame_is_lost_or_doubled_at_a_cut(clips, rate, crossfade) -> None:  # type: ignore[no-untyped-def]
    """The laws of a timeline: its frames cover its length, each shows one moment or a fade of two, and time in a piece
    runs at its speed."""
    timelines = [ClipTimeline(one) for one in clips]
    timeline = Timeline(timelines, rate, Fraction(crossfade))
    assert timeline.frames == max(1, -(-timeline.seconds * rate // 1))
    for frame in range(timeline.frames):
        shown = timeline.shown(frame)
        assert sum(share for *_, share in shown) == pytest.approx(1)
        for clip, moment, _ in shown:
            assert any(span.start <= float(moment) + 1e-9 and float(moment) <= span.end + 1e-9 for span in clips[clip])
    for placed, one in zip(timeline.clips, clips, strict=True):
        assert placed.timeline.length == sum(
            (Fraction(repr(span.end)) - Fraction(repr(span.start))) / Fraction(repr(span.speed)) for span in one
        )
    for left, right in pairwise(timeline.clips):
        assert right.begin <= left.begin + left.timeline.length


def test_a_span_at_three_times_its_speed_shows_every_third_frame() -> None:
    timeline = Timeline([ClipTimeline([Span(1.0, 4.0, 3.0)])], Fraction(30))
    assert timeline.frames == 30
    assert [timeline.shown(frame)[0][1] for frame in (0, 1, 29)] == [1, Fraction(11, 10), Fraction(39, 10)]


def test_a_crossfade_shares_its_frames_and_shortens_the_whole() -> None:
    timeline = Timeline([ClipTimeline([Span(0, 2)]), ClipTimeline([Span(5, 7)])], Fraction(10), Fraction(1))
    assert timeline.seconds == 3
    assert timeline.shown(5) == [(0, Fraction(1, 2), 1.0)]
    assert timeline.shown(15) == [(0, Fraction(3, 2), 0.5), (1, Fraction(11, 2), 0.5)]
    assert timeline.shown(25) == [(1, Fraction(13, 2), 1.0)]


def plan(**more: object) -> RenderPlan:
    clip = Clip("file:///film.mp4", "clip 1", crop=(WINDOW,))
    return replace(RenderPlan((clip,), 1080, 1920), **more)  # type: ignore[arg-type]


def with_clip(**more: object) -> RenderPlan:
    return plan(clips=(replace(plan().clips[0], **more),))  # type: ignore[arg-type]


def test_a_checked_plan_has_nothing_open() -> None:
    checked = check(plan(width=None, height=None, clips=(Clip("file:///film.mp4", "clip 1"),)), [SOURCE])
    assert (checked.width, checked.height, checked.rate) == (1920, 1080, "30000/1001")
    assert checked.clips[0].spans == (Span(0.0, 10.0),)
    assert timeline_of(checked).frames == 300


def test_what_lies_barely_outside_is_moved_in() -> None:
    checked = check(with_clip(crop=(replace(WINDOW, x=-0.6),), spans=(Span(2, 10.05),)), [SOURCE])
    assert checked.clips[0].crop[0].x == 0
    assert checked.clips[0].spans == (Span(2, 10.0),)


HIGHLIGHT = Highlight(1, 2, "original", (EllipseKeyframe(1, 500, 500, 80, 120, 0.5, "#ff0000"),))


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        (with_clip(crop=(replace(WINDOW, x=1400),)), "crop_outside", "keyframe 1"),
        (with_clip(crop=(WINDOW, replace(WINDOW, time=11))), "past_the_end", "keyframe 2"),
        (with_clip(crop=(WINDOW, WINDOW)), "keyframes_unordered", "keyframes 1 and 2"),
        (with_clip(crop=(replace(WINDOW, width=900),)), "crop_shape", "900x1080"),
        (with_clip(crop=(replace(WINDOW, width=1, height=1.78),)), "crop_too_small", "keyframe 1"),
        (with_clip(spans=(Span(4, 3),)), "bad_span", "span 1"),
        (with_clip(spans=(Span(4, 12),)), "past_the_end", "span 1"),
        (with_clip(highlights=(replace(HIGHLIGHT, end=1),)), "bad_region", "region 1"),
        (
            with_clip(highlights=(HIGHLIGHT, replace(HIGHLIGHT, keyframes=(replace(HIGHLIGHT.keyframes[0], x=-100),)))),
            "ellipse_outside",
            "region 2, keyframe 1",
        ),
        (plan(max_seconds=5), "export_too_long", "10 s"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_place(wrong: RenderPlan, code: str, said: str) -> None:
    with pytest.raises(Invalid) as raised:
        check(wrong, [SOURCE])
    assert raised.value.code == code
    assert said in raised.value.detail
    assert "clip 1" in raised.value.detail or code == "export_too_long"
