"""Work for a child that writes down its processes, and runs until it is let through."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def run(data: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    folder = Path(data["folder"])
    beside = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    with (folder / "pids").open("a") as file:
        file.write(f"{os.getpid()} {os.getppid()} {beside.pid}\n")
    while not (folder / "go").exists():
        progress(progress=0.5)
        time.sleep(0.05)
    return {"attempt": data["attempt"]}
