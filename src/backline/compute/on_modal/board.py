"""What running jobs tell of themselves, read whole and for all that ask.

One read costs a fixed part and a little for each entry; so what is read is believed for longer the more there is, and a
process with 500 running jobs spends no more on it than one with ten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from backline.clock import Monotonic, monotonic
from backline.compute.on_modal import names
from backline.compute.on_modal.connection import ModalApp
from backline.compute.on_modal.entry import Entry, entry_of
from backline.compute.on_modal.sdk_loop import dict_items
from backline.errors import BacklineError
from backline.observability.logging import get_logger

_BELIEVED_SECONDS = 0.02
_EACH_SECONDS = 0.008
"""So 500 are read every four seconds; their jobs ask every five."""

_AFTER_FAILURE_SECONDS = 1.0


class Board:
    def __init__(self, app: ModalApp, clock: Monotonic = monotonic) -> None:
        self._app = app
        self._name = names.board(app.name)
        self._clock = clock
        self._entries: Mapping[str, Any] = {}
        self._gone: set[str] = set()
        self._failure: BacklineError | None = None
        self._good_until = 0.0
        self._reading: asyncio.Task[None] | None = None

    async def entry(self, key: str) -> Entry | None:
        """As it stood a moment ago; None when there is none. Raises what `ModalApp.ask` does."""
        if self._clock() >= self._good_until:
            await self._read_once()
        if self._failure is not None:
            raise self._failure
        data = self._entries.get(key)
        return None if data is None or key in self._gone else _understood(data)

    async def remove(self, key: str) -> None:
        """Never raises: what stays is forgotten by Modal itself, a week later."""
        self._gone.add(key)
        try:
            await self._app.ask(lambda: self._app.dict_(self._name).pop.aio(key, None))
        except BacklineError as error:
            get_logger().warning("modal.board_not_cleared", entry=key, code=error.code)

    async def _read_once(self) -> None:
        """Whoever comes while it is being read waits for the same reading, which nobody's leaving ends."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.ensure_future(self._read())
        await asyncio.shield(self._reading)

    async def _read(self) -> None:
        try:
            self._entries = await self._app.ask(lambda: dict_items.aio(self._app.dict_(self._name)))
        except BacklineError as error:
            self._failure, pause = error, _AFTER_FAILURE_SECONDS
        else:
            self._failure, pause = None, max(_BELIEVED_SECONDS, _EACH_SECONDS * len(self._entries))
            self._gone &= self._entries.keys()
        self._good_until = self._clock() + pause

    async def aclose(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)


def _understood(data: object) -> Entry | None:
    try:
        return entry_of(data) if isinstance(data, Mapping) else None
    except TypeError:
        return None
