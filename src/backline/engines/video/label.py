"""What is written on a clip: a panel at the bottom left with the mark of its rating, its name, notes and tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from backline.engines.video.base import Label
from backline.engines.video.bidi import base_level
from backline.engines.video.fonts import Fonts
from backline.engines.video.text import Ink, Line, Setter, plain, shortened

MARKS: Mapping[int, tuple[str, Ink]] = {
    1: ("??", (0xEF, 0x44, 0x44)),
    2: ("?", (0xF5, 0x9E, 0x0B)),
    3: ("!?", (0x3B, 0x82, 0xF6)),
    4: ("!", (0x22, 0xC5, 0x5E)),
    5: ("!!", (0x86, 0xEF, 0xAC)),
}
"""For each rating its mark and colour: those of the page on which clips are rated."""

NOTES_CHARACTERS = 100
"""How much of the notes is drawn."""

_WHITE: Ink = (255, 255, 255)
_DARK: Ink = (16, 18, 22)
_GREY: Ink = (226, 228, 232)
_CHIP: Ink = (78, 84, 96)
_UNRATED: Ink = (120, 126, 138)
_PANEL_ALPHA = 208

# Pixels at 1080 lines.
_BORDER, _MARK_SIDE, _TALL = 4, 50, 80
_NAME, _NOTES, _MARK = 24, 16, 28
_MARGIN, _PAD, _GAP, _CHIP_PAD, _WIDEST = 40, 10, 6, 8, 900
_NAME_CHARACTERS, _TAG_CHARACTERS = 250, 100  # more than there is room for
_NAME_LINES, _NOTES_LINES, _CHIP_ROWS = 2, 3, 2

_LINES = 1080
_LEGIBLE, _LEGIBLE_LINES = 0.65, 320
"""Pictures of so many lines and more get letters of 10 pixels at least."""
_STEP, _LEAST = 0.85, 0.02
_FINE = 4
"""The panel is drawn this much larger, and then reduced."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """A picture to be laid over a frame at (x, y). rgba: uint8 [height, width, 4], not premultiplied.

    Position and size are even, as 4:2:0 has it, and all of it lies inside of the frame.
    """

    x: int
    y: int
    rgba: npt.NDArray[np.uint8]


def draw(label: Label, width: int, height: int) -> Overlay:
    """The panel of a label for frames of this size, in pixels (both even); transparent if there is nothing to say."""
    said = Label(
        shortened(plain(label.name), _NAME_CHARACTERS),
        shortened(plain(label.notes), NOTES_CHARACTERS),
        label.rating,
        tuple(shortened(tag, _TAG_CHARACTERS) for tag in map(plain, label.tags) if tag),
    )
    if said == Label():
        return Overlay(0, 0, np.zeros((2, 2, 4), np.uint8))
    setter = Setter(Fonts())
    lines = min(width, height)
    scale = max(lines / _LINES, _LEGIBLE * min(1.0, lines / _LEGIBLE_LINES))
    panel = _Panel(said, setter, scale, width)
    while (panel.width + 2 * panel.margin > width or panel.height + 2 * panel.margin > height) and scale > _LEAST:
        scale *= _STEP
        panel = _Panel(said, setter, scale, width)
    rgba = panel.picture()[:height, :width]
    x = min(panel.margin, width - rgba.shape[1])
    y = max(height - panel.margin - rgba.shape[0], 0)
    return Overlay(x - x % 2, y - y % 2, rgba)


@dataclass(slots=True)
class _Placed:
    """A line at its baseline's beginning; for a chip also the box around it: left, top, right, bottom."""

    line: Line
    x: int
    y: int
    size: int
    ink: Ink
    chip: tuple[int, int, int, int] | None = None

    def move(self, right: int, down: int) -> None:
        self.x, self.y = self.x + right, self.y + down
        if self.chip:
            x, y, end, bottom = self.chip
            self.chip = (x + right, y + down, end + right, bottom + down)


