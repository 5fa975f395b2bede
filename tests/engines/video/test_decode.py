"""The frame at any time is the one that reading all of them in order shows there, whatever the film and the way."""

from __future__ import annotations

import bisect
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backline.engines.video.decode import FrameReader
from backline.engines.video.framestream import FrameStream
from backline.engines.video.planes import Planes
from backline.engines.video.probe import probe
from backline.errors import Invalid, NotFound, Unavailable
from tests.engines.video.serving import Site, serving
from tests.films import GREY, PEAK_U, WHITE, Film, find_shape, frames_of, read_number, shape_at, truncated

VARYING = tuple(Fraction(number, 30) + Fraction(number * number % 7, 210) for number in range(50))
FILMS: dict[str, Film] = {
    "film.mp4": Film(frames=50),
    "open.mp4": Film(frames=50, options="x264-params=open-gop=1,bf=3,b-adapt=0"),
    "long-groups.mp4": Film(frames=50, gop=250),
    "varying.mp4": Film(times=VARYING),
    "film.mkv": Film(frames=50, rate=Fraction(30000, 1001)),
    "film.ts": Film(frames=50),
    "open.ts": Film(frames=50, codec="mpeg2video", options="bf=2:b=4000000"),
    "hevc.mp4": Film(frames=50, codec="libx265", options="x265-params=log-level=none,keyint=12,open-gop=1"),
    "film.webm": Film(frames=50, codec="libvpx-vp9", sound=None, options="deadline=realtime:cpu-used=8:b=2000000"),
    "film.avi": Film(frames=50, codec="mpeg4", sound=None, options="b=2000000:bf=0"),
    "plain.mp4": Film(frames=50, codec="mpeg4", options="b=2000000:bf=2"),
    "one.mp4": Film(frames=1),
    "late.mp4": Film(frames=50, sound_begin_seconds=Fraction(1, 2)),
}


def _reader(path: Path, **more: Any) -> FrameReader:
    link = path.as_uri()
    return FrameReader(link, probe(link, "clip 3"), "clip 3", **more)


def _expected(film: Film, time: Fraction) -> int:
    return max(bisect.bisect_right(film.moments, time + Fraction(1, 2000)) - 1, 0)


def _times(film: Film) -> list[Fraction]:
    """Each frame's own, shortly before and in the middle; before the first, and after the end."""
    inner = [moment + Fraction(late, 300) for moment in film.moments for late in (0, 5, 9)]
    return [Fraction(-1), *inner, film.seconds, film.seconds + 5]


@pytest.mark.parametrize("name", FILMS)
def test_the_frame_at_a_time(tmp_path: Path, name: str) -> None:
    film = FILMS[name]
    path = film.write(tmp_path / name)
    assert [read_number(y) for _, y in frames_of(path)] == list(range(len(film.moments)))
    rising = [time for time in _times(film) if film.times is None or time in film.times]
    jumps = random.Random(6).sample(rising, min(len(rising), 25))
    with _reader(path) as reader:
        for times in (rising, jumps, list(reversed(rising))[:25], [Fraction(0)]):
            shown = [read_number(reader.at(time).y) for time in times]
            assert shown == [_expected(film, time) for time in times]
        whole = [reader.at(moment).y.copy() for moment in film.moments]
        for time in jumps:
            assert np.array_equal(reader.at(time).y, whole[_expected(film, time)]), time


