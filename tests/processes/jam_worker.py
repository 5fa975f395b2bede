"""`backline worker` in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEY = "a key of tests, long enough"
COMMAND = [sys.executable, "-c", "from backline.cli import main; main()", "worker"]


@dataclass
class JamWorker:
    """It listens. lines: what it has written so far."""

    popen: subprocess.Popen[str]
    address: str
    port: int
    lines: list[str]

    def wait(self) -> int:
        """Until its end; the exit status."""
        return self.popen.wait(30)


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """settings: of the group `jam`."""
    jam = {"worker_key": KEY, **settings}
    told = {f"BACKLINE_JAM__{name.upper()}": str(value) for name, value in jam.items() if value is not None}
    return {**{name: value for name, value in os.environ.items() if not name.startswith("BACKLINE_")}, **told}


@contextmanager
def jam_worker(folder: Path, *options: str, port: int = 0, **settings: object) -> Iterator[JamWorker]:
    """It plays the metronome, unless the options say otherwise; killed at the end if it still lives."""
    popen = subprocess.Popen(
        [*COMMAND, "--port", str(port), "--engine", "metronome", *options],
        cwd=folder,
        env=environment(settings),
        stderr=subprocess.PIPE,
        text=True,
    )
    giving_up = threading.Timer(60, popen.kill)
    giving_up.start()
    lines: list[str] = []
    assert popen.stderr is not None
    try:
        address = None
        while address is None:
            lines.append(popen.stderr.readline())
            assert lines[-1], "".join(lines)
            address = re.search(r"http://[^ ]+:(\d+)", lines[-1])
        reading = threading.Thread(target=lambda: lines.extend(popen.stderr or ()), daemon=True)
        reading.start()
        yield JamWorker(popen, address[0], int(address[1]), lines)
    finally:
        giving_up.cancel()
        popen.kill()
        popen.wait()
        reading.join(10)
        popen.stderr.close()
