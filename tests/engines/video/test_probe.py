"""Films of every kind are told for what they are, and files that are none are refused by name."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from backline.engines.video.base import Source
from backline.engines.video.probe import probe, probe_many
from backline.errors import BacklineError, Invalid, NotFound, Unavailable
from tests.engines.video.serving import Site, serving, unused_address
from tests.films import Film, audio_only, truncated

VARYING = tuple(Fraction(number, 30) + Fraction(number * number % 7, 210) for number in range(40))


def _probe(path: Path) -> Source:
    return probe(path.as_uri(), "clip 1")


def test_a_plain_film(tmp_path: Path) -> None:
    film = Film(rate=Fraction(30000, 1001), sound_rate_hz=44100)
    source = _probe(film.write(tmp_path / "a film.mp4"))
    assert source == Source(192, 108, Fraction(30000, 1001), float(film.seconds), 0, 44100, 1, 1, 2, 2)


@pytest.mark.parametrize(
    ("ending", "film"),
    [
        ("mp4", Film(frames=50, rate=Fraction(25))),
        ("mkv", Film(frames=50, rate=Fraction(25))),
        ("ts", Film(frames=50, rate=Fraction(25))),
        ("webm", Film(frames=50, rate=Fraction(25), codec="libvpx-vp9", sound="libopus", options="deadline=realtime")),
        ("mkv", Film(frames=50, rate=Fraction(25), sound=None)),
        ("avi", Film(frames=50, rate=Fraction(25), codec="mpeg4", sound=None, options="bf=0")),
        ("mp4", Film(times=VARYING)),
        ("mp4", Film(frames=1)),
        ("mp4", Film(sound_begin_seconds=Fraction(3, 10))),
    ],
)
def test_its_length_is_that_of_its_pictures(tmp_path: Path, ending: str, film: Film) -> None:
    source = _probe(film.write(tmp_path / f"film.{ending}"))
    assert source.seconds == pytest.approx(float(film.seconds), abs=0.0015)
    assert (source.audio_rate_hz is None) is (film.sound is None)


def test_a_rate_that_varies_is_told_as_its_average(tmp_path: Path) -> None:
    film = Film(times=VARYING)
    source = _probe(film.write(tmp_path / "film.mp4"))
    assert float(source.rate) == pytest.approx(len(VARYING) / float(film.seconds), rel=1e-2)


def test_a_camera_that_leaves_frames_out_keeps_its_rate(tmp_path: Path) -> None:
    """As telephones do: at the average, others would be lost, and some shown twice."""
    times = tuple(Fraction(number, 30) for number in range(120) if number % 12)
    assert _probe(Film(times=times).write(tmp_path / "film.mp4")).rate == 30


@pytest.mark.parametrize("ending", ["mkv", "webm"])
def test_a_rate_that_a_clock_of_milliseconds_blurs_is_the_usual_one(tmp_path: Path, ending: str) -> None:
    film = Film(rate=Fraction(60000, 1001), codec="libvpx-vp9", options="deadline=realtime", sound=None, frames=40)
    assert _probe(film.write(tmp_path / f"film.{ending}")).rate == Fraction(60000, 1001)


@pytest.mark.parametrize(("rotation", "size"), [(90, (108, 192)), (180, (192, 108)), (270, (108, 192))])
def test_it_is_told_as_it_is_shown(tmp_path: Path, rotation: int, size: tuple[int, int]) -> None:
    source = _probe(Film(rotation=rotation, frames=5).write(tmp_path / "film.mp4"))
    assert (source.width, source.height, source.rotation) == (*size, rotation)


def test_pixels_that_are_not_square_are_counted_as_they_are_shown(tmp_path: Path) -> None:
    film = Film(width=144, height=108, frames=5, aspect=Fraction(4, 3))
    source = _probe(film.write(tmp_path / "film.mp4"))
    assert (source.width, source.height) == (192, 108)


def test_colours(tmp_path: Path) -> None:
    source = _probe(Film(matrix=6, color_range=2, frames=5, pix_fmt="yuv420p10le").write(tmp_path / "film.mp4"))
    assert (source.matrix, source.range) == (6, 2)
    source = _probe(Film(codec="libx264rgb", pix_fmt="rgb24", frames=5).write(tmp_path / "film.mkv"))
    assert (source.matrix, source.range) == (1, 1)


def test_a_file_that_breaks_off_is_told_as_long_as_it_was_meant(tmp_path: Path) -> None:
    for film, name in ((Film(faststart=True), "film.mp4"), (Film(), "film.mkv")):
        assert _probe(truncated(film.write(tmp_path / name), 0.5)).seconds == pytest.approx(2, abs=0.03)


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    files: dict[str, bytes] = {
        "text.mp4": b"This is a text.\n" * 50,
        "empty.mp4": b"",
        "noise.mp4": bytes(range(256)) * 40,
        "picture.mp4": b"\x89PNG\r\n\x1a\n" + bytes(100),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    audio_only(tmp_path / "sound.mp4")
    for name in (*files, "sound.mp4"):
        with pytest.raises(Invalid, match="clip 1") as caught:
            _probe(tmp_path / name)
        assert caught.value.code == "not_a_video", name


def test_a_playlist_opens_nothing(tmp_path: Path) -> None:
    Film(frames=5).write(tmp_path / "film.ts")
    other = tmp_path / "film.ts"
    (tmp_path / "list.mp4").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{other}\n#EXT-X-ENDLIST\n")
    (tmp_path / "concat.mp4").write_text(f"ffconcat version 1.0\nfile '{other}'\n")
    with serving(Site(tmp_path)) as site:
        (tmp_path / "web.m3u8").write_text(f"#EXTM3U\n#EXTINF:9,\n{site.link('film.ts')}\n#EXT-X-ENDLIST\n")
        links = [(tmp_path / name).as_uri() for name in ("list.mp4", "concat.mp4", "web.m3u8")]
        for link in (*links, site.link("list.mp4"), site.link("web.m3u8")):
            asked = len(site.asked)
            with pytest.raises(Invalid) as caught:
                probe(link, "clip 1")
            assert caught.value.code == "not_a_video"
            assert len(site.asked) - asked <= 2, "only the list itself was read"


def test_a_film_without_its_index_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="clip 1") as caught:
        _probe(truncated(Film().write(tmp_path / "film.mp4"), 0.5))
    assert caught.value.code == "video_damaged"


def test_a_film_without_a_picture_that_decodes_is_damaged(tmp_path: Path) -> None:
    path = Film(faststart=True).write(tmp_path / "film.mp4")
    data = bytearray(path.read_bytes())
    begin = data.index(b"mdat") + 4
    data[begin:] = bytes(len(data) - begin)
    path.write_bytes(data)
    with pytest.raises(Invalid) as caught:
        _probe(path)
    assert caught.value.code == "video_damaged"


def test_too_large_a_picture_is_refused(tmp_path: Path) -> None:
    film = Film(width=8200, height=32, frames=1, codec="mjpeg", pix_fmt="yuvj420p", sound=None)
    with pytest.raises(Invalid, match="8200 by 32") as caught:
        _probe(film.write(tmp_path / "film.mkv"))
    assert caught.value.code == "video_too_large"


def test_over_the_web_it_is_the_same(tmp_path: Path) -> None:
    for name in ("film.mp4", "film.mkv", "film.ts"):
        path = Film().write(tmp_path / name)
        with serving(Site(tmp_path)) as site:
            assert probe(site.link(name), "clip 1") == _probe(path)


def _failure(link: str) -> BacklineError:
    with pytest.raises(BacklineError, match="clip 1") as caught:
        probe(link, "clip 1", patience_seconds=0.3)
    return caught.value


@pytest.mark.parametrize("trouble", [{"status": 403}, {"status": 503}, {"silent": True}])
def test_an_address_that_does_not_answer_may_be_tried_again(tmp_path: Path, trouble: dict[str, Any]) -> None:
    with serving(Site(tmp_path, **trouble)) as site:
        failure = _failure(site.link("film.mp4"))
    assert isinstance(failure, Unavailable)
    assert (failure.code, failure.retryable) == ("source_unreachable", True)


def test_nobody_there() -> None:
    assert _failure(f"{unused_address()}/film.mp4").code == "source_unreachable"


def test_what_is_gone_is_gone(tmp_path: Path) -> None:
    with serving(Site(tmp_path, status=404)) as site:
        links = [site.link("film.mp4"), (tmp_path / "film.mp4").as_uri(), tmp_path.as_uri()]
        for failure in map(_failure, links):
            assert isinstance(failure, NotFound)
            assert failure.code == "source_not_found"


@pytest.mark.parametrize("link", ["film.mp4", "/dev/zero", "concat:a|b", "ftp://127.0.0.1/a", "data:text/plain,a"])
def test_other_addresses_are_not_opened(link: str) -> None:
    assert isinstance(_failure(link), Invalid)


def test_many_at_once_as_plain_data(tmp_path: Path) -> None:
    link = Film(rate=Fraction(30000, 1001)).write(tmp_path / "film.mp4").as_uri()
    told: list[float] = []
    answer = probe_many(
        {"links": [{"link": link, "name": "clip 1"}, {"link": link, "name": "clip 2"}]},
        lambda progress: told.append(progress),
    )
    assert told == [0.5, 1.0]
    assert answer["sources"][0]["rate"] == "30000/1001"
    sources = TypeAdapter(list[Source]).validate_python(answer["sources"])
    assert sources == [probe(link, "clip 1")] * 2
