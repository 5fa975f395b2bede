"""Functions for child processes: well behaved and otherwise. Each is named by its dotted path."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backline.errors import Invalid

Progress = Callable[..., None]


def double(data: dict[str, Any], progress: Progress) -> dict[str, Any]:
    for step in range(3):
        progress(progress=step / 3, message=f"step {step}")
    return {"n": 2 * data["n"]}


def chatty(data: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Prints, as libraries do, and starts a program that reads and prints too."""
    sys.stdout.write("hello\n")
    subprocess.run([sys.executable, "-c", "print(len(input()))"], check=False, stderr=subprocess.DEVNULL)
    return {"own_group": os.getpgrp() != os.getpgid(int(data["parent"]))}


def refuse(_data: Any, _progress: Progress) -> dict[str, Any]:
    raise Invalid("No such voice.", code="unknown_voice")


def break_down(_data: Any, _progress: Progress) -> dict[str, Any]:
    raise ValueError("a user's secret")


def die(data: dict[str, Any], progress: Progress) -> dict[str, Any]:
    progress(progress=0.1)
    os.kill(os.getpid(), data["signal"])
    time.sleep(60)
    return {}


def say_too_much(_data: Any, _progress: Progress) -> dict[str, Any]:
    return {"text": "x" * 5_000_000}


def talk_on(_data: Any, progress: Progress) -> dict[str, Any]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        progress(message="x" * 50_000)


def say_nothing(data: dict[str, Any], progress: Progress) -> dict[str, Any]:
    _note_processes(data)
    progress(progress=0.1)
    time.sleep(3600)
    return {}


def tidy(data: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Cleans up behind itself when it is told to end."""
    made = Path(data["file"])
    try:
        made.write_text("half")
        progress(progress=0.1)
        time.sleep(3600)
    finally:
        made.unlink()
    return {}


def stubborn(data: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Ignores SIGTERM, and so does the program that it has started."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _note_processes(data)
    progress(progress=0.1)
    while True:
        progress(progress=0.2)
        time.sleep(0.1)


def busy(data: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Holds every thread of its interpreter in one long call, with a program beside it."""
    _note_processes(data)
    progress(progress=0.1)
    threading.Event().wait(0.2)
    sum(range(10**12))
    return {}


def leave_something(data: dict[str, Any], _progress: Progress) -> dict[str, Any]:
    """Returns, but a program that it started goes on."""
    _note_processes(data)
    return {}


def _note_processes(data: dict[str, Any]) -> None:
    ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"
    started = subprocess.Popen([sys.executable, "-c", ignore])
    Path(data["pids"]).write_text(f"{os.getpid()} {started.pid}")
