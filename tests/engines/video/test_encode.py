"""Segments are whole or not there, end on whole groups of pictures, and say what their colours are."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import pytest

from backline.engines.video.base import Quality
from backline.engines.video.colours import FULL, LIMITED, Colours
from backline.engines.video.encode import NVENC, X264, Coding, Frame, SegmentWriter, can_nvenc, choose
from backline.errors import Unavailable
from tests.engines.video.rendering import pictures_of

CODING = Coding(X264, "quality", 96, 64, Fraction(30), Colours(LIMITED, 1, 1, 1))


def grey_of(number: int) -> int:
    return 40 + number * 5 % 180


def write(path: Path, coding: Coding = CODING, frames: int = 20) -> None:
    writer = SegmentWriter(path, coding)
    for number in range(frames):
        frame = Frame(coding.width, coding.height)
        frame.planes.fill((grey_of(number), 128, 128))
        writer.write(frame)
    writer.close()


@pytest.mark.parametrize("quality", ["quality", "fast"])
@pytest.mark.parametrize("frames", [1, 2, 20, 250])
def test_every_frame_is_there_once(tmp_path: Path, quality: Quality, frames: int) -> None:
    write(tmp_path / "a.mp4", Coding(X264, quality, 96, 64, Fraction(30), CODING.colours), frames)
    shown = [float(picture.y.mean()) for picture in pictures_of(tmp_path / "a.mp4")]
    assert len(shown) == frames
    assert all(abs(value - grey_of(number)) <= 4 for number, value in enumerate(shown))
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_groups_are_closed_and_not_longer_than_four_seconds(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", frames=250)
    with av.open(str(tmp_path / "a.mp4")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.pts is not None]
    keyframes = [packet.pts or 0 for packet in packets if packet.is_keyframe]
    assert all(b - a <= 120 * 512 for a, b in zip(keyframes, [*keyframes[1:], 250 * 512], strict=True))
    seen = 0
    for packet in packets:  # nothing that is decoded after a keyframe is shown before it
        seen = packet.pts or 0 if packet.is_keyframe else seen
        assert (packet.pts or 0) >= seen


@pytest.mark.parametrize("colours", [Colours(LIMITED, 1, 1, 1), Colours(FULL, 5, 2, 2), Colours(LIMITED, 9, 9, 16)])
def test_colours_are_said(tmp_path: Path, colours: Colours) -> None:
    write(tmp_path / "a.mp4", Coding(X264, "quality", 96, 64, Fraction(30), colours), 2)
    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0))
    found = Colours(frame.color_range, frame.colorspace, frame.color_primaries, frame.color_trc)
    assert found == colours


def test_one_that_is_aborted_leaves_nothing(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "a.mp4", CODING)
    for _ in range(60):
        frame = Frame(96, 64)
        frame.planes.fill((16, 128, 128))
        writer.write(frame)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4.part"]
    writer.abort()
    assert not list(tmp_path.iterdir())


def test_nvenc_is_taken_where_it_encodes_and_only_there() -> None:
    works = can_nvenc(640, 360)
    coding = Coding("", "quality", 640, 360, Fraction(30), CODING.colours)
    assert choose("x264", coding) == X264
    assert choose("auto", coding) == (NVENC if works else X264)
    if not works:
        with pytest.raises(Unavailable, match=re.escape("No NVENC")) as caught:
            choose("nvenc", coding)
        assert caught.value.code == "nvenc_unavailable"
        assert not caught.value.retryable
