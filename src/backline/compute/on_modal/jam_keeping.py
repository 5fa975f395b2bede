"""What this gateway learns of a session, written to the Dict beside the calls and not within them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from backline.compute.on_modal.jam_snapshot import Jam, Record
from backline.compute.on_modal.jam_store import JamStore
from backline.errors import BacklineError
from backline.observability.logging import get_logger

_PAUSE_SECONDS = 1.0
"""Between two writings."""

Change = Callable[[Record], Record]


class Keeping:
    """record: as it is here, with all that is still to be written. Changes are applied to what the Dict has by then,
    since other gateways write there too."""

    def __init__(self, session_id: str, record: Record, store: JamStore) -> None:
        self.record = record
        self._id = session_id
        self._store = store
        self._unwritten: list[Change] = []
        self._loop: bytes | None = None
        self._loop_written = True
        self._turn = asyncio.Lock()
        self._writing: asyncio.Task[None] | None = None

    def change(self, change: Change) -> None:
        self.record = change(self.record)
        self._unwritten.append(change)
        self._begin()

    def change_jam(self, change: Callable[[Jam], Jam]) -> None:
        self.change(lambda one: one if one.jam is None else replace(one, jam=change(one.jam)))

    def keep_loop(self, loop: bytes) -> None:
        """What the jam would be begun from again. One that is too large for the Dict is known to this gateway only."""
        self._loop, self._loop_written = loop, False
        self._begin()

    async def loop(self) -> bytes | None:
        return await self._store.loop(self._id) if self._loop is None else self._loop

    async def write(self) -> None:
        """All that is unwritten. Raises what the store does; then it is still unwritten."""
        async with self._turn:
            changes = list(self._unwritten)
            if changes:
                written = await self._store.change(self._id, lambda record: _all(changes, record))
                del self._unwritten[: len(changes)]
                if written is not None:
                    self.record = _all(self._unwritten, written)
            if not self._loop_written:
                await self._write_loop()

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

    async def close(self) -> None:
        """Write no more."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait({self._writing})

    def _begin(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_on())

    async def _write_on(self) -> None:
        while self._unwritten or not self._loop_written:
            try:
                await self.write()
            except BacklineError as error:
                get_logger().warning("jam.place_not_told", session=self._id, code=error.code)
            await asyncio.sleep(_PAUSE_SECONDS)


def _all(changes: list[Change], record: Record) -> Record:
    for change in changes:
        record = change(record)
    return record
