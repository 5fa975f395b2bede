"""The same render by one of three tools, alone in a process: `python -m benchmarks.tools.render_with TOOL WORK IN OUT`.

All encode with x264 at the preset and quality that Backline uses, and copy or encode the sound as AAC.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RATE = 30
WIDTH, HEIGHT = 1920, 1080
WINDOW, TARGET = (608, 1080), (1080, 1920)
PRESET, CRF = "veryfast", "20"

TIMES = (0.0, 3.0, 6.0, 9.0, 12.0)
FRAMING_X = (0.0, 500.0, 300.0, 1300.0, 900.0)
"""The window's left side at these times."""
PAN_TIMES, PAN_X = (0.0, 4.0), (400.0, 460.0)
"""Half a pixel a frame."""
ELLIPSES = (
    (500.0, 500.0, 90.0, 160.0),
    (900.0, 420.0, 120.0, 200.0),
    (1200.0, 600.0, 80.0, 150.0),
    (700.0, 640.0, 140.0, 220.0),
    (1000.0, 540.0, 100.0, 180.0),
)
"""Centre and radii at `TIMES`."""
DIM = 0.6
"""Outside of the ellipse 40 % is left."""
_MASK = (480, 270)
_SOFT = 0.1
"""Of a radius: how wide the ellipse's edge is."""

_CODE = ["-c:v", "libx264", "-preset", PRESET, "-crf", CRF, "-pix_fmt", "yuv420p", "-c:a", "copy"]


def main() -> None:
    tool, work, source, output = sys.argv[1:]
    _TOOLS[tool, work](Path(source), Path(output))


def window_track(work: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return (PAN_TIMES, PAN_X) if work == "pan" else (TIMES, FRAMING_X)


def order(
    work: str, source: Path, target: tuple[int, int] = TARGET, segment_seconds: float = 3600.0
) -> tuple[Any, Any]:
    """A checked plan and its sources, for Backline."""
    from backline.engines.video.base import Clip, CropKeyframe, EllipseKeyframe, Highlight, RenderPlan
    from backline.engines.video.check import check
    from backline.engines.video.probe import probe

    link = source.resolve().as_uri()
    film = probe(link, "the film")
    if work == "overlay":
        points = tuple(
            EllipseKeyframe(time, *ellipse, DIM, "#ffffff") for time, ellipse in zip(TIMES, ELLIPSES, strict=True)
        )
        clip = Clip(link, "the film", highlights=(Highlight(0.0, film.seconds, "dark_overlay", points),))
        plan = RenderPlan((clip,), encoder="x264", segment_seconds=segment_seconds)
    else:
        times, lefts = window_track(work)
        crop = tuple(CropKeyframe(time, x, 0.0, *map(float, WINDOW)) for time, x in zip(times, lefts, strict=True))
        width, height = target
        plan = RenderPlan(
            (Clip(link, "the film", crop=crop),), width, height, encoder="x264", segment_seconds=segment_seconds
        )
    return check(plan, [film]), [film]


def _ours(work: str) -> Callable[[Path, Path], None]:
    def run(source: Path, output: Path) -> None:
        from backline.engines.video.render import render_file

        plan, sources = order(work, source)
        with tempfile.TemporaryDirectory() as folder:
            render_file(plan, sources, output, lambda **_: None, Path(folder))

    return run


def _ffmpeg_framing(work: str) -> Callable[[Path, Path], None]:
    def run(source: Path, output: Path) -> None:
        times, lefts = window_track(work)
        crop = f"crop={WINDOW[0]}:{WINDOW[1]}:x='{_expression(times, lefts)}':y=0"
        scale = f"scale={TARGET[0]}:{TARGET[1]}:flags=bilinear"
        _ffmpeg(["-i", str(source), "-vf", f"{crop},{scale}"], output)

    return run


def _expression(times: tuple[float, ...], values: tuple[float, ...]) -> str:
    text = f"{values[-1]}"
    for index in range(len(times) - 2, -1, -1):
        t0, t1, a, b = *times[index : index + 2], *values[index : index + 2]
        text = rf"if(lt(t\,{t1})\,{a}+({b}-{a})*(t-{t0})/({t1}-{t0})\,{text})"
    return text


def _ffmpeg_overlay(source: Path, output: Path) -> None:
    """Masks of 480x270 go in by a pipe; ffmpeg enlarges them and mixes the film with a dimmed one."""
    y, c = f"16+(val-16)*{1 - DIM}", f"128+(val-128)*{1 - DIM}"
    graph = (
        f"[0:v]split[clear][rest];[rest]lutyuv=y={y}:u={c}:v={c}[dim];"
        f"[1:v]scale={WIDTH}:{HEIGHT}:flags=bilinear,format=gray,split[m][n];"
        f"[n]scale={WIDTH // 2}:{HEIGHT // 2},split[o][p];[m][o][p]mergeplanes=0x001020:yuv420p[mask];"
        "[dim][clear][mask]maskedmerge[out]"
    )
    masks = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{_MASK[0]}x{_MASK[1]}", "-r", str(RATE), "-i", "pipe:"]
    _ffmpeg(
        ["-i", str(source), *masks, "-filter_complex", graph, "-map", "[out]", "-map", "0:a?", "-shortest"],
        output,
        lambda number: (_mask(number / RATE) * 255).astype(np.uint8).tobytes(),
    )


def _ffmpeg(arguments: list[str], output: Path, frame: Callable[[int], bytes] | None = None) -> None:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments, *_CODE, "-movflags", "+faststart"]
    process = subprocess.Popen([*command, str(output)], stdin=subprocess.PIPE)
    assert process.stdin is not None
    try:
        for number in range(int(TIMES[-1]) * RATE) if frame else ():
            assert frame is not None
            process.stdin.write(frame(number))
        process.stdin.close()
    except BrokenPipeError:
        pass  # it has had enough of them
    if process.wait():
        raise SystemExit(1)