def _shown(path: Path, second: Fraction = Fraction(0)) -> Planes:
    with _reader(path) as reader:
        return reader.at(second)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_pictures_are_turned_upright(tmp_path: Path, rotation: int) -> None:
    film = Film(rotation=rotation, frames=3)
    planes = _shown(film.write(tmp_path / "film.mp4"))
    lying = _shown(Film(frames=3).write(tmp_path / "lying.mp4"))
    for turned, plane in ((planes.y, lying.y), (planes.u, lying.u), (planes.v, lying.v)):
        assert np.array_equal(turned, np.rot90(plane, -rotation // 90))


def test_a_mirrored_picture_is_mirrored_back(tmp_path: Path) -> None:
    planes = _shown(Film(frames=3, mirrored=True).write(tmp_path / "film.mp4"))
    assert np.array_equal(planes.y, _shown(Film(frames=3).write(tmp_path / "plain.mp4")).y[:, ::-1])


@pytest.mark.parametrize(
    "film",
    [
        Film(pix_fmt="yuv420p10le"),
        Film(pix_fmt="yuv444p"),
        Film(pix_fmt="yuv422p10le", color_range=2),
        Film(pix_fmt="yuvj444p", color_range=2, matrix=6),
        Film(pix_fmt="yuvj420p", color_range=2),
        Film(codec="ffv1", pix_fmt="bgr0"),
        Film(codec="ffv1", pix_fmt="gray", color_range=1),
    ],
    ids=lambda film: f"{film.pix_fmt}-{film.color_range}",
)
def test_other_forms_become_plain_planes_of_the_same_levels(tmp_path: Path, film: Film) -> None:
    planes = _shown(film.write(tmp_path / "film.mkv"), Fraction(1))
    stored = film.picture(30)
    assert planes.u.shape == planes.v.shape == (54, 96)
    assert np.abs(planes.y.astype(int) - stored.y).mean() < 1.5
    for value in (GREY, WHITE):
        assert np.median(planes.y[stored.y == value]) == pytest.approx(value, abs=2)
    if film.pix_fmt not in ("gray", "bgr0"):  # one has no colour; the other cannot have this one
        assert int(planes.u.max()) == pytest.approx(128 + PEAK_U, abs=4)
        assert _centre(planes.u) == pytest.approx(_centre(stored.u), abs=0.12)


def _centre(plane: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Of the coloured shape, in chroma samples."""
    weight = np.clip(plane.astype(float) - 136, 0, None)
    rows, columns = np.indices(plane.shape)
    return float((rows * weight).sum() / weight.sum()), float((columns * weight).sum() / weight.sum())


@pytest.mark.parametrize("film", [Film(width=191, height=107, codec="ffv1"), Film(width=191, codec="libvpx-vp9")])
def test_odd_sizes(tmp_path: Path, film: Film) -> None:
    planes = _shown(film.write(tmp_path / "film.mkv") if film.codec == "ffv1" else _quick(film, tmp_path))
    assert planes.y.shape == (film.height, 191)
    assert planes.u.shape == planes.v.shape == ((film.height + 1) // 2, 96)
    assert find_shape(planes.y) == pytest.approx(shape_at(0, 191, film.height), abs=0.4)


def _quick(film: Film, folder: Path) -> Path:
    return Film(
        width=film.width, codec=film.codec, sound=None, frames=4, options="deadline=realtime:cpu-used=8:b=2000000"
    ).write(folder / "film.webm")


def test_pixels_become_square(tmp_path: Path) -> None:
    planes = _shown(Film(width=144, aspect=Fraction(4, 3), frames=4).write(tmp_path / "film.mp4"))
    assert (planes.width, planes.height) == (192, 108)
    assert find_shape(planes.y) == pytest.approx((96.0, shape_at(0, 144, 108)[1]), abs=0.3)


def test_the_same_frame_is_the_same_planes(tmp_path: Path) -> None:
    with _reader(Film(pix_fmt="yuv444p", frames=10).write(tmp_path / "film.mp4")) as reader:
        planes = reader.at(Fraction(5, 30))
        assert reader.at(Fraction(5, 30) + Fraction(1, 100)) is planes
        assert reader.at(Fraction(6, 30)) is not planes


def test_what_the_decoder_may_refer_to_cannot_be_written(tmp_path: Path) -> None:
    planes = _shown(Film(frames=3).write(tmp_path / "film.mp4"))
    with pytest.raises(ValueError, match="read-only"):
        planes.y[0, 0] = 1


def test_a_long_step_goes_to_the_keyframe_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    seek = FrameStream.seek

    def counted(stream: FrameStream, pts: int) -> bool:
        steps.append(pts)
        return seek(stream, pts)

    monkeypatch.setattr(FrameStream, "seek", counted)
    for gop, wanted_seeks in ((12, 1), (500, 0)):
        steps.clear()
        film = Film(frames=150, gop=gop, sound=None, width=96, height=64)
        with _reader(film.write(tmp_path / f"film{gop}.mp4")) as reader:
            assert [read_number(reader.at(Fraction(frame, 30)).y) for frame in (1, 29, 140)] == [1, 29, 140]
        assert len(steps) == wanted_seeks


def test_a_film_that_breaks_off_is_refused_from_there_on(tmp_path: Path) -> None:
    for film, name in ((Film(faststart=True), "film.mp4"), (Film(), "film.mkv")):
        path = truncated(film.write(tmp_path / name), 0.5)
        with _reader(path) as reader:
            assert read_number(reader.at(Fraction(1, 2)).y) == 15
            for time in (Fraction(3, 2), Fraction(19, 10), Fraction(100)):
                with pytest.raises(Invalid, match=r"clip 3 is damaged from second (0\.[6-9]|1\.[0-2])") as caught:
                    reader.at(time)
                assert caught.value.code == "video_damaged"
            assert read_number(reader.at(Fraction(1, 3)).y) == 10


def test_a_few_missing_frames_at_the_end_are_held(tmp_path: Path) -> None:
    path = Film(faststart=True, sound=None, gop=250, options="bf=0").write(tmp_path / "film.mp4")
    length = path.stat().st_size
    with _reader(truncated(path, 1 - 200 / length)) as reader:
        assert read_number(reader.at(Fraction(2)).y) in range(54, 59)


def test_damage_in_the_middle_is_refused_unless_it_is_short(tmp_path: Path) -> None:
    path = Film(faststart=True, sound=None, gop=10, options="bf=0").write(tmp_path / "film.mp4")
    whole = path.read_bytes()
    with _reader(path) as reader:
        offsets = [entry.pos for entry in reader._video.index_entries]
    for first, stop, refused in ((20, 40, True), (20, 21, False)):
        data = bytearray(whole)
        data[offsets[first] : offsets[stop]] = bytes(offsets[stop] - offsets[first])
        path.write_bytes(data)
        with _reader(path) as reader:
            assert read_number(reader.at(Fraction(19, 30)).y) == 19
            if refused:
                with pytest.raises(Invalid, match=r"from second 0\.7"):
                    reader.at(Fraction(35, 30))
            assert read_number(reader.at(Fraction(50, 30)).y) == 50


@pytest.mark.parametrize("breaks_after", [None, 30_000])
@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts"])
def test_over_the_web(tmp_path: Path, name: str, breaks_after: int | None) -> None:
    """Also when each answer breaks off and must be taken up again."""
    film = Film(frames=50)
    film.write(tmp_path / name)
    with serving(Site(tmp_path)) as site:
        source = probe(site.link(name), "clip 3")
        site.breaks_after = breaks_after
        with FrameReader(site.link(name), source, "clip 3") as reader:
            for frame in (0, 1, 45, 46, 3, 30):
                assert read_number(reader.at(Fraction(frame, 30)).y) == frame


@pytest.mark.parametrize("trouble", ["status", "silent"])
def test_a_web_that_goes_away_is_not_damage(tmp_path: Path, trouble: str) -> None:
    Film(frames=150, faststart=True, options="crf=1").write(tmp_path / "film.mp4")
    with serving(Site(tmp_path)) as site:
        link = site.link("film.mp4")
        source = probe(link, "clip 3")
        site.breaks_after = 20_000
        with FrameReader(link, source, "clip 3", patience_seconds=0.3) as reader:
            site.status, site.silent, site.good = (503, False, 0) if trouble == "status" else (200, True, 0)
            with pytest.raises(Unavailable, match="clip 3") as caught:
                _read(reader, 150)
    assert caught.value.code == "source_unreachable"


def _read(reader: FrameReader, frames: int) -> None:
    for frame in range(frames):
        reader.at(Fraction(frame, 30))


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    path = Film(frames=2).write(tmp_path / "film.mp4")
    source = probe(path.as_uri(), "clip 3")
    path.unlink()
    with pytest.raises(NotFound, match="clip 3"):
        FrameReader(path.as_uri(), source, "clip 3")
