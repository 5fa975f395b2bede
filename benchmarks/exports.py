"""Framing and overlay by Backline, by moviepy and by the bare ffmpeg binary, on the same clip in the same run; how true
a slow pan is in each; and what a cancel, a kill and a look at the progress are worth.

Each render is alone in a process; rounds take turns; medians count.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from backline.compute.in_child import ChildLimits, run_in_child
from backline.engines.video.base import RenderPlan, Source
from backline.errors import Unavailable
from benchmarks.tools import render_with
from benchmarks.tools.processes import Cost, Most, below, cost_of
from benchmarks.tools.servers import machine

ROUNDS = 3
TOOLS = ("backline", "ffmpeg", "moviepy")
SECONDS = int(render_with.TIMES[-1])
FRAMES = SECONDS * render_with.RATE
DOTS_X, DOTS_Y, DOT = (560.0, 700.0, 840.0), (300.0, 540.0, 780.0), 5.0
"""In the clip of the pan: centres, and the standard deviation of their brightness, in pixels. Small ones, for an
encoder takes no notice when a large soft one moves by a fraction of a pixel."""
STEP_SECONDS = 2.0
CANCELS = (0.1, 0.5, 0.9)
LIMITS = ChildLimits(stall_seconds=120.0, grace_seconds=5.0)


def main() -> None:
    print(
        f"{machine()}; 1080p30, {SECONDS} s, x264 {render_with.PRESET} crf {render_with.CRF}; {ROUNDS} rounds, medians"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = _clip(folder / "clip.mp4", SECONDS)
        print(f"the clip has {clip.stat().st_size / 1e6:.1f} MB")
        _compare("framing", clip, folder, {"moviepy": ">= 2", "ffmpeg": ">= 0.75"})
        _compare("overlay", clip, folder, {"moviepy": ">= 2"})
        _compare_pans(folder)
        asyncio.run(_watched(clip, folder))
        asyncio.run(_cancelled(clip, folder))
        asyncio.run(_killed(clip, folder))
        asyncio.run(_long(clip, folder))


def _compare(work: str, clip: Path, folder: Path, bars: Mapping[str, str]) -> None:
    costs: dict[str, list[Cost]] = {tool: [] for tool in TOOLS}
    for _ in range(ROUNDS):
        for tool, found in costs.items():
            found.append(_render(tool, work, clip, folder / f"{tool}-{work}.mp4"))
    print(f"\n{work:12} {'frames/s':>9} {'least':>7} {'most':>7} {'CPU s':>7} {'all MB':>7} {'largest':>8} {'file':>5}")
    for tool, found in costs.items():
        rates = sorted(FRAMES / cost.wall_s for cost in found)
        file_mb = (folder / f"{tool}-{work}.mp4").stat().st_size / 1e6
        print(
            f"{tool:12} {median(rates):9.1f} {rates[0]:7.1f} {rates[-1]:7.1f} {_median(found, 'cpu_s'):7.1f} "
            f"{_median(found, 'peak_mb'):7.0f} {_median(found, 'largest_mb'):8.0f} {file_mb:5.1f}"
        )
    for tool in TOOLS[1:]:
        pairs = list(zip(costs["backline"], costs[tool], strict=True))
        speed = median(theirs.wall_s / ours.wall_s for ours, theirs in pairs)
        cpu = median(theirs.cpu_s / ours.cpu_s for ours, theirs in pairs)
        memory = median(ours.peak_mb / theirs.peak_mb for ours, theirs in pairs)
        bar = f"   (bar: speed {bars[tool]})" if tool in bars else ""
        print(f"of {tool}: speed {speed:.2f}, frames a CPU second {cpu:.2f}, memory {memory:.2f}{bar}")


def _median(costs: list[Cost], what: str) -> float:
    return median(float(getattr(cost, what)) for cost in costs)


def _render(tool: str, work: str, clip: Path, output: Path) -> Cost:
    output.unlink(missing_ok=True)
    cost = cost_of("-m", "benchmarks.tools.render_with", tool, work, str(clip), str(output))
    assert output.stat().st_size > 0
    return cost


def _compare_pans(folder: Path) -> None:
    """Dots in a still picture, half a pixel a frame: where they are in each output, and where they should be."""
    clip = _still(folder / "still.mp4")
    print("\npan of half a pixel a frame: error of the place of dots, in output pixels (bar: <= 0.15 rms)")
    for tool in TOOLS:
        output = folder / f"{tool}-pan.mp4"
        _render(tool, "pan", clip, output)
        errors = np.array([found - wanted for found, wanted in _places(output)])
        jitter = np.diff(errors).std()
        print(
            f"{tool:12} {errors.std():.3f} rms, {jitter:.3f} between frames, {errors.mean():+.3f} in the mean; "
            f"{len(errors)} frames"
        )


def _places(output: Path) -> Iterator[tuple[float, float]]:
    """For each frame: where the dots are on average, from the left, and where they should be."""
    scale = render_with.TARGET[0] / render_with.WINDOW[0]
    with av.open(str(output)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            left = float(np.interp(number / render_with.RATE, render_with.PAN_TIMES, render_with.PAN_X))
            luma = frame.to_ndarray(format="gray").astype(np.float64)
            dots = [((x - left) * scale, y * scale) for x in DOTS_X for y in DOTS_Y]
            yield (
                float(np.mean([_place(luma, x, y, 5 * DOT * scale) for x, y in dots])),
                float(np.mean(dots, axis=0)[0]),
            )


def _place(luma: npt.NDArray[np.float64], x: float, y: float, reach: float) -> float:
    """The centre of what is bright around a place, from the left."""
    first = max(round(x - reach), 0)
    near = luma[round(y - reach) : round(y + reach), first : round(x + reach)]
    weights = np.clip(near - np.median(near) - 8, 0, None).sum(axis=0)
    return first + 0.5 + float((weights * np.arange(len(weights))).sum() / weights.sum())


@dataclass(slots=True)
class _Run:
    """A render in a child, and what it told."""

    folder: Path
    order: dict[str, Any]
    told: list[tuple[float, Mapping[str, Any]]] = field(default_factory=list)
    segments: list[dict[str, Any]] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    until: float = 2.0

    async def run(self) -> Mapping[str, Any]:
        return await run_in_child("backline.engines.video.render:render", self.order, self._hear, LIMITS)

    def _hear(self, told: Mapping[str, Any]) -> None:
        if "segment" in told:
            one = told["segment"]
            kept = {name: one[name] for name in ("index", "digest", "frames")}
            self.segments.append({**kept, "link": Path(one["path"]).as_uri()})
            return
        self.told.append((time.perf_counter(), told))
        if told["progress"] >= self.until:
            self.reached.set()


def _order(clip: Path, folder: Path, **how: Any) -> dict[str, Any]:
    plan, sources = render_with.order("framing", clip, **how)
    folder.mkdir()
    return {
        "plan": TypeAdapter(RenderPlan).dump_python(plan, mode="json"),
        "sources": TypeAdapter(list[Source]).dump_python(sources, mode="json"),
        "folder": str(folder),
        "output": str(folder / "film.mp4"),
        "segments": [],
    }


async def _watched(clip: Path, folder: Path) -> None:
    run = _Run(folder, _order(clip, folder / "watched"))
    await run.run()
    end = time.perf_counter()
    shares = [told["progress"] for _, told in run.told]
    begun = run.told[0][0]
    late = [(at, told) for at, told in run.told if told["progress"] >= 0.1 and told["seconds_left"] is not None]
    of_all = sorted(abs(at + told["seconds_left"] - end) / (end - begun) for at, told in late)
    of_left = sorted(abs(at + told["seconds_left"] - end) / (end - at) for at, told in late if told["progress"] <= 0.9)
    print(f"\nprogress: {len(shares)} times told in {end - begun:.1f} s, never back: {shares == sorted(shares)}")
    print(
        f"time left, after the first tenth: wrong by {_share(of_all, 0.5)} of the whole (at most {_share(of_all, 1)}), "
        f"by {_share(of_left, 0.5)} of what was left (at most {_share(of_left, 1)})   (bar: <= 20 %)"
    )


def _share(ordered: list[float], share: float) -> str:
    return f"{100 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]:.0f} %"


async def _cancelled(clip: Path, folder: Path) -> None:
    for share in CANCELS:
        run = _Run(folder, _order(clip, folder / f"cancelled-{share}"), until=share)
        rendering = asyncio.create_task(run.run())
        await run.reached.wait()
        processes = below(os.getpid())
        began = time.perf_counter()
        rendering.cancel()
        with suppress(asyncio.CancelledError):
            await rendering
        seconds = time.perf_counter() - began
        files, alive = _left(run.order["folder"], processes)
        print(
            f"cancelled at {share:.0%}: over after {seconds:.3f} s, {files} files and {alive} processes left"
            "   (bar: <= 0.3 s)"
        )


def _left(folder: str, processes: list[int]) -> tuple[int, int]:
    return len(list(Path(folder).iterdir())), sum(Path(f"/proc/{pid}").exists() for pid in processes)


async def _killed(clip: Path, folder: Path) -> None:
    """The child's whole group is killed when half is done; what was whole by then is given to the next."""
    whole = _Run(folder, _order(clip, folder / "whole", segment_seconds=STEP_SECONDS))
    whole_s, _ = await _timed(whole)
    first = _Run(folder, _order(clip, folder / "killed", segment_seconds=STEP_SECONDS), until=0.6)
    rendering = asyncio.create_task(first.run())
    await first.reached.wait()
    os.killpg(below(os.getpid())[0], signal.SIGKILL)
    with suppress(Unavailable):
        await rendering
    second = _Run(folder, _order(clip, folder / "again", segment_seconds=STEP_SECONDS))
    second.order["segments"] = first.segments
    again_s, frames = await _timed(second)
    print(
        f"\nkilled at {first.until:.0%}, {len(first.segments)} steps of {STEP_SECONDS:g} s kept: {again_s:.1f} s, "
        f"{whole_s:.1f} s in one go, ratio {again_s / whole_s:.2f}; {frames} frames   (bar: <= 0.6)"
    )


