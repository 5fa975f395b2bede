"""What the numbers in a picture mean as colours: range and matrix (ITU-T H.273)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from backline.engines.video.base import Source
from backline.engines.video.planes import Plane, Planes
from backline.engines.video.window import LEFT

Values: TypeAlias = npt.NDArray[np.floating[Any]]

LIMITED, FULL = 1, 2
"""FFmpeg's numbers of a range."""

BT709, BT470BG, UNSPECIFIED = 1, 5, 2
"""FFmpeg's numbers of a matrix; those of H.273."""

_RED_AND_BLUE: Mapping[int, tuple[float, float]] = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
"""KR and KB of H.273, table 4."""


@dataclass(frozen=True, slots=True)
class Colours:
    """FFmpeg's numbers. range and matrix are always known; primaries and transfer may be 2, unspecified."""

    range: int
    matrix: int
    primaries: int
    transfer: int

    @property
    def black(self) -> tuple[int, int, int]:
        return (16 if self.range == LIMITED else 0, 128, 128)

    def of_rgb(self, red: float, green: float, blue: float) -> tuple[float, float, float]:
        """0 to 1 each. Returns y, u, v as they are stored, not rounded."""
        y, u, v = self._from_rgb() @ (red, green, blue)
        return float(y) + self.black[0], float(u) + 128, float(v) + 128

    def _from_rgb(self) -> Values:
        """[3, 3]: RGB from 0 to 1 becomes stored values without their offsets."""
        red, blue = _RED_AND_BLUE[self.matrix]
        luma = np.array([red, 1 - red - blue, blue])
        rows = [luma, ([0, 0, 1] - luma) / (2 - 2 * blue), ([1, 0, 0] - luma) / (2 - 2 * red)]
        return np.array(rows) * (np.array([[219], [224], [224]]) if self.range == LIMITED else 255)

    def from_other(self, other: Colours) -> Values:
        """[3, 3]: stored values of another kind, without their offsets, become ours."""
        change: Values = self._from_rgb() @ np.linalg.inv(other._from_rgb())
        return change


def colours_of(source: Source) -> Colours:
    """A film that does not say its matrix has the one that players take for its size."""
    guess = BT709 if max(source.width, source.height) >= 1280 or min(source.width, source.height) > 576 else BT470BG
    matrix = source.matrix if source.matrix in _RED_AND_BLUE else guess
    return Colours(FULL if source.range == FULL else LIMITED, matrix, source.primaries, source.transfer)


def convert(picture: Planes, before: Colours, after: Colours) -> None:
    """Change a picture in place, so that it looks the same when it is shown with other range and matrix."""
    if (before.range, _RED_AND_BLUE[before.matrix]) == (after.range, _RED_AND_BLUE[after.matrix]):
        return
    change = after.from_other(before)
    luma = _luma_change(picture, change) if abs(change[0, 1:]).max() > 1e-9 else 0.0
    y = (picture.y.astype(np.float32) - before.black[0]) * np.float32(change[0, 0]) + (luma + after.black[0])
    u, v = picture.u.copy(), picture.v
    _sum(u, change[1, 1], v, change[1, 2], picture.u)
    _sum(u, change[2, 1], v, change[2, 2], picture.v)
    np.copyto(picture.y, np.clip(np.rint(y), 0, 255).astype(np.uint8))


def _luma_change(picture: Planes, change: Values) -> Values:
    """What colour adds to luma, at luma's size."""
    small = (picture.u.astype(np.float32) - 128) * change[0, 1] + (picture.v.astype(np.float32) - 128) * change[0, 2]
    place = np.array([[0.5, 0, (0.5 - LEFT.x) / 2], [0, 0.5, (0.5 - LEFT.y) / 2]])
    return cv2.warpAffine(
        small.astype(np.float32),
        place,
        (picture.width, picture.height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32, copy=False)


def _sum(u: Plane, u_share: float, v: Plane, v_share: float, target: Plane) -> None:
    cv2.addWeighted(u, float(u_share), v, float(v_share), 128 * (1 - float(u_share) - float(v_share)), dst=target)
