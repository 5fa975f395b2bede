"""The container of a session: found in the Dict, or opened by one of the gateways that look for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from backline.clock import Monotonic, monotonic
from backline.compute.jam_over_http import JamOverHttp
from backline.compute.jam_requests import PlaceGone
from backline.compute.on_modal.jam_rooms import JamRooms
from backline.compute.on_modal.jam_snapshot import News, Place
from backline.compute.on_modal.jam_store import JamStore
from backline.engines.jam.session import session_closed
from backline.errors import BacklineError, Busy, Conflict, Invalid, NotFound, Unavailable
from backline.ids import id_of
from backline.observability.logging import get_logger

_TELL_SECONDS = 5.0
"""How often who opens a container tells that it still does."""

_STALE_SECONDS = 30.0
"""After so long without, it is taken to be dead."""

_WRITTEN_SECONDS = 1.0
"""What a gateway learned before a container was lost is in the Dict by then (`Keeping`)."""

_LOOK_SECONDS = 0.5
_PAUSES_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Found:
    """Where a session is played. number: of the container, counted from 1."""

    number: int
    place: Place
    link: JamOverHttp

    @property
    def session_id(self) -> str:
        """By which the container knows it."""
        return self.place.session_id


Begin = Callable[[Found, News], Awaitable[None]]


class Finder:
    """For one session. begin: makes a fresh container play what the news say. on_wait: called when it is not to be had
    at once."""

    def __init__(
        self,
        session_id: str,
        store: JamStore,
        rooms: JamRooms,
        begin: Begin,
        on_wait: Callable[[], None],
        clock: Monotonic = monotonic,
    ) -> None:
        self._id = session_id
        self._store = store
        self._rooms = rooms
        self._begin = begin
        self._on_wait = on_wait
        self._clock = clock
        self._number = 0
        self._failed = 0
        self._told: tuple[float, float] | None = None

    async def find(self, last: Found | None, limit_seconds: float, *, once: bool) -> Found:
        """last: the container that was left; it may answer again. once: what fails for a reason is not tried again
        until the limit.

        Raises NotFound `session_not_found` and Conflict `session_closed` for a session that is none any more, what
        Modal says, and Unavailable when nothing was found by then.
        """
        until = self._clock() + limit_seconds
        failures = 0
        while True:
            try:
                found = await self._try(last, until)
            except (NotFound, Conflict):
                raise
            except BacklineError as error:
                passing = isinstance(error, (Busy, PlaceGone))
                if self._clock() >= until or (once and not passing):
                    raise
                get_logger().warning("jam.place_not_opened", session=self._id, code=error.code)
                self._on_wait()
                await asyncio.sleep(_PAUSES_SECONDS[min(failures, len(_PAUSES_SECONDS) - 1)])
                failures += 1
                continue
            if found is not None:
                return found
            if self._clock() >= until:
                raise Unavailable("No container was found in time.", code="worker_unreachable")
            self._on_wait()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _try(self, last: Found | None, until: float) -> Found | None:
        """None: another gateway is opening it."""
        gone = max(self._failed, 0 if last is None else last.number)
        await self._check_open()
        self._number, place = await self._store.newest_place(self._id, max(self._number, gone))
        if place is not None and self._number > gone:
            if place.ready:
                return self._found(place)
            if not self._stale(place):
                return None
        if last is not None and last.number == self._number and await self._answers(last):
            return last
        self._on_wait()
        if place is not None:
            await self._rooms.close(place)
        number = self._number + 1
        inner = self._id if number == 1 else id_of("jam", self._id, str(number))
        mine = Place(inner, self._store.me, told_at=self._store.now)
        if not await self._store.claim(self._id, number, mine):
            return None
        self._number = number
        return await self._open(mine, until)

    async def _check_open(self) -> None:
        """Another gateway may have ended it."""
        record = await self._store.find(self._id)
        if record is None:
            raise session_not_found()
        if record.ended is not None:
            raise session_closed()

    async def _answers(self, last: Found) -> bool:
        """Whether it was the way there that was broken, and not the container."""
        try:
            return (await last.link.peek(last.session_id)).billing_state != "closed"
        except BacklineError:
            return False

    def _found(self, place: Place) -> Found:
        return Found(self._number, place, self._rooms.link(place))

    def _stale(self, place: Place) -> bool:
        """By our own clock: those of two machines may differ."""
        if self._told is None or self._told[0] != place.told_at:
            self._told = (place.told_at, self._clock())
        return self._clock() - self._told[1] > _STALE_SECONDS

    async def _open(self, place: Place, until: float) -> Found:
        found: Found | None = None
        try:
            async with self._telling(place):
                url, token = await self._rooms.open(max(1.0, until - self._clock()))
            place = replace(place, url=url, token=token)
            found = self._found(place)
            async with self._telling(place):
                found = await self._begin_there(found, until)
            place = replace(found.place, ready=True, told_at=self._store.now)
            await self._store.tell(self._id, self._number, place)
            await self._check_open()
        except BaseException:
            self._failed = self._number
            if found is not None:
                await found.link.aclose()
            await self._rooms.close(place)
            raise
        get_logger().info("jam.place_opened", session=self._id, number=self._number)
        return replace(found, place=place)

    async def _begin_there(self, found: Found, until: float) -> Found:
        """With what it goes on from, as all gateways have written it by then."""
        begun = self._clock()
        try:
            while not (await found.link.warm_up(found.session_id)).warmed:
                if self._clock() >= until:
                    raise Unavailable("The engine was not loaded in time.", code="worker_unreachable")
            if found.number > 1:
                await asyncio.sleep(max(0.0, _WRITTEN_SECONDS - (self._clock() - begun)))
            news = await self._store.news(self._id)
            await self._begin(found, news)
            base = news.marks
            if found.number > 1:  # what it has counted by now was not played
                counted = (await found.link.peek(found.session_id)).billable_elapsed_seconds or 0.0
                base = replace(base, billed_seconds=base.billed_seconds - counted)
            stopped = news.jam is not None and news.jam.stopped
            return replace(found, place=replace(found.place, base=base, silent=stopped))
        except (NotFound, Conflict, Invalid) as error:  # of this container, and not of the session
            raise Unavailable("The jam could not be begun on this machine.", code="worker_failed") from error

    @asynccontextmanager
    async def _telling(self, place: Place) -> AsyncIterator[None]:
        """Meanwhile other gateways see that somebody does it."""

        over = asyncio.Event()

        async def tell() -> None:
            while not over.is_set():
                with suppress(BacklineError):
                    await self._store.tell(self._id, self._number, replace(place, told_at=self._store.now))
                with suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), _TELL_SECONDS)

        telling = asyncio.create_task(tell())
        try:
            yield
        finally:
            over.set()  # and not cancelled: what is on its way must not arrive after what is told next
            await telling


def session_not_found() -> NotFound:
    return NotFound("There is no such session.", code="session_not_found")
