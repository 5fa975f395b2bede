"""Windows show what they should, to a fraction of a pixel, in luma and in chroma."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

from backline.engines.video.planes import Plane, Planes, blank
from backline.engines.video.turning import Turn
from backline.engines.video.window import LEFT, Siting, Window, show, siting_of

Values: TypeAlias = npt.NDArray[np.floating[Any]]

WIDTH, HEIGHT = 320, 180
PLACE = 161.3, 88.6
SITE_X, SITE_Y = 0.5, 1.0
"""Where H.264 has the first chroma sample, unless it says otherwise."""

TURNS = {
    0: Turn(),
    90: Turn(transposed=True, across=True),
    180: Turn(across=True, down=True),
    270: Turn(transposed=True, down=True),
}


def bell(x: float, y: float, width: int = WIDTH, height: int = HEIGHT) -> Planes:
    """A soft coloured shape on grey: 4:2:0 as H.264 has it."""

    def plane(columns: Values, rows: Values, floor: int, peak: int) -> Plane:
        soft = np.outer(np.exp(-(((rows - y) / 9) ** 2)), np.exp(-(((columns - x) / 9) ** 2)))
        values: Plane = np.rint(floor + peak * soft).astype(np.uint8)
        return values

    across, down = np.arange((width + 1) // 2) * 2 + SITE_X, np.arange((height + 1) // 2) * 2 + SITE_Y
    chroma = [plane(across, down, 128, peak) for peak in (100, -100)]
    return Planes(plane(np.arange(width) + 0.5, np.arange(height) + 0.5, 40, 200), *chroma)


def centre(plane: Plane, floor: float) -> tuple[float, float]:
    """In samples; (0, 0) is the first one. floor: what is not counted."""
    light = np.abs(plane.astype(np.float64) - floor)
    total = light.sum()
    return (
        float((light.sum(axis=0) * np.arange(plane.shape[1])).sum() / total),
        float((light.sum(axis=1) * np.arange(plane.shape[0])).sum() / total),
    )


def places(shown: Planes) -> list[tuple[float, float]]:
    """The shape's centre in pixels by luma, u and v."""
    luma = centre(shown.y, 40)
    chroma = [centre(plane, 128) for plane in (shown.u, shown.v)]
    return [(luma[0] + 0.5, luma[1] + 0.5)] + [(2 * x + SITE_X, 2 * y + SITE_Y) for x, y in chroma]


@pytest.mark.parametrize("size", [(180, 272), (80, 120), (54, 82), (26, 40)])
@pytest.mark.parametrize("shift", [0.0, 0.25, 1.5, 10.37])
def test_what_a_window_shows_lies_where_it_belongs(size: tuple[int, int], shift: float) -> None:
    window = Window(PLACE[0] - 46 + shift, PLACE[1] - 61 + shift / 3, 80, 120)
    target = blank(*size)
    show(bell(*PLACE), LEFT, window, target)
    wanted = (46 - shift) * size[0] / 80, (61 - shift / 3) * size[1] / 120
    for place, slack in zip(places(target), (0.04, 0.1, 0.1), strict=True):
        assert place == pytest.approx(wanted, abs=slack)


@pytest.mark.parametrize(("width", "height"), [(320, 180), (318, 182), (319, 181)])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_colour_stays_with_its_shape_when_a_film_is_turned(rotation: int, width: int, height: int) -> None:
    x, y = PLACE
    turned = TURNS[rotation].apply(bell(x, y, width, height))
    x, y = {0: (x, y), 90: (height - y, x), 180: (width - x, height - y), 270: (y, width - x)}[rotation]
    target = blank(160, 160)
    show(turned, siting_of(turned.width, turned.height, rotation), Window(x - 40, y - 40, 80, 80), target)
    for place in places(target):
        assert place == pytest.approx((80, 80), abs=0.06)


def test_a_window_of_the_same_size_is_a_copy() -> None:
    source = bell(*PLACE)
    target = blank(100, 80)
    show(source, LEFT, Window(20, 40, 100, 80), target)
    for part, own in zip(source.part(20, 40, 100, 80).all, target.all, strict=True):
        assert np.array_equal(part, own)


def test_fine_patterns_become_grey_when_they_get_too_small() -> None:
    y: Plane = np.zeros((180, 320), np.uint8)
    y[::2, ::2] = y[1::2, 1::2] = 200
    grey = np.full((90, 160), 128, np.uint8)
    for width, height in ((160, 90), (128, 72), (64, 36), (90, 52)):
        target = blank(width, height)
        show(Planes(y, grey, grey), LEFT, Window(0, 0, 320, 180), target)
        inner: npt.NDArray[np.int64] = target.y[2:-2, 2:-2].astype(np.int64)
        assert abs(inner - 100).max() <= 30


def test_beyond_the_border_the_border_is_repeated() -> None:
    y: Plane = np.full((64, 64), 200, np.uint8)
    grey = np.full((32, 32), 90, np.uint8)
    target = blank(32, 32)
    show(Planes(y, grey, grey), Siting(0.5, 1.0), Window(-5.5, 40, 48, 48), target)
    assert set(np.unique(target.y)) == {200}
    assert set(np.unique(target.u)) == {90}
