"""Films are rendered, decoded again and measured."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

from backline.engines.video.base import (
    CropKeyframe,
    EllipseKeyframe,
    Highlight,
    Interpolation,
    Label,
    RenderPlan,
    Span,
)
from backline.engines.video.colours import Colours
from backline.engines.video.film import Film
from backline.engines.video.planes import Plane, Planes, blank
from backline.engines.video.render import render_file
from backline.engines.video.tracks import Track
from backline.engines.video.window import Window
from backline.errors import Invalid
from tests.engines.video.rendering import (
    Heard,
    centre,
    checked,
    clip_of,
    pictures_of,
    planes_of,
    render,
    same,
    times_of,
)
from tests.films import GREY, as_frame, read_number, shape_at, truncated
from tests.films import Film as Source

WIDTH, HEIGHT = 320, 180


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Source(WIDTH, HEIGHT, frames=60, options="crf=1").write(tmp_path_factory.mktemp("films") / "clip.mp4")


def pan(time_seconds: float, x: float, y: float = 30.0) -> CropKeyframe:
    return CropKeyframe(time_seconds, x, y, 67.5, 120)


def framing(path: Path, **more: Any) -> RenderPlan:
    crop = pan(0, 126.3), pan(0.5, 148.1, 32.7), pan(1.0, 152.1, 36.3), pan(1.4, 143.0), pan(1.9, 138.4, 27.2)
    return RenderPlan((clip_of(path, crop=crop),), width=180, height=320, **more)


def still(path: Path, frames: int = 60) -> Plane:
    """A film in which nothing moves, of fine detail; returns its luma."""
    rng = np.random.default_rng(1)
    values = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH)), (0, 0), 1.5)
    luma: Plane = np.clip(120 + 60 * values / values.std(), 16, 235).astype(np.uint8)
    grey = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", 30, options={"crf": "2", "preset": "ultrafast"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = WIDTH, HEIGHT
        for _ in range(frames):
            out.mux(stream.encode(as_frame(Planes(luma, grey, grey))))
        out.mux(stream.encode(None))
    return luma


def sampled(luma: Plane, window: Window, width: int, height: int) -> npt.NDArray[np.float64]:
    """What a window shows, by the textbook: each output pixel's centre, between the four pixels around it."""
    values = luma.astype(np.float64)
    x = window.x + (np.arange(width) + 0.5) * window.width / width - 0.5
    y = window.y + (np.arange(height) + 0.5) * window.height / height - 0.5
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    across, down = x - left, (y - top)[:, None]
    upper: npt.NDArray[np.float64] = values[top][:, left] * (1 - across) + values[top][:, left + 1] * across
    lower = values[top + 1][:, left] * (1 - across) + values[top + 1][:, left + 1] * across
    between: npt.NDArray[np.float64] = upper * (1 - down) + lower * down
    return between


def offset(found: Plane, wanted: npt.NDArray[np.float64]) -> tuple[float, float]:
    """By how many pixels a picture is shifted against another: least squares on the gradient (Lucas and Kanade)."""
    down, across = np.gradient(wanted)
    gradient = np.stack([across.ravel(), down.ravel()], axis=1)
    shift = np.linalg.lstsq(gradient, (wanted - found).ravel(), rcond=None)[0]
    return float(shift[0]), float(shift[1])


@pytest.mark.parametrize("interpolation", ["linear", "catmull_rom"])
def test_a_pan_shows_each_frame_where_the_preview_has_it(tmp_path: Path, interpolation: Interpolation) -> None:
    luma = still(tmp_path / "still.mp4")
    plan = framing(tmp_path / "still.mp4", interpolation=interpolation)
    keyframes = plan.clips[0].crop
    rows = [(one.x, one.y, one.width, one.height) for one in keyframes]
    track = Track([one.time for one in keyframes], rows, interpolation)
    rendered, output = render(plan, tmp_path)
    shown = pictures_of(output)
    errors = [
        offset(picture.y, sampled(luma, Window(*track.at(number / 30)), 180, 320))
        for number, picture in enumerate(shown)
    ]
    assert np.sqrt(np.mean(np.square(errors), axis=0)).max() <= 0.15
    assert (rendered.frames, rendered.width, rendered.height, rendered.seconds) == (60, 180, 320, 2.0)


def test_the_file_is_what_players_want(film: Path, tmp_path: Path) -> None:
    rendered, output = render(framing(film), tmp_path)
    data = output.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(output)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec.name, video.pix_fmt, video.average_rate) == ("h264", "yuv420p", Fraction(30))
        assert (video.start_time, video.frames, audio.codec.name) == (0, 60, "aac")
    assert times_of(output) == [Fraction(number, 30) for number in range(60)]
    assert (rendered.encoder, rendered.audio, rendered.size_bytes) == ("libx264", True, len(data))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["out.mp4", "work"]


