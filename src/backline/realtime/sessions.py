"""The live sessions of one process, so that they can be told when it goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from backline.errors import BacklineError, Unavailable


class Session(Protocol):
    def leave(self, reason: BacklineError) -> None:
        """Begin nothing new; tell the client why, and end once what was begun is finished."""
        ...


class Sessions:
    def __init__(self) -> None:
        self._present: set[Session] = set()
        self._changed = asyncio.Event()
        self._draining = False

    def __len__(self) -> int:
        return len(self._present)

    @contextmanager
    def present(self, session: Session) -> Iterator[None]:
        """Around the life of a session. Raises Unavailable once the server is going away."""
        if self._draining:
            raise _going_away()
        self._present.add(session)
        try:
            yield
        finally:
            self._present.remove(session)
            self._changed.set()

    async def drain(self) -> None:
        """Tell every session to end, and wait until the last one has."""
        self._draining = True
        for session in list(self._present):
            session.leave(_going_away())
        while self._present:
            self._changed.clear()
            await self._changed.wait()


def _going_away() -> Unavailable:
    return Unavailable("The server is going away. Try again.", code="draining", retry_after_seconds=5)
