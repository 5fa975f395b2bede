"""Labels: letters shaped as their scripts ask, the mark of each rating, and nothing outside of the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont, features

from backline.engines.video.base import Label
from backline.engines.video.fonts import SHIPPED, Face, Fonts, characters_of
from backline.engines.video.label import MARKS, draw
from backline.engines.video.text import ELLIPSIS, MISSING, Line, Setter, clusters, plain, shortened

SIZE = 100
WHITE = (255, 255, 255)
SIZES = [(1920, 1080), (1080, 1920), (608, 1080), (640, 360), (320, 240), (64, 48), (16, 16), (16, 4096), (4096, 16)]
LONG = "Ein sehr langer Name über alles, was in diesem Spiel geschah " * 5
TEXTS = {
    "Latin": "Maya’s goal in the second half – wąż, ño, ữ",
    "Greek and Cyrillic": "Γκολ της Μάγιας, гол Майи",
    "Hindi": "क्षितिज का शानदार गोल – दूसरा हाफ, ज्ञान, श्री, र्क",
    "Telugu": "శ్రీకాంత్ అద్భుతమైన గోల్ – రెండవ అర్ధభాగం, స్త్రీ, క్ష",
    "Arabic": "هدف رائع من علي (3-0) في U12",
    "Hebrew": "שער של Maya ב-3:2",
    "Bengali": "ক্ষুদ্র গোল",
    "Tamil": "தமிழ் கோல்",
    "Thai": "ประตูของมายา",
    "Gujarati, Gurmukhi": "ગોલ ਗੋਲ",
    "Kannada, Malayalam": "ಗೋಲ್ ഗോൾ",
}


class One(Fonts):
    """All text in one face."""

    def __init__(self, face: Face) -> None:
        super().__init__(system=False)
        self._face = face

    def face_for(self, char: str) -> Face | None:
        return self._face


def ink(text: str, setter: Setter, base: int = 0, size: int = SIZE) -> npt.NDArray[np.bool_]:
    """[3 * size, width + 2 * size]: where it is drawn; the baseline begins at (size, 2 * size)."""
    image = Image.new("RGB", (setter.width(text, size) + 2 * size, 3 * size))
    setter.draw(ImageDraw.Draw(image), (size, 2 * size), Line(text, base), size, WHITE)
    return np.asarray(image.convert("L")) > 127


def columns(picture: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Without the empty columns on both sides."""
    used = np.flatnonzero(picture.any(axis=0))
    return picture[:, used[0] : used[-1] + 1]


@pytest.fixture
def shipped() -> Setter:
    return Setter(Fonts(system=False))


def face(name: str) -> Face:
    return Face(SHIPPED / f"NotoSans{name}-Regular.ttf")


def test_the_shaping_library_is_there() -> None:
    assert features.check("raqm")


def test_the_fonts_are_small_and_bring_their_licence() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 1_500_000
    assert "SIL OPEN FONT LICENSE Version 1.1" in (SHIPPED / "OFL.txt").read_text()


@pytest.mark.parametrize("script", TEXTS)
def test_what_is_shipped_has_a_glyph_for_every_letter(script: str) -> None:
    fonts = Fonts(system=False)
    text = plain(TEXTS[script])
    assert not [char for char in text if fonts.face_for(char) is None]


def test_a_vowel_that_is_written_before_its_consonant_is_drawn_before_it(shipped: Setter) -> None:
    """Devanagari I, U+093F: behind KA in the text, in front of it on paper."""
    ka, ki = columns(ink("क", shipped)), columns(ink("कि", shipped))
    assert ki.shape[1] > ka.shape[1]
    right = ki[:, -ka.shape[1] :]
    from_head_line = slice(SIZE + 40, None)  # the vowel's hook bends over the consonant
    assert (right ^ ka)[from_head_line].mean() < 0.02
    assert (ki[:, : ka.shape[1]] ^ ka).mean() > 0.05


