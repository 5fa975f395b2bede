"""Blocking file work, off the event loop and within a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from backline.storage.failures import within

P = ParamSpec("P")
T = TypeVar("T")

WORKERS = 8


class FileThreads:
    """Own threads, so that a disk that hangs holds up the store and not the rest of the process.

    A call that is cancelled or takes too long runs on in its thread: what it touches needs a lock of its own.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._executor = ThreadPoolExecutor(WORKERS, thread_name_prefix="storage")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        async with within(self._seconds):
            return await asyncio.wrap_future(self._executor.submit(function, *args, **kwargs))

    async def finish(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> None:
        """Do it even if the caller is cancelled meanwhile: for clean-up."""
        await asyncio.shield(self.run(function, *args, **kwargs))

    def close(self) -> None:
        self._executor.shutdown(wait=False)
