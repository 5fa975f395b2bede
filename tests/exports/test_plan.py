"""From a client's words to a plan: both shapes of segments, every type, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.engines.video.base import Source, Span
from backline.errors import Invalid
from backline.exports.plan import Film, input_keys, plan_of, read_config, spans_of
from backline.exports.schemas import ExportType, Segments

SOURCE = Source(1920, 1080, Fraction(30), 10.0, 0, 48000, 1, 1, 1, 1)
FILMS = {name: Film(f"u/me/{name}", SOURCE) for name in ("files/a", "files/b")}
POINT = {"time": 0, "x": 100, "y": 0, "width": 607.5, "height": 1080}
ELLIPSE = {"time": 2, "x": 500, "y": 400, "radiusX": 50, "radiusY": 90}


def planned(kind: ExportType, config: dict[str, Any]) -> Any:
    return plan_of(read_config(kind, config), FILMS, 100.0)


def spans(**said: Any) -> tuple[Span, ...]:
    return spans_of(Segments.model_validate(said), 10.0)


def test_both_shapes_of_segments_mean_the_same() -> None:
    editor = spans(boundaries=[0, 3, 6, 10], segmentSpeeds={"1": 2}, trimRange={"start": 1, "end": 9})
    renderer = spans(segments=[{"start": 3, "end": 6, "speed": 2}], trim_start=1, trim_end=9)
    assert editor == renderer == (Span(1, 3, 1), Span(3, 6, 2), Span(6, 9, 1))


def test_boundaries_need_not_name_the_ends() -> None:
    assert spans(boundaries=[4], segmentSpeeds={"0": 0.5}) == (Span(0, 4, 0.5), Span(4, 10, 1))


marks = st.lists(st.integers(1, 99).map(lambda n: n / 10), unique=True, max_size=6).map(sorted)


@given(marks, st.data())
def test_segments_never_lose_a_moment_of_the_film(marks: list[float], data: Any) -> None:
    speeds = {str(n): data.draw(st.sampled_from([0.5, 1, 2])) for n in range(len(marks) + 1)}
    got = spans(boundaries=marks, segmentSpeeds=speeds)
    assert [span.start for span in got] == [0.0, *marks]
    assert [span.end for span in got] == [*marks, 10.0]


@pytest.mark.parametrize(
    "said",
    [
        {"trim_start": 5, "trim_end": 5},
        {"trimRange": {"start": 12, "end": 14}},
        {"segmentSpeeds": {"3": 2}},
        {"boundaries": [4, 2], "segmentSpeeds": {"0": 2}},
        {"segments": [{"start": 2, "end": 1, "speed": 1}]},
        {"segments": [{"start": 0, "end": 3, "speed": 1}, {"start": 2, "end": 5, "speed": 2}]},
    ],
)
def test_segments_that_make_no_sense_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        spans(**said)


def test_a_window_of_nine_to_sixteen_becomes_a_full_portrait() -> None:
    plan = planned("framing", {"input_key": "files/a", "keyframes": [POINT]})
    assert (plan.width, plan.height, plan.rate, plan.audio) == (1080, 1920, None, True)


def test_another_window_keeps_its_size() -> None:
    square = {**POINT, "width": 401, "height": 401}
    plan = planned("framing", {"input_key": "files/a", "keyframes": [square], "target_fps": 29.97})
    assert (plan.width, plan.height, plan.rate) == (400, 400, "30000/1001")


def test_keyframes_come_in_any_order() -> None:
    points = [{**POINT, "time": 2}, POINT, {**POINT, "time": 1}]
    plan = planned("framing", {"input_key": "files/a", "keyframes": points})
    assert [one.time for one in plan.clips[0].crop] == [0, 1, 2]


@pytest.mark.parametrize(("effect", "opacity"), [("original", 0.15), ("brightness_boost", 0.15), ("dark_overlay", 0.6)])
def test_an_effect_has_a_strength_of_its_own(effect: str, opacity: float) -> None:
    region = {"start_time": 1, "end_time": 3, "keyframes": [ELLIPSE]}
    off = {**region, "enabled": False}
    config = {"input_key": "files/a", "highlight_regions": [region, off], "highlight_effect_type": effect}
    [highlight] = planned("overlay", config).clips[0].highlights
    assert (highlight.effect, highlight.keyframes[0].opacity) == (effect, opacity)


def test_older_clients_send_keyframes_without_a_region() -> None:
    points = [{**ELLIPSE, "time": 4, "opacity": 0.5}, ELLIPSE]
    [highlight] = planned("overlay", {"input_key": "files/a", "highlight_keyframes": points}).clips[0].highlights
    assert (highlight.start, highlight.end, highlight.keyframes[1].opacity) == (2, 4, 0.5)
    [alone] = planned("overlay", {"input_key": "files/a", "highlight_keyframes": [ELLIPSE]}).clips[0].highlights
    assert (alone.start, alone.end) == (2, 10)


def test_annotated_clips_come_from_one_film_or_several() -> None:
    clips = [
        {"start_time": 1, "end_time": 2, "name": "Goal", "rating": 5, "tags": ["a"]},
        {"start_time": 3, "end_time": 4, "input_key": "files/b"},
    ]
    plan = planned("annotate", {"input_key": "files/a", "clips": clips})
    assert [clip.link for clip in plan.clips] == ["u/me/files/a", "u/me/files/b"]
    assert plan.clips[0].label is not None
    assert plan.clips[0].label.rating == 5
    with pytest.raises(Invalid, match=r"Clip 1 has no input_key"):
        input_keys(read_config("annotate", {"clips": clips}))


def test_clips_are_joined_by_cuts_or_fades() -> None:
    clips = [{"input_key": "files/a", "keyframes": [POINT]}, {"input_key": "files/b", "keyframes": [POINT]}]
    assert planned("multi_clip", {"clips": clips}).crossfade_seconds == 0
    fade = {"type": "crossfade", "seconds": 0.25}
    assert planned("multi_clip", {"clips": clips, "transition": fade}).crossfade_seconds == 0.25


@pytest.mark.parametrize(
    ("kind", "config", "field"),
    [
        ("framing", {"keyframes": [POINT]}, "config.input_key"),
        ("framing", {"input_key": "files/a", "keyframes": []}, "config.keyframes"),
        ("framing", {"input_key": "files/a", "keyframes": [{**POINT, "width": 0}]}, "config.keyframes.0.width"),
        ("framing", {"input_key": "files/a", "keyframes": [POINT], "keyfames": 1}, "config.keyfames"),
        ("framing", {"input_key": "files/a", "keyframes": [POINT], "target_width": 99}, "config.target_width"),
        ("framing", {"input_key": "files/a", "keyframes": [POINT], "target_width": 100}, "target_height"),
        ("framing", {"input_key": "files/a", "keyframes": [{**POINT, "x": float("nan")}]}, "config.keyframes.0.x"),
        ("overlay", {"input_key": "files/a"}, "highlight_regions"),
        ("overlay", {"input_key": "files/a", "highlight_regions": [], "highlight_effect_type": "glow"}, "effect_type"),
        ("annotate", {"input_key": "files/a", "clips": [{"start_time": 0, "end_time": 1, "rating": 6}]}, "rating"),
        ("multi_clip", {"clips": []}, "config.clips"),
    ],
)
def test_words_that_mean_nothing_are_refused_by_their_field(kind: ExportType, config: Any, field: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_config(kind, config)
    assert raised.value.code == "bad_config"
    assert field in raised.value.detail