def _mask(time: float) -> npt.NDArray[np.float32]:
    """float32 [270, 480]: 1 in the ellipse."""
    x, y, a, b = (np.interp(time, TIMES, values) for values in zip(*ELLIPSES, strict=True))
    scale = WIDTH / _MASK[0]
    across = ((np.arange(_MASK[0], dtype=np.float32) + 0.5) * scale - x) / a
    down = ((np.arange(_MASK[1], dtype=np.float32) + 0.5) * scale - y) / b
    distance = np.sqrt(across[None, :] ** 2 + down[:, None] ** 2)
    mask: npt.NDArray[np.float32] = np.clip((1 + _SOFT / 2 - distance) / _SOFT, 0, 1).astype(np.float32)
    return mask


def _moviepy_framing(work: str) -> Callable[[Path, Path], None]:
    def run(source: Path, output: Path) -> None:
        times, lefts = window_track(work)

        def cropped(frame_at: Callable[[float], Any], time: float) -> Any:
            x = int(np.interp(time, times, lefts))
            return frame_at(time)[:, x : x + WINDOW[0]]

        _moviepy(source, output, lambda film: film.transform(cropped).resized(TARGET))

    return run


def _moviepy_overlay(source: Path, output: Path) -> None:
    import cv2

    def dimmed(frame_at: Callable[[float], Any], time: float) -> Any:
        mask = cv2.resize(_mask(time), (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
        return (frame_at(time) * (1 - DIM + DIM * mask)[..., None]).astype(np.uint8)

    _moviepy(source, output, lambda film: film.transform(dimmed))


def _moviepy(source: Path, output: Path, change: Callable[[Any], Any]) -> None:
    from moviepy import VideoFileClip

    with VideoFileClip(str(source)) as film:
        change(film).write_videofile(
            str(output),
            codec="libx264",
            preset=PRESET,
            ffmpeg_params=["-crf", CRF, "-movflags", "+faststart"],
            pixel_format="yuv420p",
            audio_codec="aac",
            temp_audiofile_path=str(output.parent),
            logger=None,
        )


_TOOLS: dict[tuple[str, str], Callable[[Path, Path], None]] = {
    ("backline", "framing"): _ours("framing"),
    ("backline", "pan"): _ours("pan"),
    ("backline", "overlay"): _ours("overlay"),
    ("ffmpeg", "framing"): _ffmpeg_framing("framing"),
    ("ffmpeg", "pan"): _ffmpeg_framing("pan"),
    ("ffmpeg", "overlay"): _ffmpeg_overlay,
    ("moviepy", "framing"): _moviepy_framing("framing"),
    ("moviepy", "pan"): _moviepy_framing("pan"),
    ("moviepy", "overlay"): _moviepy_overlay,
}


if __name__ == "__main__":
    main()
