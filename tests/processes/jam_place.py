"""A place where live jams are killed: gateways and workers that can be, a user who plays, and the books."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from backline.credits.queries import Balance, balance, verify
from backline.db.database import Database
from backline.jam.models import jam_sessions
from backline.jam.session import JamSession
from backline.media.audio import Samples
from tests.jam.client import Musician, wav_of
from tests.loops import loop
from tests.processes.conftest import until
from tests.processes.jam_worker import KEY
from tests.web.some_key import PEPPER

POLL_SECONDS = 0.2
PATIENCE_SECONDS = 90
"""With everything that happens on a busy machine; a program alone may take half a minute to start there."""

WELCOME = 600_000_000

RATE_HZ = 16_000
LOOP = wav_of(loop("mix", bpm=120, bars=1, rate_hz=RATE_HZ), RATE_HZ)
SHORT: dict[str, Any] = {"bpm": 240, "bars_per_chunk": 1, "seed": 7}
"""Chunks of one second."""

_COMMAND = [sys.executable, "-c", "from backline.cli import main; main()"]


class Member:
    """A gateway or a worker in a process of its own. It can be killed and started again, at the same address."""

    def __init__(self, place: Place, command: str, settings: Mapping[str, Mapping[str, object]]) -> None:
        self._place = place
        self._command = command
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("BACKLINE_")}
        for group, values in settings.items():
            self._environment |= {f"BACKLINE_{group}__{name}".upper(): str(value) for name, value in values.items()}
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        """Where it listens, sooner or later."""
        self.start()

    def start(self) -> None:
        self.log = self._place.folder / f"{self._command}-{next(self._place.numbers)}.log"
        with self.log.open("w") as log:
            self.popen = subprocess.Popen(
                [*_COMMAND, self._command, "--port", str(self._port)],
                cwd=self._place.folder,
                env=self._environment,
                stderr=log,
            )
        self._place.started.append(self.popen)

    @property
    def address(self) -> str:
        """`url`, once it listens."""
        until(self._is_there, PATIENCE_SECONDS)
        return self.url

    def _is_there(self) -> bool:
        told = self.log.read_text()
        assert self.popen.poll() is None, told
        return self.url in told

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def end(self, number: int) -> None:
        """By a signal; after SIGTERM it goes in its own time, and says that all is well."""
        self.popen.send_signal(number)
        status = self.popen.wait(60)
        assert status == (0 if number == signal.SIGTERM else -number), self.log.read_text()

    @property
    def memory_bytes(self) -> int:
        """What it has in memory now."""
        told = Path(f"/proc/{self.popen.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", told)
        assert found is not None
        return int(found[1]) * 1024


def _free_port() -> int:
    """Known beforehand, so that programs that need each other start side by side."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Place:
    """A database, the processes that work on it, and those who play there."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.numbers = count()
        self.started: list[subprocess.Popen[bytes]] = []
        self._url = url
        self._musicians: list[Musician] = []
        self._threads = ThreadPoolExecutor(8)

    def close(self) -> None:
        for musician in self._musicians:
            musician.http.close()
        for popen in self.started:
            popen.kill()
            popen.wait()
        self._threads.shutdown()

    def gateway(
        self,
        worker: str | None = None,
        *,
        welcome_seconds: float = 600,
        groups: Mapping[str, Mapping[str, object]] | None = None,
        **jam: object,
    ) -> Member:
        """worker: the address of the one that plays; None: it plays itself. groups: further settings."""
        ours: dict[str, object] = {"engine": "metronome", "poll_seconds": POLL_SECONDS, **jam}
        if worker is not None:
            ours |= {"worker_url": worker, "worker_key": KEY}
        return Member(
            self,
            "serve",
            {
                **(groups or {}),
                "server": {"data_dir": self.folder / "data", **(groups or {}).get("server", {})},
                "database": {"url": self._url},
                "accounts": PEPPER,
                "credits": {"welcome_seconds": welcome_seconds},
                "limits": {"key_requests_per_minute": 100_000, "address_requests_per_minute": 100_000},
                "speech": {"engine": "tone", "workers": 1},
                "jam": ours,
            },
        )

    def worker(self, **jam: object) -> Member:
        return Member(self, "worker", {"jam": {"engine": "metronome", "worker_key": KEY, **jam}})

    def musician(self, gateway: Member, name: str = "ada") -> Musician:
        musician = Musician(gateway.address, name)
        self._musicians.append(musician)
        return musician

    def in_thread(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        return self._threads.submit(function, *args)

    def sessions(self) -> list[JamSession]:
        return asyncio.run(self._read())[0]

    def session(self, session_id: str) -> JamSession:
        (found,) = (one for one in self.sessions() if one.id == session_id)
        return found

    def billed(self, session_id: str, seconds: float = 1.0) -> float:
        """Wait until so much is written down; how much it is."""
        until(lambda: self.session(session_id).total >= seconds * 1_000_000, PATIENCE_SECONDS)
        return self.session(session_id).total / 1_000_000

    def closed(self, session_id: str) -> JamSession:
        """Wait until it is."""
        until(lambda: self.session(session_id).state == "closed", PATIENCE_SECONDS)
        return self.session(session_id)

    def assert_right(self, welcome: int = WELCOME) -> None:
        """Nothing is open, nothing is held, nobody paid for more than there was, and nothing is charged any more."""
        sessions, balances = asyncio.run(self._read(verified=True))
        for one in sessions:
            assert one.state == "closed", one
            assert one.closed is not None
            assert one.total <= (one.closed - one.created).total_seconds() * 1_000_000, one
            assert one.charged_micro == one.total or one.close_reason == "credits_exhausted", one
        for owner, has in balances.items():
            assert has.held == 0
            assert has.posted == welcome - sum(one.charged_micro for one in sessions if one.owner == owner)
        time.sleep(3 * POLL_SECONDS)
        assert asyncio.run(self._read(verified=True)) == (sessions, balances)

    async def _read(self, *, verified: bool = False) -> tuple[list[JamSession], dict[str, Balance]]:
        """What the books say. verified: and that they are right, which can be seen only when nothing changes them."""
        database = Database.open(self._url)
        try:
            async with database.read() as tx:
                assert not verified or await verify(tx) == []
                rows = (await tx.execute(select(jam_sessions).order_by(jam_sessions.c.id))).mappings().all()
                sessions = [JamSession(**row) for row in rows]
                return sessions, {one.owner: await balance(tx, one.owner) for one in sessions}
        finally:
            await database.close()


def go_on_at(musician: Musician, gateway: Member) -> None:
    musician.http.base_url = gateway.address


def code_of(musician: Musician, route: str, session_id: str, **fields: Any) -> str:
    """Why that is refused."""
    answer = musician.ask(route, session_id, **fields)
    assert not answer.is_success, answer.text
    return str(answer.json()["code"])


def heard(musician: Musician, session_id: str, index: int) -> Samples:
    """The chunk with that index, which is a second long and follows the one before; it is consumed."""
    samples, told = musician.chunk(session_id, index=index)
    assert (told["index"], told["start_sample"], len(samples)) == (index, index * RATE_HZ, RATE_HZ)
    musician.post("consume", session_id, chunk_index=index)
    return samples


class Lived:
    """How long something has lasted at most, so far."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun


def waiting_for_the_far_future(place: Place, who: Musician, session_id: str) -> Callable[[], httpx.Response]:
    """Somebody asks for a chunk that will not be made soon; what gives the answer that they got."""
    query: dict[str, Any] = {"session_id": session_id, "index": 900, "timeout_seconds": 25}
    asking = place.in_thread(lambda: who.http.get("/jam/next", params=query))
    time.sleep(2 * POLL_SECONDS)
    return asking.result