@pytest.mark.parametrize("rate", ["30000/1001", "25", "60", "24000/1001"])
def test_every_rate_has_its_frames_at_even_distances(film: Path, tmp_path: Path, rate: str) -> None:
    plan = RenderPlan((clip_of(film),), width=64, height=36, rate=rate, audio=False, quality="fast")
    rendered, output = render(plan, tmp_path)
    times = times_of(output)
    assert len(times) == rendered.frames == -(-2 * Fraction(rate) // 1)
    assert times == [number / Fraction(rate) for number in range(len(times))]


def test_spans_and_speeds_show_the_frames_that_they_name(film: Path, tmp_path: Path) -> None:
    spans = Span(0.5, 1.0), Span(1.5, 2.0, 2.0), Span(0.0, 0.25, 0.5)
    _, output = render(RenderPlan((clip_of(film, spans=spans),), audio=False), tmp_path)
    numbers = [read_number(picture.y) for picture in pictures_of(output)]
    slow = [number // 2 for number in range(15)]
    assert numbers == [*range(15, 30), *range(45, 60, 2), *slow][: len(numbers)]
    assert len(numbers) == 38


def test_clips_are_joined_with_cuts_and_crossfades(film: Path, tmp_path: Path) -> None:
    clips = clip_of(film, spans=(Span(0, 0.5),)), clip_of(film, spans=(Span(1.0, 1.5),))
    (tmp_path / "cut").mkdir()
    _, output = render(RenderPlan(clips, audio=False), tmp_path / "cut")
    assert [read_number(picture.y) for picture in pictures_of(output)] == [*range(15), *range(30, 45)]
    rendered, output = render(RenderPlan(clips, audio=False, crossfade_seconds=0.2), tmp_path)
    faded = pictures_of(output)
    assert rendered.frames == len(faded) == 24
    first, second = Source(WIDTH, HEIGHT, frames=60).picture(12).y, Source(WIDTH, HEIGHT, frames=60).picture(33).y
    middle = (first.astype(np.float64) + second) / 2
    assert np.abs(faded[12].y - middle).mean() < 3


def test_a_crop_is_not_what_a_whole_picture_is_and_bars_are_black(film: Path, tmp_path: Path) -> None:
    _, output = render(RenderPlan((clip_of(film),), width=180, height=180, audio=False), tmp_path)
    shown = pictures_of(output)[0]
    assert abs(shown.y[:38].astype(int) - 16).max() <= 2
    assert abs(shown.y[-38:].astype(int) - 16).max() <= 2
    x, y = shape_at(0, WIDTH, HEIGHT)
    inner = shown.y[40 + 14 : 140 - 14]
    assert centre(inner, GREY + 25) == pytest.approx((x * 180 / 320, 38 + y * 102 / 180 - 54), abs=0.2)


@pytest.mark.parametrize(("matrix", "color_range"), [(1, 1), (5, 1), (1, 2), (9, 1)])
def test_colours_come_out_as_they_went_in(tmp_path: Path, matrix: int, color_range: int) -> None:
    source = Source(WIDTH, HEIGHT, frames=3, matrix=matrix, color_range=color_range, sound=None)
    path = source.write(tmp_path / "in.mp4")
    _, output = render(RenderPlan((clip_of(path),), width=160, height=160), tmp_path)
    with av.open(str(output)) as container:
        frame = next(container.decode(video=0))
    assert (frame.colorspace, frame.color_range) == (matrix, color_range)
    shown, stored = planes_of(frame), source.picture(0)
    black = 16 if color_range == 1 else 0
    assert abs(int(shown.y[4, 80]) - black) <= 2
    for plane, own in zip(shown.all, stored.all, strict=True):
        middle = plane[plane.shape[0] // 2 - 12 : plane.shape[0] // 2 + 12]
        wide = own[own.shape[0] // 2 - 24 : own.shape[0] // 2 + 24]
        assert middle.mean() == pytest.approx(wide.mean(), abs=1.0)


def test_a_clip_of_other_colours_looks_the_same_beside_the_first(tmp_path: Path) -> None:
    kinds = [(1, 1), (5, 2)]
    paths = []
    for matrix, color_range in kinds:
        path = tmp_path / f"{matrix}.mp4"
        write_flat(path, Colours(color_range, matrix, 2, 2).of_rgb(0.7, 0.2, 0.3), matrix, color_range)
        paths.append(path)
    _, output = render(RenderPlan(tuple(clip_of(path) for path in paths), audio=False), tmp_path)
    shown = pictures_of(output)
    wanted = Colours(1, 1, 2, 2).of_rgb(0.7, 0.2, 0.3)
    for picture in (shown[1], shown[-1]):
        assert [float(plane.mean()) for plane in picture.all] == pytest.approx(wanted, abs=2)


def write_flat(path: Path, values: tuple[float, float, float], matrix: int, color_range: int) -> None:
    planes = blank(64, 64)
    y, u, v = (round(value) for value in values)
    planes.fill((y, u, v))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", 30, options={"crf": "2", "preset": "ultrafast"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = 64, 64
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, color_range
        for _ in range(4):
            frame = as_frame(planes)
            frame.colorspace, frame.color_range = matrix, color_range
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation_is_applied_and_not_said_again(tmp_path: Path, rotation: int) -> None:
    path = Source(WIDTH, HEIGHT, frames=3, rotation=rotation, sound=None).write(tmp_path / "in.mp4")
    rendered, output = render(RenderPlan((clip_of(path),)), tmp_path)
    with av.open(str(output)) as container:
        frame = next(container.decode(video=0))
    assert frame.rotation == 0
    upright = np.rot90(planes_of(frame).y, rotation // 90)
    assert read_number(np.ascontiguousarray(upright)) == 0
    assert (rendered.width, rendered.height) == ((WIDTH, HEIGHT) if rotation == 180 else (HEIGHT, WIDTH))


def spot(seconds: float, x: float, y: float, opacity: float = 0.6) -> EllipseKeyframe:
    return EllipseKeyframe(seconds, x, y, 30, 20, opacity, "#ffffff")


def test_a_spotlight_is_where_its_keyframes_have_it_and_only_in_its_time(film: Path, tmp_path: Path) -> None:
    highlight = Highlight(0.5, 1.5, "original", (spot(0.5, 100, 80, 1.0), spot(1.5, 220, 100, 1.0)))
    _, output = render(RenderPlan((clip_of(film, highlights=(highlight,)),), audio=False), tmp_path)
    for number, shown in enumerate(pictures_of(output)):
        light = shown.y[24:156]
        if not 15 <= number <= 45:
            assert light.max() < 220
            continue
        share = (number - 15) / 30
        found = centre(light, 215)
        assert found == pytest.approx((100 + 120 * share, 80 + 20 * share - 24), abs=0.6)
        inside = light > 215
        assert inside.sum() == pytest.approx(np.pi * 30 * 20 * 0.93, rel=0.08)


def test_a_spotlight_keeps_its_place_in_a_crop(film: Path, tmp_path: Path) -> None:
    highlight = Highlight(0, 2, "original", (spot(0, 160, 90, 1.0),))
    crop = (CropKeyframe(0, 115.0, 20.0, 90, 120), CropKeyframe(2, 120.6, 25.4, 90, 120))
    clip = clip_of(film, highlights=(highlight,), crop=crop)
    plan = RenderPlan((clip,), width=180, height=240, audio=False)
    _, output = render(plan, tmp_path)
    picture = Film.of(*checked(plan)).clip_picture(0)
    for number in (0, 20, 41, 59):
        window = picture.window_at(number / 30)
        found = centre(pictures_of(output)[number].y, 215)
        assert found == pytest.approx(((160 - window.x) * 2, (90 - window.y) * 2), abs=0.6)


def test_a_label_is_drawn_on_its_clip_only(film: Path, tmp_path: Path) -> None:
    plain = clip_of(film, spans=(Span(0, 0.2),))
    labelled = replace(plain, label=Label("क्षितिज goal", "second half", 5, ("tag",)))
    _, output = render(RenderPlan((labelled, plain), audio=False), tmp_path)
    shown = pictures_of(output)
    with_label, without = shown[2].y[90:155, :100], shown[8].y[90:155, :100]
    assert with_label.std() > 3 * without.std()


def steps(film: Path, **more: Any) -> RenderPlan:
    return framing(film, segment_seconds=0.5, **more)


def test_long_films_are_rendered_in_segments_that_are_used_again(film: Path, tmp_path: Path) -> None:
    heard, again = Heard(), Heard()
    _, output = render(framing(film), tmp_path)
    in_one_go = pictures_of(output)
    _, output = render(steps(film), tmp_path, heard)
    whole = pictures_of(output)
    assert max(np.abs(a.y.astype(float) - b.y).mean() for a, b in zip(whole, in_one_go, strict=True)) < 1
    assert [(one.index, one.frames) for one in heard.segments] == [(0, 15), (1, 15), (2, 15), (3, 15)]
    (tmp_path / "work" / "segment-00001.mp4").unlink()
    kept = [one for one in heard.segments if one.index in (0, 2)]
    moved = [replace(one, link=Path(one.link[7:]).rename(tmp_path / f"kept-{one.index}").as_uri()) for one in kept]
    output.unlink()
    render(steps(film), tmp_path, again, moved)
    assert [one.index for one in again.segments] == [1, 3]
    assert again.progress[1]["frames"] >= 30
    assert same(pictures_of(output), whole)
    times = times_of(output)
    assert times == [Fraction(number, 30) for number in range(60)]


def test_segments_of_something_else_or_broken_ones_are_rendered_anew(film: Path, tmp_path: Path) -> None:
    heard, again = Heard(), Heard()
    _, output = render(steps(film, audio=False), tmp_path, heard)
    whole = pictures_of(output)
    cut = truncated(Path(heard.segments[0].link[7:]), 0.6)
    other = [
        replace(heard.segments[0], link=cut.as_uri()),
        replace(heard.segments[1], digest="0" * 64),
        replace(heard.segments[2], frames=14),
        replace(heard.segments[3], link=(tmp_path / "gone.mp4").as_uri()),
    ]
    render(steps(film, audio=False), tmp_path, again, other)
    assert [one.index for one in again.segments] == [0, 1, 2, 3]
    assert same(pictures_of(output), whole)


def test_a_digest_is_of_all_that_frames_depend_on(film: Path) -> None:
    def digest(plan: RenderPlan) -> str:
        return Film.of(*checked(plan)).digest

    plan = framing(film)
    moved = replace(plan.clips[0], crop=(pan(0, 60.4),))
    assert digest(plan) == digest(framing(film))
    for other in (framing(film, rate="25"), framing(film, quality="fast"), replace(plan, clips=(moved,))):
        assert digest(other) != digest(plan)


def test_a_signature_in_an_address_is_not_in_the_digest(film: Path) -> None:
    plan, sources = checked(framing(film))
    signed = [replace(plan, clips=(replace(plan.clips[0], link=f"https://x/y.mp4?sign={n}"),)) for n in (1, 2)]
    assert len({Film.of(one, sources).digest for one in signed}) == 1
    elsewhere = replace(plan, clips=(replace(plan.clips[0], link="https://x/z.mp4?sign=1"),))
    assert Film.of(elsewhere, sources).digest != Film.of(signed[0], sources).digest


def test_progress_rises_to_the_end_and_tells_its_phases(film: Path, tmp_path: Path) -> None:
    heard = Heard()
    render(framing(film), tmp_path, heard)
    shares = [message["progress"] for message in heard.progress]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert heard.progress[0]["phase"] == "processing"
    assert heard.progress[-1]["phase"] == "finalizing"
    assert {message["frames_total"] for message in heard.progress} == {60}


class Interrupted(BaseException):
    """Raised in the main thread, as a signal's handler does."""


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".mp4")


@pytest.mark.parametrize("when", ["processing", "finalizing"])
def test_a_cancel_ends_every_thread_and_leaves_no_file(film: Path, tmp_path: Path, when: str) -> None:
    threads = threading.active_count()

    def told(**values: Any) -> None:
        if values.get("phase") == when and (when == "finalizing" or values.get("frames", 0) > 0):
            os.kill(os.getpid(), signal.SIGUSR2)

    def on_signal(_number: int, _frame: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR2, on_signal)
    heard = Heard()
    heard.told = told  # type: ignore[method-assign]
    long = RenderPlan((clip_of(film, spans=(Span(0, 2, 0.05),)),), audio=True)
    plan = long if when == "processing" else framing(film)
    try:
        with pytest.raises(Interrupted):
            render(plan, tmp_path, heard)
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert threading.active_count() == threads
    assert [path.name for path in tmp_path.rglob("*")] == ["work"]


def test_a_film_that_breaks_off_is_told_and_leaves_no_file(tmp_path: Path) -> None:
    path = Source(WIDTH, HEIGHT, frames=90, faststart=True, sound=None).write(tmp_path / "in.mp4")
    plan, sources = checked(RenderPlan((clip_of(path),)))
    os.truncate(path, int(path.stat().st_size * 0.6))
    threads = threading.active_count()
    with pytest.raises(Invalid) as caught:
        render_file(plan, sources, tmp_path / "out.mp4", Heard().told, tmp_path)
    assert caught.value.code == "video_damaged"
    assert threading.active_count() == threads
    assert [file.name for file in tmp_path.iterdir()] == ["in.mp4"]
