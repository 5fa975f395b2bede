"""Threads that hand things on to one another; when one fails, or all are told to, every one of them ends."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """Raised in a stage that waits while all are being ended."""


class Stages:
    """`changed` guards everything here and in the queues."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.stopped = False
        self._failure: BaseException | None = None
        self._threads: list[threading.Thread] = []

    def start(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._run, args=(work,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def ended(self, within_seconds: float) -> bool:
        """Wait. Returns whether all have ended; raises what the first that failed has raised."""
        for thread in self._threads:
            thread.join(within_seconds)
            if thread.is_alive():
                break
        if self._failure is not None:
            raise self._failure
        return not self.alive

    @property
    def alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def stop(self, within_seconds: float) -> None:
        """All end where they next wait or look; their ends are waited for."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()
        deadline = monotonic() + within_seconds
        for thread in self._threads:
            thread.join(max(deadline - monotonic(), 0))

    def look(self) -> None:
        """Raises Stopped when all are being ended. For stages between two things that take long."""
        if self.stopped:
            raise Stopped

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where all are waited for
            with self.changed:
                self._failure = self._failure or error
                self.stopped = True
                self.changed.notify_all()


class Queue(Generic[T]):
    """From one stage to the next: at most `size` things at a time. None is the end."""

    def __init__(self, stages: Stages, size: int) -> None:
        self._stages, self._size = stages, size
        self._things: deque[T | None] = deque()

    def __len__(self) -> int:
        return len(self._things)

    def put(self, thing: T | None) -> None:
        """Waits for room."""
        with self._stages.changed:
            while len(self._things) >= self._size and not self._stages.stopped:
                self._stages.changed.wait()
            self._stages.look()
            self._things.append(thing)
            self._stages.changed.notify_all()

    def get(self) -> T | None:
        with self._stages.changed:
            while not self._things and not self._stages.stopped:
                self._stages.changed.wait()
            self._stages.look()
            thing = self._things.popleft()
            self._stages.changed.notify_all()
            return thing
