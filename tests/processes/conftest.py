"""Servers in processes of their own, and what can be seen of a process from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]


@dataclass
class Process:
    """A server that listens, its log kept in a file."""

    popen: subprocess.Popen[str]
    address: str
    log: Path

    @property
    def socket_address(self) -> str:
        return self.address.replace("http://", "ws://") + "/v1/tts/ws"

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=30)

    def signal(self, number: signal.Signals, *, whole_group: bool = False) -> None:
        """whole_group: to its engines too, as a terminal does with Ctrl-C and a service manager with SIGTERM."""
        if whole_group:
            os.killpg(self.popen.pid, number)
        else:
            self.popen.send_signal(number)

    def engines(self) -> list[int]:
        """Process ids of the engines."""
        return children(self.popen.pid)

    def ended(self) -> int:
        """Wait for the end; the exit status."""
        return self.popen.wait(60)


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@contextmanager
def running_process(folder: Path, **settings: dict[str, Any]) -> Iterator[Process]:
    server = {"port": 0, "data_dir": str(folder / "data"), **settings.pop("server", {})}
    given = json.dumps({"speech": {"workers": 2}, **settings, "server": server})
    log = folder / "log"
    with log.open("w") as log_file:
        popen = subprocess.Popen(
            [sys.executable, "-m", "tests.processes.serve", given],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log_file,
            text=True,
            start_new_session=True,  # a group of its own, which a test may signal as a whole
        )
    giving_up = threading.Timer(60, popen.kill)
    giving_up.start()
    try:
        assert popen.stdout is not None
        address = popen.stdout.readline().strip()
        giving_up.cancel()
        assert address, log.read_text()
        yield Process(popen, address, log)
    finally:
        giving_up.cancel()
        left = children(popen.pid) if popen.poll() is None else []
        popen.kill()
        popen.communicate()
        for pid in left:
            until(lambda pid=pid: not lives(pid))  # type: ignore[misc]


StartServer = Callable[..., Process]


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running_process(tmp_path, **settings))