async def _timed(run: _Run) -> tuple[float, int]:
    """Seconds, and frames in the film."""
    began = time.perf_counter()
    done = await run.run()
    return time.perf_counter() - began, done["frames"]


async def _long(clip: Path, folder: Path) -> None:
    """The same clip once and ten times, made small so that it does not take long."""
    long = folder / "long.mp4"
    _ffmpeg("-stream_loop", "9", "-i", str(clip), "-c", "copy", str(long))
    for source, name in ((clip, "once"), (long, "ten times")):
        run = _Run(folder, _order(source, folder / name, target=(270, 480)))
        rendering = asyncio.create_task(run.run())
        await asyncio.sleep(0.1)
        most = Most(below(os.getpid())[0])
        done = await rendering
        peak_mb = await asyncio.to_thread(most.end)
        print(f"the clip {name}: {done['seconds']:.0f} s of film, {peak_mb:.0f} MB at most   (bar: flat)")


def _clip(path: Path, seconds: int) -> Path:
    """Moving shapes with grain, and a tone."""
    pictures = f"testsrc2=s=1920x1080:r={render_with.RATE}:d={seconds},noise=alls=10:allf=t"
    _ffmpeg(
        *("-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", f"sine=440:d={seconds}:r=48000", "-c:v", "libx264"),
        *("-preset", "veryfast", "-crf", "27", "-pix_fmt", "yuv420p", "-g", "60", "-c:a", "aac", str(path)),
    )
    return path


def _still(path: Path) -> Path:
    across, down = (
        sum(np.exp(-(((np.arange(length) + 0.5 - centre) / DOT) ** 2) / 2) for centre in centres)
        for length, centres in ((render_with.WIDTH, DOTS_X), (render_with.HEIGHT, DOTS_Y))
    )
    luma = np.round(40 + 160 * np.outer(down, across)).astype(np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", render_with.RATE, options={"crf": "8", "preset": "veryfast"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        planes = np.concatenate([luma.ravel(), np.full(1920 * 1080 // 2, 128, np.uint8)]).reshape(1620, 1920)
        for _ in range(int(render_with.PAN_TIMES[-1]) * render_with.RATE):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        out.mux(stream.encode(None))
    return path


def _ffmpeg(*arguments: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True)


if __name__ == "__main__":
    main()
