from __future__ import annotations

from itertools import pairwise

import pytest

from backline.engines.jam.glide import GLIDE_SECONDS, Glide, wanted_shares


def test_shares_are_the_weights_of_the_whole() -> None:
    assert wanted_shares(("a", "b"), (2.0, 1.0), 1.0) == {"a": 0.5, "b": 0.25, None: 0.25}


def test_a_missing_weight_is_one_and_a_weight_without_a_style_is_nothing() -> None:
    assert wanted_shares(("a", "b", "c"), (2.0,), 0.0) == {"a": 0.5, "b": 0.25, "c": 0.25}


@pytest.mark.parametrize("weight", [0.0, -1.0])
def test_what_is_not_above_zero_is_left_out(weight: float) -> None:
    assert wanted_shares(("a", "b"), (weight, 1.0), 1.0) == {"b": 0.5, None: 0.5}


def test_the_same_words_twice_are_one_style() -> None:
    assert wanted_shares(("a", "a"), (), 2.0) == {"a": 0.5, None: 0.5}


def test_when_nothing_is_left_the_loop_has_it_all() -> None:
    assert wanted_shares(("a",), (0.0,), 0.0) == wanted_shares((), (), 3.0) == wanted_shares((), (), 0.0) == {None: 1.0}


def shares_of(glide: Glide, seconds: float) -> dict[str | None, float]:
    styles, loop_share = glide.at(seconds)
    return {**{style.words: style.share for style in styles}, None: loop_share}


def test_it_begins_with_what_was_asked_for() -> None:
    assert shares_of(Glide(wanted_shares(("a",), (), 1.0)), 0.0) == {"a": 0.5, None: 0.5}


def test_a_change_takes_eight_seconds_in_a_straight_line_and_always_makes_one() -> None:
    glide = Glide(wanted_shares(("a",), (), 0.0))
    glide.turn_to(wanted_shares(("b",), (), 0.0), 100.0)
    found = [shares_of(glide, 100.0 + second) for second in range(int(GLIDE_SECONDS) + 2)]
    assert [shares.get("b", 0.0) for shares in found] == pytest.approx([*(step / 8 for step in range(9)), 1.0])
    assert [sum(shares.values()) for shares in found] == pytest.approx([1.0] * 10)
    assert "a" in found[7]
    assert "a" not in found[8]


def test_a_change_in_the_middle_of_another_goes_on_from_what_is_heard() -> None:
    glide = Glide(wanted_shares(("a",), (), 0.0))
    glide.turn_to(wanted_shares(("b",), (), 0.0), 0.0)
    glide.turn_to(wanted_shares(("c",), (), 0.0), 4.0)
    assert shares_of(glide, 4.0) == pytest.approx({"a": 0.5, "b": 0.5, "c": 0.0, None: 0.0})
    steps = [shares_of(glide, 4.0 + second / 4) for second in range(40)]
    for before, after in pairwise(steps):
        names = {*before, *after}
        assert max(abs(before.get(name, 0.0) - after.get(name, 0.0)) for name in names) <= 0.25 / 8 + 1e-9


def test_asking_again_for_the_same_does_not_start_anew() -> None:
    glide = Glide(wanted_shares(("a",), (), 0.0))
    for second in range(9):
        glide.turn_to(wanted_shares(("b",), (), 0.0), float(second))
    assert shares_of(glide, 8.0) == {"b": 1.0, None: 0.0}
