"""Renders of known films, and what is measured in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from backline.engines.video.base import Clip, Rendered, RenderPlan, Source
from backline.engines.video.check import check
from backline.engines.video.planes import Plane, Planes
from backline.engines.video.probe import probe
from backline.engines.video.render import render_file
from backline.engines.video.segments import Finished


@dataclass
class Heard:
    """What a render told."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    def told(self, **values: Any) -> None:
        self.messages.append(values)

    @property
    def progress(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if "progress" in message]

    @property
    def segments(self) -> list[Finished]:
        told = [message["segment"] for message in self.messages if "segment" in message]
        return [Finished(one["index"], Path(one["path"]).as_uri(), one["digest"], one["frames"]) for one in told]


def clip_of(path: Path, **more: Any) -> Clip:
    return Clip(path.as_uri(), path.stem, **more)


def checked(plan: RenderPlan) -> tuple[RenderPlan, list[Source]]:
    sources = [probe(clip.link, clip.name) for clip in plan.clips]
    return check(plan, sources), sources


def render(
    plan: RenderPlan, folder: Path, heard: Heard | None = None, finished: Sequence[Finished] = ()
) -> tuple[Rendered, Path]:
    """The film is `out.mp4` in the folder; it is rendered in `work` there."""
    work, output = folder / "work", folder / "out.mp4"
    work.mkdir(exist_ok=True)
    plan, sources = checked(plan)
    return render_file(plan, sources, output, (heard or Heard()).told, work, finished), output


def pictures_of(path: Path) -> list[Planes]:
    with av.open(str(path)) as container:
        return [planes_of(frame) for frame in container.decode(video=0)]


def times_of(path: Path) -> list[Fraction]:
    """When each frame is shown, in seconds."""
    with av.open(str(path)) as container:
        return [Fraction(frame.pts or 0) * (frame.time_base or 0) for frame in container.decode(video=0)]


def planes_of(frame: av.VideoFrame) -> Planes:
    assert frame.format.name in ("yuv420p", "yuvj420p")
    views = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
        views.append(rows[: plane.height, : plane.width].copy())
    return Planes(*views)


def same(one: Sequence[Planes], other: Sequence[Planes]) -> bool:
    """As far as x264 goes: its mbtree spends bits a little differently from run to run (measured; without it, or before
    it, all is equal to the last bit)."""
    return len(one) == len(other) and all(
        np.abs(a.astype(float) - b).mean() < 0.5
        for first, second in zip(one, other, strict=True)
        for a, b in zip(first.all, second.all, strict=True)
    )


def centre(y: Plane, floor: float) -> tuple[float, float]:
    """Of what is brighter than `floor`, in pixels from the outer corner."""
    light: npt.NDArray[np.float64] = np.clip(y.astype(np.float64) - floor, 0, None)
    total = light.sum()
    return (
        float((light.sum(axis=0) * (np.arange(y.shape[1]) + 0.5)).sum() / total),
        float((light.sum(axis=1) * (np.arange(y.shape[0]) + 0.5)).sum() / total),
    )
