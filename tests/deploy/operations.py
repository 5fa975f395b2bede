"""Operations for the body of a deployed job: what it hands them, what they tell, and how they end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backline.compute.operations import Operation
from backline.errors import Busy

Progress = Callable[..., None]


def step_by_step(data: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """From the checkpoint on; at the step `stands` it waits to be ended."""
    begin = (data["checkpoint"] or {"step": 0})["step"]
    for step in range(begin, data["steps"]):
        progress(checkpoint={"step": step + 1})
        progress(progress=(step + 1) / data["steps"], message=f"step {step + 1}", frames=step + 1)
        if step + 1 == data.get("stands"):
            Path(data["file"]).write_text(str(os.getpid()))
            time.sleep(3600)
    return {"begun_at": begin, "job": [data["job_id"], data["attempt"]]}


def refuse(_data: Any, progress: Progress) -> dict[str, Any]:
    progress(progress=0.5)
    raise Busy("There is no room for it now.", code="no_room")


def say_nothing(_data: Any, _progress: Progress) -> dict[str, Any]:
    time.sleep(3600)
    return {}


OPERATIONS = tuple(
    Operation(name, f"tests.deploy.operations:{name}", "For tests.")
    for name in ("step_by_step", "refuse", "say_nothing")
)
