"""Which font a character is drawn with: those in `fonts/`, then those that are found on this system."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

from PIL import ImageFont

SHIPPED = Path(__file__).with_name("fonts")
FIRST = "NotoSans-Regular.ttf"
"""Tried before all others: Latin, Greek, Cyrillic, and the signs that all scripts share."""

FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "~/Library/Fonts",
    "C:/Windows/Fonts",
)
"""Where systems without `fc-list` keep theirs."""

_SUFFIXES = (".ttf", ".otf", ".ttc")
_FC_LIST_SECONDS = 10
_OUTLINES = frozenset((b"glyf", b"CFF ", b"CFF2"))
_CMAPS = ((3, 10), (0, 6), (0, 4), (3, 1), (0, 3))
"""Platform and encoding of the character maps that are Unicode; the ones with all planes first."""


class Face:
    """A font file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._characters: frozenset[int] | None = None
        self._sizes: dict[int, ImageFont.FreeTypeFont] = {}

    def covers(self, char: str) -> bool:
        if self._characters is None:
            self._characters = characters_of(self.path)
        return ord(char) in self._characters

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """The font at a size in pixels, with complex shaping."""
        if size not in self._sizes:
            self._sizes[size] = ImageFont.truetype(self.path, size, layout_engine=ImageFont.Layout.RAQM)
        return self._sizes[size]


class Fonts:
    """Faces in the order in which they are tried. A file is opened when the ones before it lack a character.

    system: whether what the system has is tried too.
    """

    def __init__(self, system: bool = True) -> None:
        self._shipped = [Face(path) for path in sorted(SHIPPED.glob("*.ttf"), key=lambda path: path.name != FIRST)]
        self._system = system
        self._found: list[Face] | None = None

    @property
    def first(self) -> Face:
        return self._shipped[0]

    def face_for(self, char: str) -> Face | None:
        return next((face for face in self._faces() if face.covers(char)), None)

    def _faces(self) -> Iterator[Face]:
        yield from self._shipped
        if self._system:
            if self._found is None:
                self._found = [Face(path) for path in sorted(set(_installed()), key=_rank)]
            yield from self._found


def characters_of(path: Path) -> frozenset[int]:
    """The code points that a font has an outline for; none if it cannot be read, or has pictures instead of outlines.

    Source: the OpenType specification, `cmap`, formats 4 and 12. Of a collection it is the first font.
    """
    try:
        data = path.read_bytes()
        start = struct.unpack_from(">I", data, 12)[0] if data[:4] == b"ttcf" else 0
        (count,) = struct.unpack_from(">H", data, start + 4)
        tables = {
            tag: offset
            for tag, _, offset, _ in (struct.unpack_from(">4sIII", data, start + 12 + 16 * i) for i in range(count))
        }
        if not _OUTLINES & tables.keys():
            return frozenset()
        return frozenset(_mapped(data, tables[b"cmap"]))
    except (OSError, struct.error, KeyError):
        return frozenset()


def _mapped(data: bytes, cmap: int) -> Iterator[int]:
    (count,) = struct.unpack_from(">H", data, cmap + 2)
    maps = {}
    for index in range(count):
        platform, encoding, offset = struct.unpack_from(">HHI", data, cmap + 4 + 8 * index)
        maps[platform, encoding] = cmap + offset
    best = next((maps[kind] for kind in _CMAPS if kind in maps), None)
    if best is None:
        return
    (form,) = struct.unpack_from(">H", data, best)
    if form == 12:
        (groups,) = struct.unpack_from(">I", data, best + 12)
        for index in range(groups):
            first, last, _ = struct.unpack_from(">III", data, best + 16 + 12 * index)
            yield from range(first, last + 1)
    elif form == 4:
        yield from _format_4(data, best)


def _format_4(data: bytes, table: int) -> Iterator[int]:
    segments = struct.unpack_from(">H", data, table + 6)[0] // 2
    ends, starts, deltas, offsets = (
        struct.unpack_from(f">{segments}H", data, table + 14 + 2 * segments * row + (2 if row else 0))
        for row in range(4)
    )
    for index, (first, last) in enumerate(zip(starts, ends, strict=True)):
        at = table + 16 + 6 * segments + 2 * index + offsets[index] - 2 * first  # glyph of character c: at + 2 * c
        for code in range(first, min(last, 0xFFFE) + 1):
            glyph = struct.unpack_from(">H", data, at + 2 * code)[0] if offsets[index] else code + deltas[index]
            if glyph & 0xFFFF:
                yield code


def _installed() -> Iterator[Path]:
    program = shutil.which("fc-list")
    if program is not None:
        try:
            listed = subprocess.run(  # noqa: S603 - the program that the system's own PATH names, without input
                [program, "--format", "%{file}\n"], capture_output=True, text=True, timeout=_FC_LIST_SECONDS, check=True
            )
            yield from (Path(line) for line in listed.stdout.splitlines() if line.lower().endswith(_SUFFIXES))
            return
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
            pass  # the folders are looked through instead
    for folder in FOLDERS:
        yield from (path for path in Path(folder).expanduser().rglob("*") if path.suffix.lower() in _SUFFIXES)


def _rank(path: Path) -> tuple[bool, bool, bool, str]:
    """Plain upright faces without serifs first, and Noto before others, so that a label looks like one piece."""
    name = path.stem.lower()
    unusual = any(word in name for word in ("bold", "italic", "oblique", "light", "thin", "black", "condensed", "mono"))
    return unusual, "serif" in name, not name.startswith("notosans"), path.name
