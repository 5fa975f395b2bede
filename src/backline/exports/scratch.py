"""Folders on this machine for films while they are rendered. A killed process leaves its own; they are known by a lock
that nobody holds any more, and removed by whoever comes next."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from backline.errors import Unavailable


class Scratch:
    """root: made when it is needed; processes of one machine may share it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @asynccontextmanager
    async def folder(self, job_id: str, attempt: int) -> AsyncIterator[Path]:
        """A new folder, until the block ends. Raises Unavailable `disk_full`."""
        path = self._root / f"{job_id}-{attempt}"
        making = asyncio.create_task(asyncio.to_thread(self._make, path))
        try:
            await asyncio.shield(making)
            yield path
        finally:
            lock = await asyncio.shield(making)  # a thread goes on, whoever is cancelled
            await asyncio.shield(asyncio.to_thread(_remove, path, lock))

    async def sweep(self) -> None:
        """Remove what dead processes left. Raises Unavailable `disk_full`."""
        await asyncio.to_thread(self._sweep)

    def _make(self, path: Path) -> int:
        with _room(), self._alone():
            self._remove_dead()
            path.mkdir(parents=True)
            lock = os.open(path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            return lock

    def _sweep(self) -> None:
        if self._root.is_dir():
            with _room(), self._alone():
                self._remove_dead()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody makes a folder here meanwhile: one without a lock is not a new one, but was left while it went."""
        self._root.mkdir(parents=True, exist_ok=True)
        root = os.open(self._root, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(root, fcntl.LOCK_EX)
            yield
        finally:
            os.close(root)

    def _remove_dead(self) -> None:
        for path in self._root.iterdir():
            try:
                lock = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                shutil.rmtree(path, ignore_errors=True)
                continue
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
            else:
                _remove(path, lock)


def _remove(path: Path, lock: int) -> None:
    shutil.rmtree(path, ignore_errors=True)  # what stays is removed by the next who comes
    os.close(lock)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Unavailable("There is no room left on the disk.", code="disk_full") from error
