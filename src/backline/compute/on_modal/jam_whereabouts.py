"""Where a session is played now, and the way to the next container when that one is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from backline.clock import Monotonic, monotonic
from backline.compute.jam_requests import PlaceGone
from backline.compute.on_modal.jam_finding import Found
from backline.errors import BacklineError, Conflict, NotFound, Unavailable
from backline.observability.logging import get_logger

T = TypeVar("T")

_SILENT = ("worker_unreachable", "worker_failed", "worker_rubbish")


class Moving(Unavailable):
    """Nothing plays it at the moment."""

    default_code = "worker_unreachable"


class Whereabouts:
    """search: finds the container that comes after the last one, or opens it. has_ended: asked when a container says
    that the session is closed there; whether that is its end. silent_seconds: after which a container that does not
    answer, though nobody says that it is gone, is left.
    """

    def __init__(
        self,
        search: Callable[[Found | None], Awaitable[Found]],
        has_ended: Callable[[Found], Awaitable[bool]],
        silent_seconds: float,
        clock: Monotonic = monotonic,
    ) -> None:
        self.looked = asyncio.Event()
        """Set as soon as it is known whether the container is to be had at once."""
        self._search = search
        self._has_ended = has_ended
        self._silent_seconds = silent_seconds
        self._clock = clock
        self._found: Found | None = None
        self._last: Found | None = None
        self._left: list[Found] = []
        self._silent_since: float | None = None
        self._searching: asyncio.Task[None] | None = None
        self._failure: BacklineError | None = None
        self._asking = 0

    async def wait(self, seconds: float) -> None:
        """Until there is a container, or so long. Raises why there will be none."""
        self._begin()
        if self._searching is not None:
            await asyncio.wait({self._searching}, timeout=seconds)
        if self._failure is not None:
            raise self._failure

    async def here(self) -> Found:
        """Raises Moving while it plays nowhere, and why there will be no container."""
        self._begin()
        if self._found is None:
            await self.looked.wait()
        if self._failure is not None:
            raise self._failure
        if self._found is None:
            raise _moving()
        return self._found

    async def ask(self, call: Callable[[Found], Awaitable[T]]) -> T:
        """Raises what the container says, and Moving when it is gone."""
        found = await self.here()
        self._asking += 1
        try:
            answer = await call(found)
        except PlaceGone:
            raise self.lose(found) from None
        except (NotFound, Conflict) as error:
            if self._failure is not None:
                raise self._failure from None
            unknown = error.code == "session_not_found"
            if unknown or (error.code == "session_closed" and not await self._has_ended(found)):
                raise self.lose(found) from None
            raise
        except Unavailable as error:
            if error.code in _SILENT and self._silent_for_too_long():
                raise self.lose(found) from None
            raise
        finally:
            self._asking -= 1
            if self._failure is not None and not self._asking:
                await self.aclose()
        self._silent_since = None
        return answer

    def lose(self, found: Found) -> BacklineError:
        """It is not played there any more. What to raise."""
        if self._failure is not None:
            return self._failure
        if found is self._found:
            get_logger().warning("jam.place_lost", session=found.session_id, number=found.number)
            self._left.append(found)  # others may still wait for an answer of it
            self._found, self._last, self._silent_since = None, found, None
            self.looked.clear()
            self._begin()
        return _moving()

    async def end(self, failure: BacklineError) -> None:
        """Whoever asks from now on is told this, and who waits for an answer has it; a search is over."""
        self._failure = failure
        self.looked.set()
        await self._stop()
        if not self._asking:
            await self.aclose()

    async def aclose(self) -> None:
        await self._stop()
        links = [one.link for one in (*self._left, self._found) if one is not None]
        self._left, self._found = [], None
        for link in links:
            await link.aclose()

    async def _stop(self) -> None:
        if self._searching is not None:
            self._searching.cancel()
            await asyncio.wait({self._searching})

    def _begin(self) -> None:
        if self._found is None and self._searching is None and self._failure is None:
            self._searching = asyncio.create_task(self._settle())

    async def _settle(self) -> None:
        try:
            self._found = await self._search(self._last)
        except BacklineError as error:
            self._failure = error
        finally:
            self._searching = None
            self.looked.set()

    def _silent_for_too_long(self) -> bool:
        now = self._clock()
        if self._silent_since is None:
            self._silent_since = now
        return now - self._silent_since >= self._silent_seconds


def _moving() -> Moving:
    return Moving("The session moves to another machine. Try again.", retry_after_seconds=2.0)
