"""A picture as three planes, the form in which it is decoded, changed and encoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Plane: TypeAlias = npt.NDArray[np.uint8]
"""uint8 [height, width]."""


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
