"""An export from files to a file: looked at, planned, rendered in a child process, and put in its place."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from backline.compute.in_child import ChildLimits, run_in_child
from backline.engines.video.base import RenderPlan, Source
from backline.engines.video.check import check
from backline.errors import Invalid
from backline.exports.plan import Film, input_keys, plan_of, read_config
from backline.exports.schemas import ExportType
from backline.exports.scratch import Scratch
from backline.ids import new_id

_PROBE = "backline.engines.video.probe:probe_many"
_RENDER = "backline.engines.video.render:render"
_LIMITS = ChildLimits(stall_seconds=300.0, grace_seconds=1.0)
_MAX_SECONDS = 86_400.0
_SCRATCH = ".backline-export"
"""Beside the output, so that it is there at once when it is whole."""

_PLAN = TypeAdapter(RenderPlan)
_SOURCES = TypeAdapter(list[Source])


@dataclass(frozen=True, slots=True)
class Wish:
    """config: as the API's, without an `input_key`. films: one, or for `multi_clip` one for each clip."""

    kind: ExportType
    config: Mapping[str, Any]
    films: Sequence[Path]
    output: Path
    force: bool


def export(wish: Wish) -> None:
    """Render it with a bar on standard error. Raises BacklineError, and typer.Exit when it was interrupted."""
    output = _checked(wish)
    rendered = asyncio.run(_interruptible(_export(wish, output)))
    Console(highlight=False, soft_wrap=True).print(
        f"{wish.output}: {rendered['width']}x{rendered['height']}, {rendered['seconds']:.2f} s, "
        f"{rendered['frames']} frames, {rendered['size_bytes'] / 1e6:.1f} MB, {rendered['encoder']}",
        markup=False,
    )


def _checked(wish: Wish) -> Path:
    """Where the output goes; a link stays a link."""
    for film in wish.films:
        if not film.is_file():
            raise Invalid(f"There is no film {film}.")
    output = wish.output.resolve()
    if output.suffix.lower() != ".mp4":
        raise Invalid(f"{wish.output} will be an MP4; let its name end in .mp4.")
    if output in (film.resolve() for film in wish.films):
        raise Invalid(f"{wish.output} is the film itself.")
    if output.is_dir() or (output.exists() and not wish.force):
        raise Invalid(f"{wish.output} is there already" + ("." if output.is_dir() else "; --force replaces it."))
    if not output.parent.is_dir():
        raise Invalid(f"There is no folder {wish.output.parent}.")
    return output


async def _interruptible(work: Coroutine[Any, Any, Mapping[str, Any]]) -> Mapping[str, Any]:
    """A signal ends the work, which is waited for however often it comes; the exit status is 128 and its number."""
    task = asyncio.ensure_future(work)
    told: list[int] = []

    def end(number: int) -> None:
        if not told:
            task.cancel()
        told.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not told:
            raise
        Console(stderr=True).print("Cancelled. Nothing is left of it.")
        raise typer.Exit(128 + told[0]) from None


async def _export(wish: Wish, output: Path) -> Mapping[str, Any]:
    config = read_config(wish.kind, _with_keys(wish))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[frames]}"),
        TextColumn("{task.fields[left]}"),
    )
    err = Console(stderr=True)
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        bar = _Bar(progress)
        keys = input_keys(config)
        films = await _look(wish, keys)
        plan = plan_of(config, films, _MAX_SECONDS, segment_seconds=_MAX_SECONDS)
        sources = [films[key].source for key in keys]
        plan = check(plan, sources)
        scratch = Scratch(output.parent / _SCRATCH)
        try:
            async with scratch.folder(new_id("export"), 1) as folder:
                part = folder / "film.mp4"
                data = {
                    "plan": _PLAN.dump_python(plan, mode="json"),
                    "sources": _SOURCES.dump_python(sources, mode="json"),
                    "folder": str(folder),
                    "output": str(part),
                    "segments": [],
                }
                rendered = await run_in_child(_RENDER, data, bar.told, _LIMITS)
                _put(part, output, wish)
                return rendered
        finally:
            with suppress(OSError):  # not empty: another export renders beside this one
                (output.parent / _SCRATCH).rmdir()


def _with_keys(wish: Wish) -> dict[str, Any]:
    """The config with a key for each film: its number."""
    config = dict(wish.config)
    clips = config.get("clips", [])
    if any(isinstance(clip, dict) and "input_key" in clip for clip in clips if isinstance(clips, list)):
        raise Invalid("A clip has an input_key, which only a server knows: name the films on the command line.")
    if wish.kind != "multi_clip":
        return {**config, "input_key": "1"}
    if isinstance(clips, list) and len(clips) != len(wish.films):
        raise Invalid(f"There are {len(wish.films)} films, but {len(clips)} clips.")
    if not isinstance(clips, list) or not all(isinstance(clip, dict) for clip in clips):
        return config  # refused by the schema, which says how it should be
    return {**config, "clips": [{**clip, "input_key": str(number)} for number, clip in enumerate(clips, start=1)]}


async def _look(wish: Wish, keys: Sequence[str]) -> dict[str, Film]:
    """By key, each once."""
    links = {key: wish.films[int(key) - 1].resolve().as_uri() for key in keys}
    named = [
        {"link": link, "name": f"clip {key}" if wish.kind == "multi_clip" else "the film"}
        for key, link in links.items()
    ]
    found = await run_in_child(_PROBE, {"links": named}, lambda _: None, _LIMITS)
    sources = _SOURCES.validate_python(found["sources"])
    return {key: Film(link, source) for (key, link), source in zip(links.items(), sources, strict=True)}


class _Bar:
    """What a render tells, as a bar."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("looking", total=None, frames="", left="")

    def told(self, values: Mapping[str, Any]) -> None:
        if "progress" not in values:
            return
        finishing = values.get("phase") == "finalizing"
        left = values.get("seconds_left")
        self._progress.update(
            self._task,
            description="finishing" if finishing else "rendering",
            total=1.0,
            completed=float(values["progress"]),
            frames=f"{values['frames']}/{values['frames_total']} frames",
            left="" if left is None else f"{_clock(float(left))} left",
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _put(part: Path, output: Path, wish: Wish) -> None:
    """To its name. A file that somebody has made there meanwhile is kept, unless `--force` says otherwise."""
    if wish.force:
        part.replace(output)
        return
    try:
        os.link(part, output)
    except FileExistsError:
        raise Invalid(f"{wish.output} is there now; --force replaces it.") from None
    except OSError:  # a file system without hard links
        if output.exists():
            raise Invalid(f"{wish.output} is there now; --force replaces it.") from None
        part.replace(output)
