"""Live jams on Modal: one container for each session, found again by any gateway, and opened anew when it is gone."""

from __future__ import annotations

import asyncio
import math

from backline.clock import Monotonic, monotonic
from backline.compute.on_modal.connection import ModalApp
from backline.compute.on_modal.jam_finding import session_not_found
from backline.compute.on_modal.jam_rooms import JamRooms
from backline.compute.on_modal.jam_session import SessionOnModal, SessionRules
from backline.compute.on_modal.jam_snapshot import News, Record
from backline.compute.on_modal.jam_store import ORPHAN_SECONDS, JamStore
from backline.engines.jam.check import check_session_id
from backline.engines.jam.orders import ChunkFormat, JamChange, JamChunk, JamOptions, JamStatus
from backline.engines.jam.session import session_closed
from backline.engines.jam.tombstones import Tombstones
from backline.errors import BacklineError
from backline.ids import new_id
from backline.modal_table import JamRow
from backline.observability.logging import get_logger
from backline.settings import JamSettings

_IDLE_SECONDS = 60
"""Modal's sessions live so much longer than ours: a gateway that starts again finds them."""


class JamOnModal:
    """The `JamLink` of a gateway (compute/base.py has the contract). `aclose` leaves the sessions to other gateways.

    row: of the table of what is deployed; its `max_sessions` counts over all gateways. settings: of the group `jam`.
    Its `worker_key` is there (`check_cloud`).
    """

    def __init__(
        self,
        app: ModalApp,
        row: JamRow,
        settings: JamSettings,
        rules: SessionRules | None = None,
        clock: Monotonic = monotonic,
    ) -> None:
        assert settings.worker_key is not None
        self._most = row.max_sessions
        self._rules = rules or SessionRules(row.engine or "", settings.idle_seconds)
        self._store = JamStore(app, new_id("gateway"))
        idle_seconds = math.ceil(settings.idle_seconds) + _IDLE_SECONDS
        self._rooms = JamRooms(app, settings.worker_key.get_secret_value(), idle_seconds)
        self._clock = clock
        self._sessions: dict[str, SessionOnModal] = {}
        self._ended = Tombstones(clock)
        self._sweep_at = clock()
        self._sweeping: asyncio.Task[None] | None = None

    async def warm_up(self, session_id: str) -> JamStatus:
        check_session_id(session_id)
        try:
            session = await self._session(session_id)
        except BacklineError as error:
            if error.code != "session_not_found":
                raise
            self._sweep_if_due()
            record = await self._store.admit(session_id, self._most)
            session = self._known(session_id, record, News(self._store.now))
        return await session.warm_up()

    async def status(self, session_id: str) -> JamStatus:
        return await (await self._session(session_id)).status()

    async def peek(self, session_id: str) -> JamStatus:
        try:
            return await (await self._session(session_id)).peek()
        except BacklineError:
            if (ended := self._ended.find(session_id)) is None:
                raise
            return ended

    async def start(self, session_id: str, loop: bytes, options: JamOptions) -> None:
        await (await self._session(session_id)).start(loop, options)

    async def next(
        self, session_id: str, timeout_seconds: float, chunk_format: ChunkFormat = "wav", index: int | None = None
    ) -> JamChunk | None:
        return await (await self._session(session_id)).next(timeout_seconds, chunk_format, index)

    async def consume(self, session_id: str, index: int) -> None:
        await (await self._session(session_id)).consume(index)

    async def update(self, session_id: str, change: JamChange) -> None:
        await (await self._session(session_id)).update(change)

    async def reseed(self, session_id: str, loop: bytes | None) -> None:
        await (await self._session(session_id)).reseed(loop)

    async def reseed_splice(self, session_id: str, loop: bytes | None, anchor_bars: float) -> None:
        await (await self._session(session_id)).reseed_splice(loop, anchor_bars)

    async def stop(self, session_id: str) -> None:
        await (await self._session(session_id)).stop()

    async def close(self, session_id: str, reason: str) -> JamStatus:
        try:
            return await (await self._session(session_id)).close(reason)
        except BacklineError:
            if (ended := self._ended.find(session_id)) is None:
                raise
            return ended

    async def aclose(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        await asyncio.gather(*(session.leave() for session in [*self._sessions.values()]))

    async def _session(self, session_id: str) -> SessionOnModal:
        """As this gateway knows it, or as another left it. Raises NotFound, and Conflict for one that has ended."""
        session = self._sessions.get(session_id)
        if session is not None:
            return session
        if self._ended.find(session_id) is not None:
            raise session_closed()
        record = await self._store.find(session_id)
        if record is None:
            raise session_not_found()
        if record.ended is not None:
            self._ended.put(record.ended)
            raise session_closed()
        return self._known(session_id, record, await self._store.news(session_id))

    def _known(self, session_id: str, record: Record, news: News) -> SessionOnModal:
        session = self._sessions.get(session_id)  # somebody else may have found it meanwhile
        if session is None:

            def end(status: JamStatus | None) -> None:
                self._sessions.pop(session_id, None)
                if status is not None:
                    self._ended.put(status)

            session = self._sessions[session_id] = SessionOnModal(
                session_id, record, news, self._store, self._rooms, self._rules, end, self._clock
            )
        return session

    def _sweep_if_due(self) -> None:
        if self._clock() >= self._sweep_at and (self._sweeping is None or self._sweeping.done()):
            self._sweep_at = self._clock() + ORPHAN_SECONDS
            self._sweeping = asyncio.create_task(self._sweep())

    async def _sweep(self) -> None:
        try:
            places = await self._store.sweep()
            await asyncio.gather(*map(self._rooms.close, places))
        except BacklineError as error:
            get_logger().warning("jam.not_swept", code=error.code)
