"""What this gateway learns of a session, written to the Dict beside the calls and not within them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from backline.compute.on_modal.jam_snapshot import Jam, News
from backline.compute.on_modal.jam_store import JamStore
from backline.engines.jam.orders import JamOptions, JamStatus
from backline.errors import BacklineError
from backline.observability.logging import get_logger

_PAUSE_SECONDS = 0.5
"""Between two writings."""

Change = Callable[[Jam], Jam]


class Keeping:
    """news: all that is known here, with what is still to be written."""

    def __init__(self, session_id: str, news: News, store: JamStore) -> None:
        self.news = news
        self._id = session_id
        self._store = store
        self._written = True
        self._changes: list[Change] = []
        """Of the jam, whose newest state another gateway may have written."""
        self._loop: bytes | None = None
        self._loop_written = True
        self._turn = asyncio.Lock()
        self._writing: asyncio.Task[None] | None = None

    def see(self, status: JamStatus) -> None:
        self._learn(replace(self.news, status=status))

    def mark(self, change: Callable[[News], News]) -> None:
        """How far it has come."""
        self._learn(change(self.news))

    def change_jam(self, change: Change) -> None:
        if self.news.jam is not None:
            self._changes.append(change)
            self._learn(replace(self.news, jam=change(self.news.jam)))

    def keep_loop(self, loop: bytes) -> None:
        """What the jam would be begun from again. One that is too large for the Dict is known to this gateway only."""
        self._loop, self._loop_written = loop, False
        self._begin()

    async def begin_jam(self, loop: bytes, options: JamOptions) -> None:
        """Another jam plays. Raises what the store does; then this gateway knows of it."""
        jam = Jam(options, self.news.marks.jams + 1)
        self._changes.clear()
        self.keep_loop(loop)
        self.mark(lambda one: replace(one, jam=jam, marks=one.marks.begun(jam)))
        elsewhere = await self._store.news(self._id)
        if elsewhere.marks.jams >= jam.number:
            later = replace(jam, number=elsewhere.marks.jams + 1)
            self.mark(lambda one: replace(one, jam=later, marks=one.marks.begun(later)))
        await self.write()

    async def loop(self) -> bytes | None:
        return await self._store.loop(self._id) if self._loop is None else self._loop

    async def write(self) -> None:
        """All that is unwritten. Raises what the store does; then it is still unwritten."""
        async with self._turn:
            if self._changes:
                await self._take_over_jam()
            if not self._written:
                self._written = True
                try:
                    await self._store.tell_news(self._id, self.news)
                except BaseException:
                    self._written = False
                    raise
            if not self._loop_written:
                await self._write_loop()

    async def close(self) -> None:
        """Write no more."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait({self._writing})

    async def _take_over_jam(self) -> None:
        """What is changed is the newest that any gateway knows of."""
        newest = self.news.merged(await self._store.news(self._id)).jam
        assert newest is not None
        if self.news.jam is None or newest.age > self.news.jam.age:
            for change in self._changes:
                newest = change(newest)
        else:
            newest = self.news.jam
        self._changes.clear()  # those of meanwhile, too
        self.news = replace(self.news, jam=replace(newest, revision=newest.revision + 1))

    async def _write_loop(self) -> None:
        loop = self._loop
        assert loop is not None
        try:
            await self._store.keep_loop(self._id, loop)
        except BacklineError as error:
            if error.retryable:
                raise
            get_logger().warning("jam.loop_lost", session=self._id, code=error.code)
        else:
            if loop is not self._loop:
                return
            self._loop = None
        self._loop_written = True

    def _learn(self, news: News) -> None:
        self.news = replace(news, seen_at=self._store.now)
        self._written = False
        self._begin()

    def _begin(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_on())

    async def _write_on(self) -> None:
        while not (self._written and self._loop_written):
            try:
                await self.write()
            except BacklineError as error:
                get_logger().warning("jam.place_not_told", session=self._id, code=error.code)
            await asyncio.sleep(_PAUSE_SECONDS)
