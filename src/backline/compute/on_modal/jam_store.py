"""The Dict of open jam sessions, which all gateways share.

    jam_...                the session's record         put when it is made; as it ended for an hour after its end
    jam_.../news/gateway_… what one gateway knows of it  written by that gateway only
    jam_.../place/2        its second container         claimed by one gateway, which opens it
    jam_.../loop           what it plays on from
    seat/7                 who has it                   there are as many as sessions may be open at once

What must not happen twice is a `put` of a key that was not there.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from backline.clock import Clock, utc_now
from backline.compute.on_modal import names
from backline.compute.on_modal.connection import ModalApp
from backline.compute.on_modal.jam_snapshot import News, Place, Record
from backline.errors import Busy

T = TypeVar("T")

ORPHAN_SECONDS = 900.0
"""A session that no gateway has heard of for so long has nobody: its gateways are gone."""

_ENDED_SECONDS = 3600.0
_RETRY_SECONDS = 5.0
_LOOP_SECONDS = 60.0
"""For 50 MB."""


class JamStore:
    """me: this gateway."""

    def __init__(self, app: ModalApp, me: str, clock: Clock = utc_now) -> None:
        self.me = me
        self._app = app
        self._name = names.jam_sessions(app.name)
        self._clock = clock

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock().timestamp()

    async def find(self, session_id: str) -> Record | None:
        data = await self._ask(lambda entries: entries.get.aio(session_id))
        return None if data is None else Record.of(data)

    async def admit(self, session_id: str, most: int) -> Record:
        """A new session's record, in a free seat; the record that is there when another gateway was faster.

        Raises Busy `too_many_sessions` when all `most` seats are taken.
        """
        seat = await self._sit_down(session_id, most)
        record = Record(seat, made_at=self.now)
        if not await self._put_new(session_id, record.as_data()):
            await self._pop(f"seat/{seat}")
            return await self.find(session_id) or record
        return record

    async def news(self, session_id: str) -> News:
        """What all gateways know of it."""
        return await self._news(await self._keys(session_id))

    async def tell_news(self, session_id: str, news: News) -> None:
        await self._put(f"{session_id}/news/{self.me}", news.as_data())

    async def newest_place(self, session_id: str, known: int) -> tuple[int, Place | None]:
        """Its number and the place; known: a number that it surely has reached. None where it has none yet."""
        number = known
        place = None if known == 0 else await self._place(session_id, known)
        while (following := await self._place(session_id, number + 1)) is not None:
            number, place = number + 1, following
        return number, place

    async def claim(self, session_id: str, number: int, place: Place) -> bool:
        """Whether this gateway, and no other, is to open it."""
        return await self._put_new(_place_key(session_id, number), place.as_data())

    async def tell(self, session_id: str, number: int, place: Place) -> None:
        await self._put(_place_key(session_id, number), place.as_data())

    async def keep_loop(self, session_id: str, loop: bytes) -> None:
        await self._ask(lambda entries: entries.put.aio(f"{session_id}/loop", loop), _LOOP_SECONDS)

    async def loop(self, session_id: str) -> bytes | None:
        return await self._ask(lambda entries: entries.get.aio(f"{session_id}/loop"), _LOOP_SECONDS)

    async def end(self, session_id: str, record: Record) -> list[Place]:
        """Leave only how it ended. The containers that it had."""
        await self._put(session_id, record.as_data())
        return await self._clear(session_id, record)

    async def forget(self, session_id: str, record: Record) -> list[Place]:
        """Leave nothing. The containers that it had."""
        await self._pop(session_id)
        return await self._clear(session_id, record)

    async def sweep(self) -> list[Place]:
        """Forget the sessions that nobody looks after, and those that ended long ago. The containers that they had."""
        left: list[Place] = []
        keys = await self._keys()
        for key in keys:
            session_id = key.partition("/")[0]
            if key == session_id:
                left += await self._sweep_session(key, [one for one in keys if one.startswith(f"{key}/")])
            elif session_id == "seat":
                await self._sweep_seat(key)
            elif session_id not in keys:
                await self._pop(key)
        return left

    async def _sweep_session(self, session_id: str, keys: list[str]) -> list[Place]:
        record = await self.find(session_id)
        if record is None:
            return []
        if record.ended is not None:
            over = (record.ended.closed_ts or 0.0) < self.now - _ENDED_SECONDS
        else:
            seen_at = (await self._news(keys)).seen_at
            over = max(record.made_at, seen_at) < self.now - ORPHAN_SECONDS
        return await self.forget(session_id, record) if over else []

    async def _sweep_seat(self, key: str) -> None:
        """One whose session was never written down, or has not left it."""
        taken = await self._ask(lambda entries: entries.get.aio(key))
        if taken is None or taken["at"] > self.now - ORPHAN_SECONDS:
            return
        record = await self.find(taken["session"])
        if record is None or record.ended is not None:
            await self._pop(key)

    async def _sit_down(self, session_id: str, most: int) -> int:
        taken = {key for key in await self._keys() if key.startswith("seat/")}
        free = [seat for seat in range(most) if f"seat/{seat}" not in taken] if len(taken) < most else []
        random.shuffle(free)  # two gateways seldom want the same one
        for seat in free:
            if await self._put_new(f"seat/{seat}", {"session": session_id, "at": self.now}):
                return seat
        detail = f"There is room for {most} sessions, and all are taken. Try again soon."
        raise Busy(detail, code="too_many_sessions", retry_after_seconds=_RETRY_SECONDS)

    async def _clear(self, session_id: str, record: Record) -> list[Place]:
        popped = {key: await self._pop(key) for key in await self._keys(session_id)}
        places = [Place.of(data) for key, data in popped.items() if "/place/" in key and data is not None]
        seat = f"seat/{record.seat}"
        taken = await self._ask(lambda entries: entries.get.aio(seat))
        if taken is not None and taken["session"] == session_id:  # else it was left before, and given to another
            await self._pop(seat)
        return places

    async def _news(self, keys: list[str]) -> News:
        found = News(seen_at=0.0)
        for key in keys:
            data = await self._ask(partial(_get, key)) if "/news/" in key else None
            if data is not None:
                found = found.merged(News.of(data))
        return found

    async def _place(self, session_id: str, number: int) -> Place | None:
        data = await self._ask(lambda entries: entries.get.aio(_place_key(session_id, number)))
        return None if data is None else Place.of(data)

    async def _keys(self, session_id: str | None = None) -> list[str]:
        """All of them, or those below a session."""

        async def read(entries: Any) -> list[str]:
            return [key async for key in entries.keys.aio()]

        keys = await self._ask(read)
        return keys if session_id is None else [key for key in keys if key.startswith(f"{session_id}/")]

    async def _put(self, key: str, value: Any) -> None:
        await self._ask(lambda entries: entries.put.aio(key, value))

    async def _put_new(self, key: str, value: Any) -> bool:
        return bool(await self._ask(lambda entries: entries.put.aio(key, value, skip_if_exists=True)))

    async def _pop(self, key: str) -> Any:
        return await self._ask(lambda entries: entries.pop.aio(key, None))

    async def _ask(self, asking: Callable[[Any], Awaitable[T]], seconds: float = 10.0) -> T:
        return await self._app.ask(lambda: asking(self._app.dict_(self._name)), seconds)


def _place_key(session_id: str, number: int) -> str:
    return f"{session_id}/place/{number}"


async def _get(key: str, entries: Any) -> Any:
    return await entries.get.aio(key)
