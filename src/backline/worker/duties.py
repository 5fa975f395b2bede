"""What one worker does, as whoever ends it sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol


class Duty(Protocol):
    """Sessions of jams, or units of speech."""

    draining: bool

    @property
    def count(self) -> int:
        """Of those that are not over."""
        ...

    async def drain(self) -> None:
        """Take nothing new; returns once all is over."""
        ...


def _nothing() -> None:
    pass


class Duties:
    """All of a worker's. on_fault: called when a GPU is broken; whoever runs the worker ends it then."""

    def __init__(self, duties: Sequence[Duty]) -> None:
        self.on_fault: Callable[[], None] = _nothing
        self._duties = duties

    @property
    def draining(self) -> bool:
        return any(duty.draining for duty in self._duties)

    @property
    def count(self) -> int:
        return sum(duty.count for duty in self._duties)

    def fault(self) -> None:
        self.on_fault()

    async def drain(self) -> None:
        await asyncio.gather(*(duty.drain() for duty in self._duties))
