"""Folders on this machine for films while they are rendered. A killed process leaves its own; they are known by a lock
that nobody holds any more, and removed by whoever comes next."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path


class Scratch:
    """root: made when it is needed; processes of one machine may share it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @asynccontextmanager
    async def folder(self, job_id: str, attempt: int) -> AsyncIterator[Path]:
        """A new folder, until the block ends."""
        path = self._root / f"{job_id}-{attempt}"
        lock = await asyncio.to_thread(self._make, path)
        try:
            yield path
        finally:
            await asyncio.shield(asyncio.to_thread(_remove, path, lock))

    async def sweep(self) -> None:
        """Remove what dead processes left."""
        await asyncio.to_thread(self._sweep)

    def _make(self, path: Path) -> int:
        self._sweep()
        hidden = path.with_name(f".{path.name}")  # until it is locked
        hidden.mkdir(parents=True)
        lock = os.open(hidden / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        hidden.rename(path)
        return lock

    def _sweep(self) -> None:
        for path in self._root.glob("[!.]*"):
            try:
                lock = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # being made, or being removed
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
            else:
                _remove(path, lock)


def _remove(path: Path, lock: int) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(path)
    os.close(lock)
