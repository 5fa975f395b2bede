"""What many ask for at the same time is looked up once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """For one event loop."""

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    async def of(self, key: Hashable, look: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `look` returns or raises; that of a call for the same key which still runs, where there is one."""
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(look())
            task.add_done_callback(lambda _task: self._running.pop(key))
        return await asyncio.shield(task)
