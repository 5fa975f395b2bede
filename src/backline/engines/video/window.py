"""A window of a picture, enlarged or reduced to another picture: sub-pixel exact, luma and chroma alike."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from backline.engines.video.planes import Plane, Planes

LUMA_SITE = 0.5
"""Where the first sample lies, in pixels from the picture's outer corner."""


@dataclass(frozen=True, slots=True)
class Siting:
    """Where the first chroma sample lies, in luma pixels from the picture's outer corner."""

    x: float
    y: float


LEFT = Siting(0.5, 1.0)
"""H.264's default (ITU-T H.264, Annex E, type 0): with the left luma column, between two rows."""


def siting_of(width: int, height: int, rotation: int) -> Siting:
    """That of a picture which was stored with LEFT and turned clockwise. width, height: after turning."""
    if rotation == 90:
        return Siting(_from_far_side(LEFT.y, width), LEFT.x)
    if rotation == 180:
        return Siting(_from_far_side(LEFT.x, width), _from_far_side(LEFT.y, height))
    if rotation == 270:
        return Siting(LEFT.y, _from_far_side(LEFT.x, height))
    return LEFT


def _from_far_side(site: float, length: int) -> float:
    """The first sample once the last one has become it."""
    return length - (2 * ((length + 1) // 2 - 1) + site)


@dataclass(frozen=True, slots=True)
class Window:
    """In pixels of the source; (0, 0) is the outer corner of its top left pixel."""

    x: float
    y: float
    width: float
    height: float


def show(source: Planes, siting: Siting, window: Window, target: Planes) -> None:
    """Fill `target` with what the window shows. What lies outside of the source repeats its border."""
    across, down = window.width / target.width, window.height / target.height
    columns = _Axis(window.x, across, LUMA_SITE, LUMA_SITE, 1)
    rows = _Axis(window.y, down, LUMA_SITE, LUMA_SITE, 1)
    _resample(source.y, columns, rows, target.y)
    columns = _Axis(window.x, across, siting.x, LEFT.x, 2)
    rows = _Axis(window.y, down, siting.y, LEFT.y, 2)
    _resample(source.u, columns, rows, target.u)
    _resample(source.v, columns, rows, target.v)


class _Axis:
    """Sample j of the target lies at `first + scale * j` of the source's plane, whose samples lie at whole numbers."""

    def __init__(self, begin: float, scale: float, source_site: float, target_site: float, step: int) -> None:
        """begin: of the window; site: of the first sample; step: luma pixels from one sample to the next."""
        self.scale = scale
        self.first = (begin + scale * target_site - source_site) / step

    def needed(self, length: int, limit: int, margin: int, multiple: int) -> slice:
        """The source's samples that `length` samples need, from a multiple on."""
        low = math.floor(self.first) - margin
        high = math.ceil(self.first + self.scale * (length - 1)) + margin + 1
        low = min(max(low, 0), limit - 1) // multiple * multiple
        return slice(low, min(max(high, low + 1), limit))


def _resample(source: Plane, columns: _Axis, rows: _Axis, target: Plane) -> None:
    height, width = target.shape
    if columns.scale == rows.scale == 1 and columns.first.is_integer() and rows.first.is_integer():
        x, y = int(columns.first), int(rows.first)
        if 0 <= x <= source.shape[1] - width and 0 <= y <= source.shape[0] - height:
            np.copyto(target, source[y : y + height, x : x + width])
            return
    by = max(int(columns.scale), 1), max(int(rows.scale), 1)
    margin = 4 * max(by)
    across = columns.needed(width, source.shape[1], margin, by[0])
    down = rows.needed(height, source.shape[0], margin, by[1])
    part = _smoothed(source[down, across], columns.scale, rows.scale, by)
    matrix = np.array(
        [
            [columns.scale / by[0], 0, (columns.first - across.start - (by[0] - 1) / 2) / by[0]],
            [0, rows.scale / by[1], (rows.first - down.start - (by[1] - 1) / 2) / by[1]],
        ]
    )
    cv2.warpAffine(
        part,
        matrix,
        (width, height),
        dst=target,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _smoothed(part: Plane, across: float, down: float, by: tuple[int, int]) -> Plane:
    """Reduced by whole factors, and without the detail that the rest of the way would turn into patterns.

    The deviation makes the samples' spread (a box of a sample's width, about 0.5 of it squared) that of the target's.
    """
    if by != (1, 1):
        height, width = -(-part.shape[0] // by[1]), -(-part.shape[1] // by[0])
        padding = height * by[1] - part.shape[0], width * by[0] - part.shape[1]
        part = cv2.copyMakeBorder(part, 0, padding[0], 0, padding[1], cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)
        part = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    deviation = _deviation(across / by[0]), _deviation(down / by[1])
    if max(deviation) < _SHARP:
        return part
    sigma_x, sigma_y = (max(value, 1e-3) for value in deviation)
    return cv2.GaussianBlur(part, (0, 0), sigma_x, sigmaY=sigma_y, borderType=cv2.BORDER_REPLICATE).astype(
        np.uint8, copy=False
    )


_SHARP = 0.2


def _deviation(scale: float) -> float:
    return 0.5 * math.sqrt(max(scale * scale - 1, 0.0))
