"""What a clip shows at a moment of its source: window, highlights and label, drawn on the output's planes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from backline.engines.video.base import Clip, Highlight, Interpolation, Source
from backline.engines.video.colours import Colours, colours_of, convert
from backline.engines.video.label import Overlay, draw
from backline.engines.video.planes import Mask, Plane, Planes, blend
from backline.engines.video.spotlight import Ellipse, Spotlight, values_of
from backline.engines.video.tracks import Track
from backline.engines.video.window import Window, show, siting_of

_EVEN_FIT = 0.01
"""Bars thinner than this share of a side are left out: the shapes differ by rounding only."""


class ClipPicture:
    """colours: of the output. width, height: of the output, both even."""

    def __init__(
        self, clip: Clip, source: Source, width: int, height: int, colours: Colours, interpolation: Interpolation
    ) -> None:
        self._own, self._colours = colours_of(source), colours
        self._siting = siting_of(source.width, source.height, source.rotation)
        self._whole = Window(0, 0, source.width, source.height)
        self._crop = (
            Track(
                [keyframe.time for keyframe in clip.crop],
                [(keyframe.x, keyframe.y, keyframe.width, keyframe.height) for keyframe in clip.crop],
                interpolation,
            )
            if clip.crop
            else None
        )
        self._place = (0, 0, width, height) if clip.crop else _fitted(source, width, height)
        self._barred = self._place != (0, 0, width, height)
        self._highlights = [_Drawn(highlight, colours, interpolation) for highlight in clip.highlights]
        self._label = _LabelPlanes(draw(clip.label, width, height), colours) if clip.label else None

    def window_at(self, time: float) -> Window:
        """What is shown of the source at this time of it."""
        return Window(*self._crop.at(time)) if self._crop else self._whole

    def draw(self, shown: Planes, time: float, target: Planes) -> None:
        """shown: the source's picture at this time."""
        window = self.window_at(time)
        if self._barred:
            target.fill(self._colours.black)
        inner = target.part(*self._place)
        show(shown, self._siting, window, inner)
        convert(inner, self._own, self._colours)
        for highlight in self._highlights:
            highlight.draw(inner, window, time)
        if self._label:
            self._label.draw(target)


class _Drawn:
    """A highlight over time."""

    def __init__(self, highlight: Highlight, colours: Colours, interpolation: Interpolation) -> None:
        self._start, self._end = highlight.start, highlight.end
        times = [keyframe.time for keyframe in highlight.keyframes]
        self._track = Track(times, [values_of(keyframe) for keyframe in highlight.keyframes], interpolation)
        self._spotlight = Spotlight(highlight.effect, colours)

    def draw(self, picture: Planes, window: Window, time: float) -> None:
        if not self._start <= time <= self._end:
            return
        x, y, radius_x, radius_y, opacity, red, green, blue = self._track.at(time)
        across, down = picture.width / window.width, picture.height / window.height
        strength = min(max(opacity, 0.0), 1.0)
        ellipse = Ellipse((x - window.x) * across, (y - window.y) * down, radius_x * across, radius_y * down, strength)
        self._spotlight.draw(picture, ellipse, (red, green, blue))


class _LabelPlanes:
    """A label as planes of the output's colours; chroma is averaged where it is opaque, at H.264's sites."""

    def __init__(self, overlay: Overlay, colours: Colours) -> None:
        height, width = (side - side % 2 for side in overlay.rgba.shape[:2])
        rgba = (overlay.rgba[:height, :width] / np.float32(255)).astype(np.float32)
        opaque = rgba[..., 3].copy()
        y, u, v = _stored([rgba[..., channel] for channel in range(3)], colours)
        chroma = _halved(opaque)
        weight = np.maximum(chroma, np.float32(1e-6))
        self._x, self._y, self._width, self._height = overlay.x, overlay.y, width, height
        self._values = Planes(_bytes(y), *(_bytes(_halved(plane * opaque) / weight) for plane in (u, v)))
        self._luma, self._chroma = opaque, chroma

    def draw(self, picture: Planes) -> None:
        part = picture.part(self._x, self._y, self._width, self._height)
        blend(part.y, self._values.y, self._luma, part.y)
        blend(part.u, self._values.u, self._chroma, part.u)
        blend(part.v, self._values.v, self._chroma, part.v)


def _stored(rgb: Sequence[Mask], colours: Colours) -> list[Mask]:
    """rgb: 0 to 1. Returns y, u, v as they are stored, at full size."""
    zero = colours.of_rgb(0, 0, 0)
    units = [colours.of_rgb(*(float(channel == other) for other in range(3))) for channel in range(3)]
    planes = []
    for index in range(3):
        plane = np.full_like(rgb[0], zero[index])
        for unit, channel in zip(units, rgb, strict=True):
            plane += np.float32(unit[index] - zero[index]) * channel
        planes.append(plane)
    return planes


def _bytes(plane: npt.NDArray[np.floating[Any]]) -> Plane:
    stored: Plane = np.clip(np.rint(plane), 0, 255).astype(np.uint8)
    return stored


def _halved(plane: Mask) -> Mask:
    """At every second sample: 1 2 1 across, as LEFT lies on luma's columns, and 1 1 down."""
    smooth = cv2.sepFilter2D(plane, cv2.CV_32F, np.array([0.25, 0.5, 0.25]), np.array([1.0]))
    return ((smooth[::2, ::2] + smooth[1::2, ::2]) / 2).astype(np.float32)


def _fitted(source: Source, width: int, height: int) -> tuple[int, int, int, int]:
    """x, y, width, height, all even: the largest place of the source's shape in the middle of the output."""
    scale = min(width / source.width, height / source.height)
    sides = []
    for own, whole in ((source.width, width), (source.height, height)):
        side = own * scale
        sides.append(whole if whole - side <= _EVEN_FIT * whole else max(2 * round(side / 2), 2))
    return (width - sides[0]) // 4 * 2, (height - sides[1]) // 4 * 2, sides[0], sides[1]
