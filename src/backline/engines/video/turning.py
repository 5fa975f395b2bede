"""How a film's pictures must be turned to be shown, as its metadata asks: phones store them as the sensor lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideData, Type

from backline.engines.video.planes import Plane, Planes


@dataclass(frozen=True, slots=True)
class Turn:
    """transposed: rows become columns first. Then mirrored left to right, and top to bottom."""

    transposed: bool = False
    across: bool = False
    down: bool = False

    @property
    def degrees(self) -> int:
        """Clockwise; a mirrored picture counts as the turn that comes nearest."""
        if self.transposed:
            return 90 if self.across else 270
        return 180 if self.down else 0

    def shown(self, width: int, height: int) -> tuple[int, int]:
        return (height, width) if self.transposed else (width, height)

    def apply(self, planes: Planes) -> Planes:
        """Without a turn, the very same."""
        if self == Turn():
            return planes
        return Planes(self._plane(planes.y), self._plane(planes.u), self._plane(planes.v))

    def _plane(self, plane: Plane) -> Plane:
        turned = cv2.transpose(plane) if self.transposed else plane
        if self.across or self.down:
            turned = cv2.flip(turned, -1 if self.across and self.down else int(self.across))
        return np.asarray(turned, dtype=np.uint8)


def turn_of(frame: av.VideoFrame) -> Turn:
    """Of the display matrix that comes with a frame: (x, y) is shown at (a x + c y, b x + d y). Angles that are not
    right become the nearest."""
    side_data = cast(Mapping[Type, SideData], frame.side_data)
    if Type.DISPLAYMATRIX not in side_data:
        return Turn()
    a, b, _, c, d = np.frombuffer(bytes(side_data[Type.DISPLAYMATRIX]), "=i4")[:5].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Turn(transposed=True, across=c < 0, down=b < 0)
    return Turn(across=a < 0, down=d < 0)
