"""A picture as three planes, the form in which it is decoded, changed and encoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Plane: TypeAlias = npt.NDArray[np.uint8]
"""uint8 [height, width]."""

Mask: TypeAlias = npt.NDArray[np.float32]
"""float32 [height, width], 0 to 1."""


@dataclass(frozen=True, slots=True)
class Planes:
    """YUV 4:2:0, 8 bits. y: [height, width]; u, v: half of each side, rounded up."""

    y: Plane
    u: Plane
    v: Plane

    @property
    def width(self) -> int:
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        return int(self.y.shape[0])

    @property
    def all(self) -> tuple[Plane, Plane, Plane]:
        return self.y, self.u, self.v

    def part(self, x: int, y: int, width: int, height: int) -> Planes:
        """A view of a rectangle; all four are even."""
        rows, columns = slice(y // 2, (y + height) // 2), slice(x // 2, (x + width) // 2)
        return Planes(self.y[y : y + height, x : x + width], self.u[rows, columns], self.v[rows, columns])

    def fill(self, colour: tuple[int, int, int]) -> None:
        for plane, value in zip(self.all, colour, strict=True):
            plane[:] = value

    def copy_from(self, other: Planes) -> None:
        for plane, source in zip(self.all, other.all, strict=True):
            np.copyto(plane, source)

    def mix(self, other: Planes, share: float) -> None:
        """Lay another picture of the same size over this one, as strong as `share` says: 0 to 1."""
        for plane, over in zip(self.all, other.all, strict=True):
            cv2.addWeighted(plane, 1 - share, over, share, 0.0, dst=plane)


def blank(width: int, height: int) -> Planes:
    """What it holds is undefined. width, height: even."""
    y = np.empty((height, width), np.uint8)
    return Planes(y, *(np.empty((height // 2, width // 2), np.uint8) for _ in range(2)))


def blend(under: Plane, over: Plane, mask: Mask, target: Plane) -> None:
    """target = over where the mask is 1, under where it is 0. target: may be one of both."""
    cv2.blendLinear(over, under, mask, 1 - mask, dst=target)
