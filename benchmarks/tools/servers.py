"""Servers to measure, each a process of its own that ends with the benchmark, and the machine they ran on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def server(*arguments: str) -> Iterator[tuple[int, int]]:
    """Run `python ARGUMENTS`, which prints its port as its first line; yields (port, process id)."""
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "wb") as nothing:
        process = subprocess.Popen(
            [sys.executable, *arguments, folder], stdout=subprocess.PIPE, stderr=nothing, cwd=ROOT, text=True
        )
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline()), process.pid
        finally:
            process.terminate()
            process.wait(30)


def machine() -> str:
    """One line that names the processor, its cores and the Python."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def resident_mb(pid: int) -> float:
    """Resident memory of a process, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1000
    raise ValueError("no VmRSS")


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, in user and kernel mode; of its children nothing."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
