"""Lines of text in any script: measured, wrapped, cut and drawn."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from PIL import ImageDraw

from backline.engines.video.bidi import base_level, levels, visual_order
from backline.engines.video.fonts import Face, Fonts

ELLIPSIS = "…"
MISSING = "\ufffd"
"""Drawn for a letter that no font has."""

Ink = tuple[int, int, int]

_JOINERS = "\u200c\u200d"  # they change how Indic and Arabic letters join
_VIRAMA = 9  # canonical combining class


@dataclass(frozen=True, slots=True)
class Line:
    """base: 1 if its paragraph is read from right to left, else 0."""

    text: str
    base: int = 0


@dataclass(frozen=True, slots=True)
class _Run:
    """Characters that are drawn in one go: one face, one direction."""

    text: str
    face: Face
    level: int

    @property
    def direction(self) -> str:
        return "rtl" if self.level % 2 else "ltr"


def plain(text: str) -> str:
    """The text in one line, without control characters and the invisible ones that turn its direction."""
    kept = (
        char for char in " ".join(text.split()) if char in _JOINERS or unicodedata.category(char) not in ("Cc", "Cf")
    )
    return unicodedata.normalize("NFC", "".join(kept))


def clusters(text: str) -> list[str]:
    """Pieces that must stay whole: a letter with its marks, and Indic letters that join into one."""
    pieces: list[str] = []
    for char in text:
        if pieces and (_goes_with_the_last(char) or _joins_the_next(pieces[-1][-1], char)):
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def shortened(text: str, characters: int) -> str:
    """At most so many characters of it, the ellipsis included."""
    if len(text) <= characters:
        return text
    kept = ""
    for piece in clusters(text):
        if len(kept) + len(piece) + len(ELLIPSIS) > characters:
            break
        kept += piece
    return kept.rstrip() + ELLIPSIS


class Setter:
    """Sets type. fonts: where faces come from."""

    def __init__(self, fonts: Fonts) -> None:
        self._fonts = fonts

    def width(self, text: str, size: int) -> int:
        """Pixels, rounded up."""
        return sum(_run_width(run, size) for run in self._runs(text, 0))

    def heights(self, text: str, size: int) -> tuple[int, int]:
        """Pixels above and below the baseline that the faces in it need, and always those of the first face."""
        faces = {self._fonts.first, *(run.face for run in self._runs(text, 0))}
        both = [face.at(size).getmetrics() for face in faces]
        return max(above for above, _ in both), max(below for _, below in both)

    def draw(
        self, on: ImageDraw.ImageDraw, at: tuple[int, int], line: Line, size: int, ink: Ink, bold: int = 0
    ) -> None:
        """at: where the baseline begins, on the left. bold: pixels added on each side of a stroke."""
        left, baseline = at
        runs = self._runs(line.text, line.base)
        for index in visual_order([run.level for run in runs]):
            run = runs[index]
            font = run.face.at(size)
            on.text((left, baseline), run.text, ink, font, "ls", direction=run.direction, stroke_width=bold)
            left += _run_width(run, size)

    def fitted(self, text: str, size: int, width: int) -> str:
        """The text, or as much of its beginning as fits with an ellipsis."""
        if self.width(text, size) <= width:
            return text
        pieces = clusters(text)
        low, high = 0, len(pieces)
        while low < high:  # the largest count that fits
            middle = (low + high + 1) // 2
            fits = self.width("".join(pieces[:middle]).rstrip() + ELLIPSIS, size) <= width
            low, high = (middle, high) if fits else (low, middle - 1)
        return "".join(pieces[:low]).rstrip() + ELLIPSIS

    def wrapped(self, text: str, size: int, width: int, lines: int) -> list[Line]:
        """At most so many lines, the last with an ellipsis if there was more. A word longer than a line is broken."""
        found: list[Line] = []
        base = base_level(text)
        rest = text
        while rest and len(found) < lines - 1 and self.width(rest, size) > width:
            line = self._line(rest, size, width)
            found.append(Line(line.rstrip(), base))
            rest = rest[len(line) :].lstrip()
        return [*found, Line(self.fitted(rest, size, width), base)] if rest else found

    def _line(self, text: str, size: int, width: int) -> str:
        """The beginning of the text that fills a line: whole words if one fits, else clusters, at least one."""
        line = ""
        for word in text.split(" "):
            longer = f"{line} {word}" if line else word
            if self.width(longer, size) > width:
                break
            line = longer
        if line:
            return line
        for piece in clusters(text):
            if line and self.width(line + piece, size) > width:
                break
            line += piece
        return line

    def _runs(self, text: str, base: int) -> list[_Run]:
        runs: list[_Run] = []
        drawn = self._faces(text)
        for (char, face), level in zip(drawn, levels("".join(char for char, _ in drawn), base), strict=True):
            if runs and runs[-1].face is face and runs[-1].level == level:
                runs[-1] = _Run(runs[-1].text + char, face, level)
            else:
                runs.append(_Run(char, face, level))
        return runs

    def _faces(self, text: str) -> list[tuple[str, Face]]:
        """Each character with its face. Marks, spaces and signs stay with the letter before them where they can."""
        drawn: list[tuple[str, Face]] = []
        for char in text:
            last = drawn[-1][1] if drawn else None
            if last is not None and (char in _JOINERS or (_has_no_script(char) and last.covers(char))):
                drawn.append((char, last))
                continue
            face = self._fonts.face_for(char)
            if face is None and unicodedata.category(char).startswith("L"):
                char, face = MISSING, self._fonts.first
            if face is not None:
                drawn.append((char, face))
        return drawn


def _run_width(run: _Run, size: int) -> int:
    return -int(-run.face.at(size).getlength(run.text, direction=run.direction) // 1)


def _goes_with_the_last(char: str) -> bool:
    return unicodedata.category(char).startswith("M") or char in _JOINERS


def _joins_the_next(last: str, char: str) -> bool:
    return (last in _JOINERS or unicodedata.combining(last) == _VIRAMA) and unicodedata.category(char) == "Lo"


def _has_no_script(char: str) -> bool:
    return unicodedata.category(char)[0] in "MZPS"
