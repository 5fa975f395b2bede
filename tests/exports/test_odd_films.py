"""Films that are none, are damaged or odd, and keyframes that cannot be meant: a clear refusal by name with nothing
held, or a right film."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from backline.ids import new_id
from tests.conftest import Running, running
from tests.exports.client import ExportsClient
from tests.exports.surviving import (
    FILM,
    WHOLE,
    assert_film,
    assert_nothing_happened,
    client_of,
    config,
    keyframe,
)
from tests.films import Film, audio_only, truncated
from tests.storage.conftest import s3_bucket, s3_endpoint  # noqa: F401 - fixtures


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return FILM.write(tmp_path_factory.mktemp("films") / "film.mp4").read_bytes()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server for tests that leave no trace in it."""
    with running(tmp_path_factory.mktemp("data"), ()) as server:
        yield server


@pytest.fixture
def ada(shared: Running) -> Iterator[ExportsClient]:
    with client_of(shared, new_id("u")) as client:
        yield client


def _text(path: Path) -> Path:
    path.write_text("This is no film, whatever it is called. " * 100)
    return path


def _empty(path: Path) -> Path:
    path.touch()
    return path


def _corrupt(path: Path) -> Path:
    """Its index is gone."""
    return truncated(FILM.write(path), 0.5)


def _all_zeros_inside(path: Path) -> Path:
    data = FILM.write(path).read_bytes()
    begin = data.index(b"mdat") + 4
    path.write_bytes(data[:begin] + bytes(data.index(b"moov") - 4 - begin) + data[data.index(b"moov") - 4 :])
    return path


def _too_large(path: Path) -> Path:
    return Film(width=8256, height=64, frames=1, sound=None).write(path)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (_text, "not_a_video"),
        (_empty, "not_a_video"),
        (audio_only, "not_a_video"),
        (_corrupt, "video_damaged"),
        (_all_zeros_inside, "video_damaged"),
        (_too_large, "video_too_large"),
    ],
)
def test_what_is_no_film_is_refused_by_name_before_anything_is_held(
    shared: Running, ada: ExportsClient, tmp_path: Path, make: Callable[[Path], Path], code: str
) -> None:
    """Pain 22: what is wrong with a source is said in words, not as an ffmpeg error."""
    answer = ada.ask(config(ada.upload(make(tmp_path / "film.mp4"))))
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert "clip 1" in answer.json()["detail"]
    assert_nothing_happened(ada)


@pytest.mark.parametrize(
    ("film", "name"),
    [
        (Film(frames=1), "one.mp4"),
        (Film(frames=30, sound="libopus"), "in-truth-matroska.mkv"),
        pytest.param(Film(frames=30, sound=None), "silent.mp4", marks=pytest.mark.slow),
        pytest.param(Film(rate=Fraction(30000, 1001), frames=30), "ntsc.mov", marks=pytest.mark.slow),
    ],
    ids=["one-frame", "mislabelled", "no-sound", "ntsc"],
)
def test_odd_films_become_right_films(
    shared: Running, ada: ExportsClient, tmp_path: Path, film: Film, name: str
) -> None:
    """Pain 22: the frame rate is the source's. The name is a client's, and proves nothing."""
    key = ada.upload(film.write(tmp_path / name), name="film.mp4")
    item = ada.complete(ada.order(config(key)))
    assert_film(ada, item, tmp_path, list(range(film.frames)))
    assert item["duration_seconds"] == pytest.approx(float(film.frames / film.rate))


@pytest.mark.slow
def test_8k_becomes_a_right_film(shared: Running, ada: ExportsClient, tmp_path: Path) -> None:
    film = Film(width=7680, height=4320, frames=3, sound=None)
    window = {**WHOLE, "width": 7680, "height": 4320}
    item = ada.complete(ada.order(config(ada.upload(film.write(tmp_path / "8k.mp4")), keyframes=[window])))
    assert_film(ada, item, tmp_path, [0, 1, 2])


@pytest.mark.parametrize(
    ("keyframes", "code", "said"),
    [
        ([keyframe(), keyframe(time=1, x=97.5)], "crop_outside", "keyframe 2"),
        ([keyframe(), keyframe(time=5.2)], "past_the_end", "keyframe 2"),
        ([keyframe(), keyframe(time=0)], "keyframes_unordered", "keyframes 1 and 2"),
    ],
)
def test_a_keyframe_that_cannot_be_meant_is_named(
    shared: Running, ada: ExportsClient, film: bytes, keyframes: list[dict[str, Any]], code: str, said: str
) -> None:
    answer = ada.ask(config(ada.upload(film), keyframes=keyframes))
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert "the film" in answer.json()["detail"]
    assert said in answer.json()["detail"]
    assert_nothing_happened(ada)


def test_keyframes_out_of_order_or_a_little_outside_are_what_was_meant(
    shared: Running, ada: ExportsClient, film: bytes, tmp_path: Path
) -> None:
    """Pain 20: a keyframe some hundredths behind the end is not dropped."""
    keyframes = [keyframe(time=5.04, x=96.5, y=54), keyframe(time=0, x=-0.5)]
    item = ada.complete(ada.order(config(ada.upload(film), keyframes=keyframes)))
    assert (item["status"], item["duration_seconds"]) == ("complete", 5)
