"""What a program costs: time, processor time and memory, with all the processes that it starts."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tools.servers import ROOT

_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    """peak_mb: the most that all processes had together. largest_mb: of the one that had most, the kernel's
    `ru_maxrss`."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    largest_mb: float


def cost_of(*arguments: str) -> Cost:
    """Of `python ARGUMENTS`. Raises CalledProcessError."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT)
    most = Most(process.pid)
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - began
    peak_mb = most.end()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, arguments)
    return Cost(wall_s, used.ru_utime + used.ru_stime, peak_mb, used.ru_maxrss / 1000)


class Most:
    """The most memory that a process and all below it had together, looked at twenty times a second; in MB."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._most = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self) -> float:
        self._over.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self._most = max(self._most, sum(_resident_mb(pid) for pid in [self._pid, *below(self._pid)]))


def below(pid: int) -> list[int]:
    """Children of a process, and theirs."""
    try:
        own = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return own + [deeper for child in own for deeper in below(child)]


def _resident_mb(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return 0.0
