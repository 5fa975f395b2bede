from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from backline.engines.jam.check import check_anchor, check_change, check_options, check_session_id
from backline.engines.jam.orders import JamChange, JamOptions
from backline.errors import Invalid

RANGES = {
    "bpm": (20, 300),
    "bars_per_chunk": (1, 16),
    "beats_per_bar": (1, 16),
    "loop_weight": (0, 10),
    "loudness_headroom_db": (0, 24),
    "guidance_weight": (0, 10),
    "temperature": (0, 4),
    "topk": (1, 1024),
    "target_sample_rate": (8000, 192_000),
    "seed": (0, 2**63 - 1),
}
SMALL = JamOptions(bpm=240, bars_per_chunk=1, beats_per_bar=1)


@pytest.mark.parametrize(("field", "low", "high"), [(name, *bounds) for name, bounds in RANGES.items()])
def test_a_range_ends_where_it_says(field: str, low: int, high: int) -> None:
    for value in (low, high):
        check_options(replace(SMALL, **{field: value}))  # type: ignore[arg-type]
    for value in (low - 1, high + 1):
        with pytest.raises(Invalid, match=f"{field}.*{low} to {high}") as refused:
            check_options(replace(SMALL, **{field: value}))  # type: ignore[arg-type]
        assert refused.value.more == {"field": field}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["bpm", "temperature", "guidance_weight", "loop_weight"])
def test_what_is_no_number_is_refused(field: str, value: float) -> None:
    with pytest.raises(Invalid, match=field):
        check_options(replace(SMALL, **{field: value}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"styles": ("a",) * 17},
        {"styles": ("a" * 201,)},
        {"styles": (" ",)},
        {"styles": ("a",), "style_weights": (1.0, 1.0)},
        {"styles": ("a",), "style_weights": (math.nan,)},
        {"loudness_mode": "loud"},
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        check_options(replace(SMALL, **options))
    assert refused.value.code == "out_of_range"


def test_a_chunk_may_last_32_seconds_and_no_more() -> None:
    check_options(JamOptions(bpm=120, bars_per_chunk=16, beats_per_bar=4))
    with pytest.raises(Invalid, match="at most 15 bars_per_chunk") as refused:
        check_options(JamOptions(bpm=119, bars_per_chunk=16, beats_per_bar=4))
    assert refused.value.code == "chunk_too_long"
    with pytest.raises(Invalid, match="fewer beats_per_bar"):
        check_options(JamOptions(bpm=20, bars_per_chunk=1, beats_per_bar=16))


@pytest.mark.parametrize("change", [{"temperature": 5.0}, {"topk": 0}, {"loop_weight": -1.0}, {"styles": ("",)}])
def test_a_change_has_the_same_ranges(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        check_change(JamChange(**change))


def test_the_anchor_has_a_range() -> None:
    check_anchor(0)
    check_anchor(64)
    for bars in (-1, 65, math.nan):
        with pytest.raises(Invalid, match="anchor_bars"):
            check_anchor(bars)


@pytest.mark.parametrize("session_id", ["", "a b", "../a", "x" * 65, "ä"])
def test_an_id_is_letters_and_digits(session_id: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_session_id(session_id)
    assert refused.value.code == "bad_session_id"
