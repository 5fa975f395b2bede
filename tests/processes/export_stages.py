"""Stages at which an export stands still, for the processes of the server and for their children, which should be
quick to start.

The name of an export's first clip is `<stage>|<go>`. The first who comes to the stage writes `at-<go>` in the folder
EXPORT_STAGES, with the number of his process, and goes on when there is `go-<go>`. Nobody stands still there twice.
What is probed or rendered is written down there: processes in `pids`, and in `renders` each render and segment.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("EXPORT_STAGES", "."))


def first_here(go: str) -> bool:
    """Whether nobody was here before; then it is written down that somebody is."""
    with suppress(FileExistsError):
        part = FOLDER / f"part-{os.getpid()}-{time.monotonic_ns()}"
        part.write_text(str(os.getpid()))
        os.link(part, FOLDER / f"at-{go}")
        return True
    return False


def stands(name: str, stage: str) -> bool:
    wanted, _, go = name.partition("|")
    return wanted == stage and first_here(go)


def may_go(name: str) -> bool:
    return (FOLDER / f"go-{name.partition('|')[2]}").exists()


async def still(name: str, stage: str) -> None:
    if stands(name, stage):
        while not may_go(name):
            await asyncio.sleep(0.02)


def still_in_child(name: str, stage: str) -> None:
    if stands(name, stage):
        while not may_go(name):
            time.sleep(0.02)


def name_of(plan: Mapping[str, Any]) -> str:
    return str(plan["clips"][0]["label"]["name"])


def note(file: str, what: str) -> None:
    with (FOLDER / file).open("a") as lines:
        lines.write(f"{what}\n")


def probe(data: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """Stands still where there is a file `probing`, which holds a name."""
    note("pids", f"{os.getpid()} {os.getppid()}")
    with suppress(FileNotFoundError):
        still_in_child((FOLDER / "probing").read_text(), "probing")
    found: dict[str, Any] = import_module("backline.engines.video.probe").probe_many(data, progress)
    return found


def render(data: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    name = name_of(data["plan"])
    note("pids", f"{os.getpid()} {os.getppid()}")
    note("renders", json.dumps({"name": name, "kept": [one["index"] for one in data["segments"]]}))

    def told(**values: Any) -> None:
        if (segment := values.get("segment")) is not None:
            note("renders", json.dumps({"name": name, "segment": segment["index"]}))
        progress(**values)
        still_in_child(name, "rendering")

    rendered: dict[str, Any] = import_module("backline.engines.video.render").render(data, told)
    return rendered
