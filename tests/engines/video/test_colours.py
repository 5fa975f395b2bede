"""Ranges and matrices mean what the standards say, and films of other kinds look the same."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from backline.engines.video.base import Source
from backline.engines.video.colours import BT470BG, BT709, FULL, LIMITED, Colours, colours_of, convert
from backline.engines.video.planes import Planes, blank


def source(width: int, height: int, colour_range: int = 0, matrix: int = 2) -> Source:
    return Source(width, height, Fraction(30), 1.0, 0, None, colour_range, matrix, 2, 2)


@pytest.mark.parametrize(
    ("colours", "rgb", "wanted"),
    [
        (Colours(LIMITED, BT709, 1, 1), (1, 1, 1), (235, 128, 128)),
        (Colours(LIMITED, BT709, 1, 1), (0, 0, 0), (16, 128, 128)),
        (Colours(LIMITED, BT709, 1, 1), (1, 0, 0), (63, 102, 240)),  # the 75 % bars' kin, ITU-R BT.709
        (Colours(LIMITED, BT470BG, 2, 2), (1, 0, 0), (81, 90, 240)),
        (Colours(FULL, BT470BG, 2, 2), (0, 0, 1), (29, 255.5, 107)),
        (Colours(FULL, BT709, 2, 2), (1, 1, 1), (255, 128, 128)),
    ],
)
def test_rgb_is_stored_as_the_standards_say(
    colours: Colours, rgb: tuple[float, float, float], wanted: tuple[float, float, float]
) -> None:
    assert colours.of_rgb(*rgb) == pytest.approx(wanted, abs=0.6)


def test_a_film_that_does_not_say_gets_what_players_take() -> None:
    assert colours_of(source(1920, 1080)) == Colours(LIMITED, BT709, 2, 2)
    assert colours_of(source(1080, 1920)) == Colours(LIMITED, BT709, 2, 2)
    assert colours_of(source(640, 480)) == Colours(LIMITED, BT470BG, 2, 2)
    assert colours_of(source(640, 480, FULL, 9)) == Colours(FULL, 9, 2, 2)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Colours(LIMITED, BT470BG, 2, 2), Colours(LIMITED, BT709, 1, 1)),
        (Colours(FULL, BT709, 1, 1), Colours(LIMITED, BT709, 1, 1)),
        (Colours(LIMITED, BT709, 1, 1), Colours(FULL, BT470BG, 1, 1)),
    ],
)
def test_a_film_of_another_kind_looks_the_same(before: Colours, after: Colours) -> None:
    for rgb in [(0.8, 0.2, 0.3), (0.1, 0.7, 0.2), (0.5, 0.5, 0.5), (0.2, 0.3, 0.9), (1, 1, 1), (0, 0, 0)]:
        planes = filled(before.of_rgb(*rgb))
        convert(planes, before, after)
        found = [float(plane[3, 3]) for plane in planes.all]
        assert found == pytest.approx(after.of_rgb(*rgb), abs=1.5)
        assert all((plane == plane[0, 0]).all() for plane in planes.all)


def test_the_same_kind_is_left_alone() -> None:
    planes = blank(16, 16)
    planes.fill((3, 250, 77))
    convert(planes, Colours(LIMITED, 5, 2, 2), Colours(LIMITED, 6, 1, 1))
    assert [int(np.unique(plane)[0]) for plane in planes.all] == [3, 250, 77]


def filled(values: tuple[float, float, float]) -> Planes:
    planes = blank(16, 16)
    y, u, v = (round(value) for value in values)
    planes.fill((y, u, v))
    return planes
