"""Renders that meet with something, for `run_in_child`. Each does the real work too, where there is any left to do."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backline.engines.video import render as rendering

STEPS = 20


def paced(data: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """For two seconds, whatever the film."""
    rendered = rendering.render(data, _only_segments(progress))
    frames = rendered["frames"]
    for step in range(STEPS):
        time.sleep(0.1)
        done = (step + 1) / STEPS
        progress(
            progress=done,
            frames=int(done * frames),
            frames_total=frames,
            phase="processing",
            seconds_left=round(2 - 2 * done, 1),
        )
    return rendered


def killed_once(data: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """By the kernel, say, for want of memory; when it has told half of what there is to tell."""
    died = Path(os.environ["BACKLINE_TEST_DIARY"] + "-died")
    if died.exists():
        return rendering.render(data, progress)
    rendering.render(data, _only_segments(progress))
    progress(progress=0.5, frames=1, frames_total=2, phase="processing", seconds_left=1.0)
    died.touch()
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def stuck_once(data: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """As a decoder that hangs: it says nothing any more, and does not end."""
    stuck = Path(os.environ["BACKLINE_TEST_DIARY"] + "-stuck")
    if not stuck.exists():
        stuck.touch()
        time.sleep(3600)
    return rendering.render(data, progress)


def with_little_room(data: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """Files may have 8 kB; the system says so as it says that a disk is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, resource.RLIM_INFINITY))
    return rendering.render(data, progress)


def _only_segments(progress: Callable[..., None]) -> Callable[..., None]:
    return lambda **told: progress(**told) if "segment" in told else None
