"""Ellipses with a soft edge: what is outside is dimmed, or what is inside is brightened or tinted.

Strength at a distance d from the centre, where the ellipse itself is at 1: 1 up to 1 - SOFT, 0 from 1 + SOFT on, and
between them smoothstep, which is a half at 1. The studio's preview does the same sums.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from backline.engines.video.base import Effect, EllipseKeyframe
from backline.engines.video.colours import Colours
from backline.engines.video.planes import Mask, Plane, Planes, blend
from backline.engines.video.window import LEFT

SOFT = 0.1

_DISC = 320
"""Samples of the disc's picture, from which all masks are enlarged or reduced; 26 of them are its edge."""

_REACH = (1 + SOFT) * 1.04
"""How far the disc's picture reaches, in radii; a little beyond the edge."""


@dataclass(frozen=True, slots=True)
class Ellipse:
    """In pixels of the picture that it is drawn on. strength: 0 to 1."""

    x: float
    y: float
    radius_x: float
    radius_y: float
    strength: float


@dataclass(frozen=True, slots=True)
class _Change:
    """A stored value v becomes gain * v + offset."""

    gain: float
    offset: float

    def apply(self, plane: Plane, target: Plane) -> None:
        cv2.addWeighted(plane, self.gain, plane, 0.0, self.offset, dst=target)


class Spotlight:
    """Draws highlights of one effect. colours: of the pictures that it draws on."""

    def __init__(self, effect: Effect, colours: Colours) -> None:
        self._effect, self._colours = effect, colours
        self._disc = _disc()

    def draw(self, picture: Planes, ellipse: Ellipse, color: tuple[float, float, float]) -> None:
        """Change a picture in place. color: red, green and blue from 0 to 1, of the effect `original`."""
        if ellipse.strength <= 0:
            return
        changes = self._changes(ellipse.strength, color)
        self._plane(picture.y, _placed(ellipse, 0.5, 0.5, 1), changes[0])
        chroma = _placed(ellipse, LEFT.x, LEFT.y, 2)
        self._plane(picture.u, chroma, changes[1])
        self._plane(picture.v, chroma, changes[2])

    def _changes(self, strength: float, color: tuple[float, float, float]) -> list[_Change]:
        zero = self._colours.black
        if self._effect == "original":
            covered = self._colours.of_rgb(*color)
            return [_Change(1 - strength, strength * value) for value in covered]
        gain = 1 - strength if self._effect == "dark_overlay" else 1 + strength
        return [_Change(gain, value * (1 - gain)) for value in zero]

    def _plane(self, plane: Plane, ellipse: Ellipse, change: _Change) -> None:
        """ellipse: in samples of the plane, whose first one lies at (0, 0)."""
        box = _box(ellipse, plane)
        outside = self._effect == "dark_overlay"
        if box is None:
            if outside:
                change.apply(plane, plane)
            return
        before = plane[box].copy()
        change.apply(plane if outside else before, target := plane if outside else np.empty_like(before))
        mask = self._mask(ellipse, box)
        if outside:
            blend(target[box], before, mask, target[box])
        else:
            blend(before, target, mask, plane[box])

    def _mask(self, ellipse: Ellipse, box: tuple[slice, slice]) -> Mask:
        per_radius = _DISC / 2 / _REACH
        across, down = per_radius / ellipse.radius_x, per_radius / ellipse.radius_y
        middle = (_DISC - 1) / 2
        matrix = np.array(
            [
                [across, 0, (box[1].start - ellipse.x) * across + middle],
                [0, down, (box[0].start - ellipse.y) * down + middle],
            ]
        )
        size = box[1].stop - box[1].start, box[0].stop - box[0].start
        mask: Mask = np.empty(size[::-1], np.float32)
        cv2.warpAffine(self._disc, matrix, size, dst=mask, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        return mask


def rgb_of(color: str) -> tuple[float, float, float]:
    """`#rrggbb` as red, green and blue from 0 to 1."""
    red, green, blue = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


def values_of(keyframe: EllipseKeyframe) -> tuple[float, ...]:
    """What is interpolated: x, y, both radii, opacity, red, green, blue."""
    shape = keyframe.x, keyframe.y, keyframe.radius_x, keyframe.radius_y, keyframe.opacity
    return (*shape, *rgb_of(keyframe.color))


def _disc() -> Mask:
    place = (np.arange(_DISC) - (_DISC - 1) / 2) / (_DISC / 2) * _REACH
    distance = np.hypot(place[:, None], place[None, :])
    t = np.clip((1 + SOFT - distance) / (2 * SOFT), 0, 1)
    disc: Mask = (t * t * (3 - 2 * t)).astype(np.float32)
    return disc


def _placed(ellipse: Ellipse, site_x: float, site_y: float, step: int) -> Ellipse:
    """In samples of a plane. site: where the first one lies; step: pixels from one to the next."""
    x, y = (ellipse.x - site_x) / step, (ellipse.y - site_y) / step
    least = 0.5  # a mask cannot be narrower than a sample
    return Ellipse(x, y, max(ellipse.radius_x / step, least), max(ellipse.radius_y / step, least), ellipse.strength)


def _box(ellipse: Ellipse, plane: Plane) -> tuple[slice, slice] | None:
    """Rows and columns which the ellipse touches with its edge; None when it is outside."""
    slices = []
    for centre, radius, length in zip(
        (ellipse.y, ellipse.x), (ellipse.radius_y, ellipse.radius_x), plane.shape, strict=True
    ):
        reach = radius * (1 + SOFT)
        low, high = max(math.floor(centre - reach), 0), min(math.ceil(centre + reach) + 1, length)
        if low >= high:
            return None
        slices.append(slice(low, high))
    return slices[0], slices[1]
