"""Hints that something has happened, so that nobody has to wait for the next look at the table.

Only hints: they may be lost, doubled or late, and every listener looks at the table by itself now and then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum


class News(StrEnum):
    QUEUED = "queued"
    CANCEL = "cancel"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Hint:
    news: News
    job_id: str

    def __str__(self) -> str:
        return f"{self.news}:{self.job_id}"

    @classmethod
    def parse(cls, text: str) -> Hint | None:
        """None for what is no hint."""
        news, _, job_id = text.partition(":")
        return cls(News(news), job_id) if news in set(News) else None


Listener = Callable[[Hint], None]


class Hints:
    """Within one process; all calls from one event loop."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    @contextmanager
    def told_to(self, listener: Listener) -> Iterator[None]:
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def tell(self, hint: Hint) -> None:
        for listener in list(self._listeners):
            listener(hint)