class _Panel:
    """Everything at its place, at one scale (1 at 1080 lines), for a picture so many pixels wide.

    What is public is in pixels, the rest in fine ones: it is drawn larger and then reduced, so that letters lie where
    they should and not on whole pixels, and edges are soft.
    """

    def __init__(self, label: Label, setter: Setter, scale: float, width: int) -> None:
        self._setter = setter
        self._scale = scale
        self.margin = self._px(_MARGIN) // _FINE
        self._border, self._pad, self._gap = self._px(_BORDER), self._px(_PAD), self._px(_GAP)
        self._mark, self._colour = ("", _UNRATED) if label.rating is None else MARKS[label.rating]
        self._mark_side = self._px(_MARK_SIDE) if self._mark else self._border
        self._left = self._mark_side + self._pad
        room = min((width - 2 * self.margin) * _FINE, self._px(_WIDEST)) - self._left - self._pad - self._border
        self._lines: list[_Placed] = []
        self._bottom = 0
        self._add(label.name, _NAME, _NAME_LINES, _WHITE, room)
        self._add(label.notes, _NOTES, _NOTES_LINES, _GREY, room)
        self._add_chips(label.tags, room)
        self._settle(_TALL if label.notes or label.tags else _MARK_SIDE)

    def picture(self) -> npt.NDArray[np.uint8]:
        """uint8 [height, width, 4]"""
        image = Image.new("RGBA", (self.width * _FINE, self.height * _FINE), (*self._colour, 255))
        on = ImageDraw.Draw(image)
        if self._lines:
            right, bottom = image.width - self._border, image.height - self._border
            on.rectangle((self._mark_side, self._border, right - 1, bottom - 1), (*_DARK, _PANEL_ALPHA))
        for one in self._lines:
            if one.chip:
                x, y, end, below = one.chip
                on.rounded_rectangle((x, y, end - 1, below - 1), (below - y) / 3, (*_CHIP, 255))
            self._setter.draw(on, (one.x, one.y), one.line, one.size, one.ink)
        if self._mark:
            self._draw_mark(on, image.height)
        return np.asarray(image.reduce(_FINE))

    def _draw_mark(self, on: ImageDraw.ImageDraw, height: int) -> None:
        size = self._size(_MARK)
        above, below = self._setter.heights(self._mark, size)
        x = (self._mark_side - self._setter.width(self._mark, size)) // 2
        y = (height - above - below) // 2 + above
        ink = max((_WHITE, _DARK), key=lambda one: _contrast(one, self._colour))
        self._setter.draw(on, (x, y), Line(self._mark), size, ink, bold=size // 28)

    def _add(self, text: str, size: int, lines: int, ink: Ink, room: int) -> None:
        if not text:
            return
        size = self._size(size)
        for line in self._setter.wrapped(text, size, room, lines):
            above, below = self._setter.heights(line.text, size)
            self._lines.append(_Placed(line, self._left, self._bottom + above, size, ink))
            self._bottom += above + below
        self._bottom += self._gap

    def _add_chips(self, tags: tuple[str, ...], room: int) -> None:
        """Rows of chips of one height; those that no row has room for are counted in the last chip."""
        if not tags:
            return
        size, pad = self._size(_NOTES), self._px(_CHIP_PAD)
        above, below = self._setter.heights(" ".join(tags), size)
        x, row = 0, 0
        for index, tag in enumerate(tags):
            others = f"+{len(tags) - index}"
            text = self._setter.fitted(tag, size, room - 2 * pad)
            width = self._setter.width(text, size) + 2 * pad
            last_row = row + 1 == _CHIP_ROWS
            kept = self._setter.width(others, size) + 2 * pad + self._gap if last_row and index + 1 < len(tags) else 0
            full = x > 0 and x + width + kept > room
            if full and last_row:
                text, width = others, self._setter.width(others, size) + 2 * pad
            elif full:
                self._bottom += above + below + self._gap
                x, row = 0, row + 1
            box = (self._left + x, self._bottom, self._left + x + width, self._bottom + above + below)
            self._lines.append(_Placed(Line(text, base_level(text)), box[0] + pad, box[1] + above, size, _WHITE, box))
            if full and last_row:
                break
            x += width + self._gap
        self._bottom += above + below + self._gap

    def _settle(self, least: int) -> None:
        """The panel's size. What is in it is put in the middle of its height, and to the right if it is read so."""
        content = max(self._bottom - self._gap, 0)
        self.height = _even_up(max(content + 2 * (self._border + self._pad), self._px(least)))
        right = max((self._right(one) for one in self._lines), default=self._mark_side)
        self.width = _even_up(right + (self._pad + self._border if self._lines else 0))
        down = (self.height * _FINE - content) // 2
        for one in self._lines:
            to_the_right = one.chip is None and one.line.base
            one.move(right - self._right(one) if to_the_right else 0, down)

    def _right(self, one: _Placed) -> int:
        return one.chip[2] if one.chip else one.x + self._setter.width(one.line.text, one.size)

    def _px(self, length: float) -> int:
        """Whole pixels, at least one, as fine ones."""
        return max(1, round(length * self._scale)) * _FINE

    def _size(self, size: float) -> int:
        return max(1, round(size * self._scale * _FINE))


def _even_up(fine: int) -> int:
    """Pixels, an even number of them, that hold so many fine ones."""
    return -(-fine // (2 * _FINE)) * 2


def _contrast(ink: Ink, ground: Ink) -> float:
    """The ratio of two luminances (WCAG 2.2)."""
    high, low = sorted((_luminance(ink), _luminance(ground)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Ink) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (value / 255 for value in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
