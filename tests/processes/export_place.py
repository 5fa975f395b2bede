"""A place where exports are killed: processes that can be, a user with a film, and orders that stand still."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

from tests.exports.client import ExportsClient
from tests.films import Film
from tests.processes.conftest import ROOT, until
from tests.web.some_key import PEPPER

FILM = Film(width=192, height=108, frames=150)
SECONDS, SEGMENTS = 5, [0, 1, 2]

IN_HAND = ("claimed", "rendering", "kept", "storing", "stored", "finished")
"""Stages at which jobs can stand side by side. At `ordering` and `finish` they keep SQLite's only writer busy."""


class Member:
    """A process: a gateway with or without a loop, or a loop alone. It can be killed and started again. by: a command
    that becomes the one that is appended to it."""

    def __init__(self, place: Place, *, serve: bool, loop: bool = True, by: Sequence[str] = ()) -> None:
        self._place = place
        self._by = by
        self._given = {"settings": place.settings | {"jobs": {**place.settings["jobs"], "loop": loop}}, "serve": serve}
        self._address = ""
        self.start()

    def start(self) -> None:
        command = [*self._by, sys.executable, "-m", "tests.processes.export_process", json.dumps(self._given)]
        environment = os.environ | {"EXPORT_STAGES": str(self._place.folder)} | self._place.environment
        with self._place.log.open("a") as log:
            self.popen = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self._address = ""
        self._place.started.append(self.popen)

    @property
    def address(self) -> str:
        """Of the process that runs now; waits until it listens."""
        if not self._address:
            assert self.popen.stdout is not None
            self._address = self.popen.stdout.readline().strip()
        assert self._address, self._place.log.read_text()
        return self._address

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()


class Place:
    """A database, a folder of files, a user with a film, and the processes that work there. environment: more variables
    of those processes."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.settings: dict[str, Any] = {
            "server": {"port": 0, "data_dir": str(folder / "data")},
            "database": {"url": url},
            "accounts": PEPPER,
            "limits": {"key_requests_per_minute": 100_000, "address_requests_per_minute": 100_000},
            "jobs": {"lease_seconds": 1, "workers": len(IN_HAND), "owner_limit": 100},
            "exports": {"segment_seconds": 2},
        }
        self.environment: dict[str, str] = {}
        self.started: list[subprocess.Popen[str]] = []
        self._numbers = count()
        self._threads = ThreadPoolExecutor(4)

    def close(self) -> None:
        self.client.http.close()
        for popen in self.started:
            popen.kill()
            popen.communicate()
        self._threads.shutdown()

    def settle(self, member: Member) -> ExportsClient:
        """A user comes, and brings a film."""
        self.client = ExportsClient(member.address)
        self.key = self.client.upload(FILM.write(self.folder / "film.mp4"))
        return self.client

    def order(self, stage: str) -> Order:
        return Order(self, f"{stage}|{stage}-{next(self._numbers)}")

    def in_thread(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        return self._threads.submit(function, *args)

    def folders(self) -> set[str]:
        """In which films are being rendered, or were."""
        return {path.name for path in (self.folder / "data" / "tmp" / "exports").iterdir()}

    def renders(self, name: str) -> list[Any]:
        """What was told of one export: a list for each render begun, of what it found; a number for each segment."""
        lines = [json.loads(line) for line in (self.folder / "renders").read_text().splitlines()]
        return [line.get("kept", line.get("segment")) for line in lines if line["name"] == name]


class Order:
    """One export that stands still at a stage."""

    def __init__(self, place: Place, name: str) -> None:
        self.name = name
        self._place = place
        self._go = name.partition("|")[2]
        clip = {"start_time": 0, "end_time": SECONDS, "name": name}
        self._config = {"input_key": place.key, "clips": [clip], "encoder": "x264"}

    def make(self) -> str:
        return self._place.client.order(self._config, "annotate", headers={"Idempotency-Key": self._go})

    def make_and_forget(self) -> None:
        """In a thread: its answer may never come."""
        self._place.in_thread(self.make)

    def at_stage(self, go: str | None = None) -> int:
        """Wait until a process is there; which."""
        at = self._place.folder / f"at-{go or self._go}"
        until(at.exists, 40)
        return int(at.read_text())

    def go(self) -> None:
        (self._place.folder / f"go-{self._go}").touch()

    def ended(self) -> dict[str, Any]:
        """What a client that repeats its order sees, in the end."""
        client = self._place.client
        item = client.ended(self.make())
        return item | {"attempt": client.get(f"/api/jobs/{item['job_id']}")["attempt"]}
