"""One jam session on Modal, as this gateway plays it: on one container, and on another when that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from backline.clock import Monotonic, monotonic
from backline.compute.jam_over_http import JamOverHttp
from backline.compute.on_modal.jam_finding import Finder, Found, session_not_found
from backline.compute.on_modal.jam_keeping import Keeping
from backline.compute.on_modal.jam_rooms import JamRooms
from backline.compute.on_modal.jam_snapshot import (
    News,
    Place,
    Record,
    chunk_through,
    closed_status,
    seen_through,
    warming_status,
)
from backline.compute.on_modal.jam_store import JamStore
from backline.compute.on_modal.jam_whereabouts import Moving, Whereabouts
from backline.engines.jam.orders import ChunkFormat, JamChange, JamChunk, JamOptions, JamStatus
from backline.engines.jam.session import session_closed
from backline.errors import BacklineError, NotFound
from backline.observability.logging import get_logger

_DRAINED = "shutdown"
"""The close reason of a worker that goes away: the session goes on elsewhere."""

_WRITE_SECONDS = 5.0
"""How long a jam that begins is waited for to be in the Dict."""


@dataclass(frozen=True, slots=True)
class SessionRules:
    """engine, idle_seconds: told of a session that has no container yet. patience_seconds: how long a warm-up is waited
    for. limit_seconds: after which a session that plays nowhere is given up. silent_seconds: as for `Whereabouts`."""

    engine: str = ""
    idle_seconds: float = 120.0
    patience_seconds: float = 110.0
    limit_seconds: float = 600.0
    silent_seconds: float = 30.0


class SessionOnModal:
    """record, news: as they were found, or made. on_end: called once when it is over, with its figures; None:
    the Dict may know more."""

    def __init__(
        self,
        session_id: str,
        record: Record,
        news: News,
        store: JamStore,
        rooms: JamRooms,
        rules: SessionRules,
        on_end: Callable[[JamStatus | None], None],
        clock: Monotonic = monotonic,
    ) -> None:
        self._id = session_id
        self._record = record
        self._store = store
        self._rooms = rooms
        self._rules = rules
        self._on_end = on_end
        self._kept = Keeping(session_id, news, store)
        self._where = Whereabouts(self._search, self._has_ended, rules.silent_seconds, clock)
        self._finder = Finder(session_id, store, rooms, self._begin, self._where.looked.set, clock)
        self._clock = clock
        self._rate_hz: int | None = None
        self._lost_at: float | None = None
        self._ending: asyncio.Task[JamStatus] | None = None

    async def warm_up(self) -> JamStatus:
        """Warm, or after the patience still warming. Raises why there is no container for it."""
        await self._where.wait(self._rules.patience_seconds)
        return await self.status()

    async def status(self) -> JamStatus:
        return await self._told(lambda link, inner: link.status(inner))

    async def peek(self) -> JamStatus:
        return await self._told(lambda link, inner: link.peek(inner))

    async def start(self, loop: bytes, options: JamOptions) -> None:
        await self._where.ask(lambda found: found.link.start(found.session_id, loop, options))
        with suppress(BacklineError, TimeoutError):  # it plays, whoever will know of it
            await asyncio.wait_for(self._kept.begin_jam(loop, options), _WRITE_SECONDS)

    async def next(self, timeout_seconds: float, chunk_format: ChunkFormat, index: int | None) -> JamChunk | None:
        """None also when the session has not come to its next container by then."""
        until = self._clock() + timeout_seconds
        while True:
            await self._where.wait(max(0.0, until - self._clock()))
            try:
                return await self._next(max(0.0, until - self._clock()), chunk_format, index)
            except Moving:
                if self._clock() >= until:
                    return None

    async def consume(self, index: int) -> None:
        """What a container made that is gone is gone with it."""

        async def consume(found: Found) -> None:
            inner = index - found.place.base.following
            if inner >= 0:
                await found.link.consume(found.session_id, inner)

        with suppress(Moving):
            await self._where.ask(consume)

    async def update(self, change: JamChange) -> None:
        await self._where.ask(lambda found: found.link.update(found.session_id, change))
        self._kept.change_jam(lambda jam: jam.changed(change))

    async def reseed(self, loop: bytes | None) -> None:
        await self._where.ask(lambda found: found.link.reseed(found.session_id, loop))
        self._go_on_from(loop)

    async def reseed_splice(self, loop: bytes | None, anchor_bars: float) -> None:
        await self._where.ask(lambda found: found.link.reseed_splice(found.session_id, loop, anchor_bars))
        self._go_on_from(loop)

    async def stop(self) -> None:
        await self._where.ask(lambda found: found.link.stop(found.session_id))
        self._kept.change_jam(lambda jam: replace(jam, stopped=True))

    async def close(self, reason: str) -> JamStatus:
        """The end, also where nobody can be asked: what is billed then is what was known last."""
        return await self._end(lambda: self._closed(reason))

    async def leave(self) -> None:
        """This gateway goes; others go on with it."""
        with suppress(BacklineError):
            await self._kept.write()
        await self._kept.close()
        await self._where.aclose()

    async def _told(self, ask: Callable[[JamOverHttp, str], Awaitable[JamStatus]]) -> JamStatus:
        """What its container says; how it stood last while it has none."""

        async def told(found: Found) -> JamStatus:
            return await self._seen(found, await ask(found.link, found.session_id))

        try:
            return await self._where.ask(told)
        except Moving:
            return self._as_known()

    async def _seen(self, found: Found, status: JamStatus) -> JamStatus:
        """What that means for the whole session; it may be the end of it, or of its stay there."""
        whole = self._whole(found, status)
        self._kept.mark(lambda one: replace(one, marks=one.marks.billed(whole.billable_elapsed_seconds)))
        if status.billing_state != "closed":
            self._kept.see(whole)
            self._lost_at = None
            return whole
        if status.close_reason == _DRAINED:
            self._where.lose(found)
            return self._as_known()
        return await self._end(lambda: _now(whole))

    def _whole(self, found: Found, status: JamStatus) -> JamStatus:
        whole = seen_through(found.place, status, self._kept.news.status)
        return replace(whole, session_id=self._id)

    def _as_known(self) -> JamStatus:
        """Time stands still while nothing plays it."""
        news = self._kept.news
        known = news.status or warming_status(
            self._id, self._record.made_at, self._rules.engine, self._rules.idle_seconds
        )
        return replace(known, billable_elapsed_seconds=news.marks.billed_seconds) if known.warmed else known

    async def _has_ended(self, found: Found) -> bool:
        try:
            status = await found.link.peek(found.session_id)
        except BacklineError:  # it is gone; how the session stands, nobody says
            return False
        return (await self._seen(found, status)).billing_state == "closed"

    async def _next(self, seconds: float, chunk_format: ChunkFormat, index: int | None) -> JamChunk | None:
        async def next_there(found: Found) -> JamChunk | None:
            jams, base = self._kept.news.marks.jams, found.place.base
            if index is not None and index < base.following:
                raise NotFound("This chunk cannot be had again.", code="chunk_gone")
            if found.place.silent and jams == base.jams:
                return None
            inner = None if index is None else index - base.following
            chunk = await found.link.next(found.session_id, seconds, chunk_format, inner)
            return None if chunk is None else chunk_through(found.place, self._kept.news.marks.jams, chunk)

        chunk = await self._where.ask(next_there)
        if chunk is not None:
            self._passed(chunk)
        return chunk

    def _passed(self, chunk: JamChunk) -> None:
        self._rate_hz = chunk.metadata.sample_rate
        self._kept.mark(lambda one: replace(one, marks=one.marks.passed(chunk)))
        jam = self._kept.news.jam
        if jam is not None and jam.options.seed is None:  # another container would take another
            seed = chunk.metadata.seed
            self._kept.change_jam(lambda one: replace(one, options=replace(one.options, seed=seed)))

    def _go_on_from(self, loop: bytes | None) -> None:
        if loop is None:
            return
        self._kept.keep_loop(loop)
        if (rate_hz := self._rate_hz) is not None:  # that of the first loop, which is not there any more
            self._kept.change_jam(lambda one: replace(one, options=replace(one.options, target_sample_rate=rate_hz)))

    # From one container to the next

    async def _search(self, last: Found | None) -> Found:
        if last is not None and self._lost_at is None:
            self._lost_at = self._clock()
        with suppress(BacklineError):  # so that whoever opens it goes on from here; else from what was written last
            await self._kept.write()
        status = self._kept.news.status
        warming = status is None or not status.warmed
        waited = self._store.now - self._record.made_at if warming else self._clock() - (self._lost_at or self._clock())
        try:
            return await self._finder.find(last, self._rules.limit_seconds - waited, once=warming)
        except BacklineError as error:
            raise await self._given_up(error, warming=warming) from None

    async def _begin(self, found: Found, news: News) -> None:
        if news.jam is None or news.jam.stopped:
            return
        loop = await self._kept.loop()
        if loop is None:  # its gateway went before it was written
            get_logger().warning("jam.loop_lost", session=self._id)
            return
        await found.link.start(found.session_id, loop, news.jam.options)

    async def _given_up(self, error: BacklineError, *, warming: bool) -> BacklineError:
        """What to tell when there is no container for it, and there will be none."""
        get_logger().warning("jam.given_up", session=self._id, code=error.code)
        self._on_end(None)
        if error.code in ("session_not_found", "session_closed"):  # another gateway knows more
            return error
        with suppress(BacklineError):
            await self._close_places(await self._store.forget(self._id, self._record))
        return error if warming else session_not_found()

    async def _closed(self, reason: str) -> JamStatus:
        try:
            found = await self._where.here()
            return self._whole(found, await found.link.close(found.session_id, reason))
        except BacklineError as error:
            get_logger().warning("jam.place_not_closed", session=self._id, code=error.code)
        return closed_status(self._as_known(), reason, self._store.now)

    async def _end(self, figures: Callable[[], Awaitable[JamStatus]]) -> JamStatus:
        """Once; whoever leaves meanwhile does not stop it."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._finish(figures))
        return await asyncio.shield(self._ending)

    async def _finish(self, figures: Callable[[], Awaitable[JamStatus]]) -> JamStatus:
        status = await figures()
        self._on_end(status)
        await self._where.end(session_closed())
        await self._kept.close()
        try:
            await self._close_places(await self._store.end(self._id, replace(self._record, ended=status)))
        except BacklineError as error:
            get_logger().warning("jam.place_not_closed", session=self._id, code=error.code)
        return status

    async def _close_places(self, places: list[Place]) -> None:
        await asyncio.gather(*map(self._rooms.close, places))


async def _now(status: JamStatus) -> JamStatus:
    return status