@pytest.mark.parametrize(
    ("name", "conjunct", "apart"),
    [
        ("Devanagari", "क्ष", "क ्ष"),  # KSSA is one glyph
        ("Devanagari", "ज्ञ", "ज ्ञ"),
        ("Devanagari", "र्क", "र क"),  # RA becomes a hook above
        ("Telugu", "స్త్రీ", "స త ర"),  # two consonants go below the first
        ("Telugu", "క్ష", "క ష"),
    ],
)
def test_conjuncts_join(name: str, conjunct: str, apart: str) -> None:
    font = face(name).at(SIZE)
    basic = ImageFont.truetype(font.path, SIZE, layout_engine=ImageFont.Layout.BASIC)
    letters = apart.split()
    assert font.getlength(conjunct) < 0.85 * sum(font.getlength(letter) for letter in letters)
    assert bytes(font.getmask(conjunct)) != bytes(basic.getmask(conjunct))


def test_a_second_consonant_of_telugu_goes_below_the_line(shipped: Setter) -> None:
    below = slice(2 * SIZE + 5, None)
    assert not ink("స", shipped)[below].any()
    assert ink("స్త్రీ", shipped)[below].any()


def test_letters_of_arabic_join(shipped: Setter) -> None:
    """Three letters BEH are one piece of ink with three dots, apart they are three with three."""

    def pieces(text: str) -> int:
        return int(np.diff(columns(ink(text, shipped)).any(axis=0).astype(int)).clip(0).sum()) + 1

    assert pieces("ببب") == 1
    assert pieces("ب ب ب") == 3


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.text("اب عל 12.,-%:+?", min_size=1, max_size=12).map(str.strip).filter(bool), st.sampled_from([0, 1]))
def test_directions_are_ordered_as_by_the_shaping_library(text: str, base: int) -> None:
    """Raqm orders a line of one font by itself; what is drawn run by run must be the same picture."""
    arabic = face("Arabic")
    size = 1000  # a letter's width is a whole number of pixels, so runs may be rounded
    ours = ink(text, Setter(One(arabic)), base, size)
    image = Image.new("L", (ours.shape[1], ours.shape[0]))
    font = arabic.at(size)
    ImageDraw.Draw(image).text((size, 2 * size), text, 255, font, "ls", direction="rtl" if base else "ltr")
    assert ((np.asarray(image) > 127) ^ ours).mean() < 0.002


def test_two_scripts_in_one_line_keep_their_order(shipped: Setter) -> None:
    """In a line that begins with Hebrew, what comes first is on the right."""
    line, name = columns(ink("של Maya", shipped, 1)), columns(ink("Maya", shipped))
    assert (line[:, : name.shape[1]] ^ name).mean() < 0.01


def test_a_letter_without_a_font_is_seen_to_be_missing_and_a_symbol_is_left_out(shipped: Setter) -> None:
    assert (columns(ink("a一b", shipped)) == columns(ink(f"a{MISSING}b", shipped))).all()
    assert (columns(ink("a\U0001f984b", shipped)) == columns(ink("ab", shipped))).all()


