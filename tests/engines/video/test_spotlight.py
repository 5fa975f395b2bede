"""Spotlights lie where they should, with soft edges, and change colours as light does."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

from backline.engines.video.base import Effect
from backline.engines.video.colours import FULL, LIMITED, Colours
from backline.engines.video.planes import Plane, Planes, blank
from backline.engines.video.spotlight import SOFT, Ellipse, Spotlight, rgb_of

Values: TypeAlias = npt.NDArray[np.floating[Any]]

BT709_LIMITED = Colours(LIMITED, 1, 1, 1)
WIDTH, HEIGHT = 320, 180
WHITE = (1.0, 1.0, 1.0)


def flat(y: int = 116, u: int = 108, v: int = 148) -> Planes:
    planes = blank(WIDTH, HEIGHT)
    planes.fill((y, u, v))
    return planes


def strength(plane: Plane, before: float, changed: float) -> Values:
    return np.asarray((plane.astype(np.float64) - before) / (changed - before))


@pytest.mark.parametrize("radii", [(60.0, 40.0), (20.5, 31.25), (7.0, 7.0), (250.0, 140.0)])
@pytest.mark.parametrize("place", [(160.0, 90.0), (97.3, 61.6)])
def test_its_edge_is_an_ellipse_of_the_radii_that_were_asked_for(
    radii: tuple[float, float], place: tuple[float, float]
) -> None:
    planes = flat(y=16)
    Spotlight("original", BT709_LIMITED).draw(planes, Ellipse(*place, *radii, 1.0), WHITE)
    found = strength(planes.y, 16, 235)
    across = (np.arange(WIDTH) + 0.5 - place[0]) / radii[0]
    down = (np.arange(HEIGHT) + 0.5 - place[1]) / radii[1]
    distance = np.hypot(down[:, None], across[None, :])
    t = np.clip((1 + SOFT - distance) / (2 * SOFT), 0, 1)
    slack = 0.03 if min(radii) > 10 else 0.12  # the edge is narrower than two pixels then
    assert np.abs(found - t * t * (3 - 2 * t)).max() <= slack
    assert not found[distance > 1 + SOFT + 0.5 / min(radii)].any()


def test_chroma_has_the_same_shape_as_luma() -> None:
    planes = flat(16, 128, 128)
    Spotlight("original", BT709_LIMITED).draw(planes, Ellipse(141.7, 88.2, 50, 30, 1.0), (1.0, 0.0, 0.0))
    y, _, v = BT709_LIMITED.of_rgb(1, 0, 0)
    luma, chroma = strength(planes.y, 16, y), strength(planes.v, 128, v)
    rows = (luma[::2] + luma[1::2]) / 2
    assert np.abs(rows[:, ::2] - chroma).max() < 0.06


@pytest.mark.parametrize("colour_range", [LIMITED, FULL])
def test_dark_overlay_dims_outside_towards_black_and_leaves_inside(colour_range: int) -> None:
    planes = flat(116, 108, 148)
    colours = Colours(colour_range, 1, 1, 1)
    Spotlight("dark_overlay", colours).draw(planes, Ellipse(160, 90, 50, 40, 0.4), WHITE)
    black = colours.black[0]
    assert planes.y[90, 160] == 116
    assert planes.y[0, 0] == round(black + (116 - black) * 0.6)
    assert (planes.u[0, 0], planes.v[0, 0]) == (116, 140)
    assert (planes.u[45, 80], planes.v[45, 80]) == (108, 148)


def test_brightness_boost_brightens_inside_only() -> None:
    planes = flat(116, 108, 148)
    Spotlight("brightness_boost", BT709_LIMITED).draw(planes, Ellipse(160, 90, 50, 40, 0.2), WHITE)
    assert (planes.y[90, 160], planes.u[45, 80], planes.v[45, 80]) == (136, 104, 152)
    assert (planes.y[0, 0], planes.u[0, 0], planes.v[0, 0]) == (116, 108, 148)


def test_brightness_boost_does_not_wrap_round() -> None:
    planes = flat(230, 10, 250)
    Spotlight("brightness_boost", BT709_LIMITED).draw(planes, Ellipse(160, 90, 50, 40, 1.0), WHITE)
    assert (planes.y[90, 160], planes.u[45, 80], planes.v[45, 80]) == (255, 0, 255)


def test_original_covers_inside_with_its_colour() -> None:
    planes = flat(16, 128, 128)
    Spotlight("original", BT709_LIMITED).draw(planes, Ellipse(160, 90, 50, 40, 0.5), rgb_of("#ff0000"))
    y, u, v = BT709_LIMITED.of_rgb(1, 0, 0)
    found = planes.y[90, 160], planes.u[45, 80], planes.v[45, 80]
    assert found == pytest.approx(((16 + y) / 2, (128 + u) / 2, (128 + v) / 2), abs=1)


@pytest.mark.parametrize("effect", ["dark_overlay", "brightness_boost", "original"])
@pytest.mark.parametrize("place", [(-200.0, 90.0), (160.0, 600.0), (0.0, 0.0), (320.0, 180.0), (-40.0, 90.0)])
def test_it_may_lie_at_the_border_or_outside(effect: Effect, place: tuple[float, float]) -> None:
    planes = flat()
    Spotlight(effect, BT709_LIMITED).draw(planes, Ellipse(*place, 50, 40, 0.5), WHITE)
    far = planes.y[90, 160]
    assert (far != 116) == (effect == "dark_overlay")


def test_one_of_no_strength_or_no_size_changes_nothing_inside() -> None:
    planes = flat()
    Spotlight("original", BT709_LIMITED).draw(planes, Ellipse(160, 90, 50, 40, 0.0), WHITE)
    assert set(np.unique(planes.y)) == {116}
    Spotlight("original", BT709_LIMITED).draw(planes, Ellipse(160, 90, 0.0, 0.0, 1.0), WHITE)
    assert (planes.y != 116).sum() <= 4
