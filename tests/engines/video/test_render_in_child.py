"""Renders as a job runs them: in a process of their own that may be cancelled, and that may fail."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from backline.compute.in_child import run_in_child
from backline.engines.video.base import Rendered, RenderPlan, Source, Span
from backline.errors import Unavailable
from tests.engines.video.rendering import checked, clip_of, times_of
from tests.films import Film

RENDER = "backline.engines.video.render:render"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return Film(320, 180, frames=60).write(tmp_path / "in.mp4")


def data_of(plan: RenderPlan, folder: Path, segments: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    plan, sources = checked(plan)
    (folder / "work").mkdir(exist_ok=True)
    return {
        "plan": TypeAdapter(RenderPlan).dump_python(plan, mode="json"),
        "sources": TypeAdapter(list[Source]).dump_python(sources, mode="json"),
        "folder": str(folder / "work"),
        "output": str(folder / "out.mp4"),
        "segments": segments or [],
    }


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if not path.is_dir())


async def test_a_plan_goes_in_as_json_and_a_film_comes_out(film: Path, tmp_path: Path) -> None:
    told: list[Mapping[str, Any]] = []
    plan = RenderPlan((clip_of(film),), segment_seconds=0.5)
    rendered = await run_in_child(RENDER, data_of(plan, tmp_path), told.append)
    assert TypeAdapter(Rendered).validate_python(rendered) == Rendered(
        width=320,
        height=180,
        rate=Fraction(30),
        frames=60,
        seconds=2.0,
        size_bytes=(tmp_path / "out.mp4").stat().st_size,
        encoder="libx264",
        audio=True,
    )
    segments = [message["segment"] for message in told if "segment" in message]
    assert {f"segment-0000{number}.mp4" for number in range(4)} <= set(files_in(tmp_path))
    finished = [{**one, "link": Path(one["path"]).as_uri()} for one in segments[:3]]
    for one in finished:
        del one["path"]
    told.clear()
    await run_in_child(RENDER, data_of(plan, tmp_path, finished), told.append)
    assert [message["segment"]["index"] for message in told if "segment" in message] == [3]
    assert len(times_of(tmp_path / "out.mp4")) == 60


async def test_a_cancel_is_quick_and_leaves_no_file(film: Path, tmp_path: Path) -> None:
    plan = RenderPlan((clip_of(film, spans=(Span(0, 2, 0.1),)),), width=1280, height=720, segment_seconds=5.0)
    started = asyncio.Event()

    def told(values: Mapping[str, Any]) -> None:
        if values.get("frames", 0) > 0:
            started.set()

    work = asyncio.create_task(run_in_child(RENDER, data_of(plan, tmp_path), told))
    await started.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert [name for name in files_in(tmp_path) if not name.startswith("segment-")] == ["in.mp4"]
    assert not [name for name in files_in(tmp_path) if name.endswith(".part")]


@pytest.mark.parametrize("name", ["work/segment-00000.mp4.part", "out.mp4.part"])
async def test_a_full_disk_is_told_as_one(film: Path, tmp_path: Path, name: str) -> None:
    data = data_of(RenderPlan((clip_of(film),)), tmp_path)
    (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises(Unavailable) as caught:
        await run_in_child(RENDER, data, lambda _values: None)
    assert caught.value.code == "disk_full"
    assert files_in(tmp_path) == ["in.mp4"]