def test_a_font_of_the_system_is_used_where_none_is_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `fc-list`, the known folders are looked through; a file that is no font is passed over."""
    folder = tmp_path / "fonts" / "deeper"
    folder.mkdir(parents=True)
    (folder / "broken.ttf").write_bytes(b"no font")
    (folder / "Fine.ttf").write_bytes((SHIPPED / "NotoSansTelugu-Regular.ttf").read_bytes())
    monkeypatch.setattr("backline.engines.video.fonts.FOLDERS", (str(tmp_path / "fonts"),))
    monkeypatch.setattr("backline.engines.video.fonts.SHIPPED", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "NotoSans-Regular.ttf").write_bytes((SHIPPED / "NotoSans-Regular.ttf").read_bytes())
    found = Fonts().face_for("క")
    assert found is not None
    assert found.path == folder / "Fine.ttf"
    assert Fonts(system=False).face_for("క") is None


def test_what_a_font_covers_is_read_from_it() -> None:
    """Against FreeType, which draws a box for what is missing."""
    path = SHIPPED / "NotoSansTelugu-Regular.ttf"
    covered = characters_of(path)
    font = ImageFont.truetype(path, SIZE, layout_engine=ImageFont.Layout.BASIC)
    missing = bytes(font.getmask("\U0010fffd"))
    block = range(0x0C00, 0x0C80)
    assert {code for code in block if bytes(font.getmask(chr(code))) != missing} == covered & set(block)
    assert 80 < len(covered & set(block)) < 128
    assert not characters_of(SHIPPED / "OFL.txt")


@pytest.mark.parametrize("rating", MARKS)
def test_each_rating_has_its_colour(rating: int) -> None:
    overlay = draw(Label("Goal", rating=rating), 1920, 1080)
    assert tuple(overlay.rgba[0, 0]) == (*MARKS[rating][1], 255)
    assert tuple(overlay.rgba[-1, -1]) == (*MARKS[rating][1], 255)


def test_each_rating_has_a_mark_of_its_own() -> None:
    assert [mark for mark, _ in MARKS.values()] == ["??", "?", "!?", "!", "!!"]
    marks = []
    for rating in MARKS:
        box = draw(Label(rating=rating), 1920, 1080).rgba
        assert box.shape == (50, 50, 4)
        marks.append((np.abs(box[..., :3].astype(int) - box[0, 0, :3]).max(axis=2) > 60).tobytes())
    assert len(set(marks)) == 5


def test_a_label_with_nothing_to_say_is_transparent() -> None:
    assert not draw(Label(" \n"), 1920, 1080).rgba[..., 3].any()


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize(
    "label",
    [
        Label("Goal", "In the last minute", 5, ("goal", "U12")),
        Label(LONG, LONG, 1, tuple(LONG.split()[:40])),
        Label("W" * 400, "ಗ" * 400, 3, ("క్ష" * 100,)),
        Label(TEXTS["Arabic"] * 5, TEXTS["Hebrew"] * 9, 2, (TEXTS["Arabic"],)),
        Label(rating=4),
        Label(notes="ok"),
    ],
    ids=["short", "long", "one word", "right to left", "rating", "notes"],
)
def test_nothing_lies_outside_of_the_picture(label: Label, width: int, height: int) -> None:
    overlay = draw(label, width, height)
    h, w, channels = overlay.rgba.shape
    assert channels == 4
    assert overlay.rgba.dtype == np.uint8
    assert overlay.x >= 0
    assert overlay.y >= 0
    assert overlay.x + w <= width
    assert overlay.y + h <= height
    assert [length % 2 for length in (overlay.x, overlay.y, w, h)] == [0, 0, 0, 0]
    assert overlay.rgba[..., 3].any()


def test_sizes_follow_the_picture() -> None:
    label = Label("Goal", "In the last minute", 5)
    full, double = draw(label, 1920, 1080).rgba.shape, draw(label, 3840, 2160).rgba.shape
    assert full[0] >= 80
    assert double[0] == pytest.approx(2 * full[0], abs=6)
    assert double[1] == pytest.approx(2 * full[1], abs=6)


def test_the_text_is_white_on_a_dark_panel() -> None:
    overlay = draw(Label("Goal"), 1920, 1080)
    inside = overlay.rgba[6:-6, 6:-6, :3].astype(int)
    assert inside.max() > 240
    assert np.median(inside) < 30


def test_notes_end_after_a_hundred_characters() -> None:
    assert len(shortened("x" * 101, 100)) == 100
    assert shortened("x" * 100, 100) == "x" * 100
    long, cut = (
        draw(Label("n", "word " * 60), 1920, 1080).rgba,
        draw(Label("n", "word " * 19 + "word" + ELLIPSIS), 1920, 1080).rgba,
    )
    assert np.array_equal(long, cut)


def test_nothing_is_cut_inside_of_a_syllable() -> None:
    assert clusters("क्षि स्त्रीa\u0301") == ["क्षि", " ", "स्त्री", "a\u0301"]
    assert shortened("ab" + "क्षि", 5) == "ab" + ELLIPSIS


def test_lines_are_as_wide_as_they_may_be(shipped: Setter) -> None:
    lines = [line.text for line in shipped.wrapped(LONG, 24, 400, 3)]
    assert len(lines) == 3
    assert lines[-1].endswith(ELLIPSIS)
    assert all(200 < shipped.width(line, 24) <= 400 for line in lines)
    words = " ".join(lines).rstrip(ELLIPSIS)
    assert LONG.startswith(words)


def test_invisible_characters_that_turn_the_direction_are_left_out() -> None:
    assert plain("a\u202eb\u2066c\u0007\nd  e") == "abc d e"
