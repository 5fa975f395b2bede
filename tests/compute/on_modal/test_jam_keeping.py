"""What is written of a session beside its calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from backline.compute.on_modal.connection import ModalApp
from backline.compute.on_modal.jam_keeping import Keeping
from backline.compute.on_modal.jam_snapshot import Marks, Record
from backline.compute.on_modal.jam_store import JamStore
from backline.errors import Unavailable
from backline.settings import ModalSettings

EMPTY = Record(seat=0, made_at=0.0, seen_at=0.0)


class Written(JamStore):
    """A Dict in memory with one session, which does not take loops of more than ten bytes, and may be `away`."""

    def __init__(self) -> None:
        super().__init__(ModalApp(ModalSettings()))
        self.record = EMPTY
        self.kept: bytes | None = None
        self.away = False

    async def change(self, session_id: str, change: Callable[[Record], Record]) -> Record | None:
        if self.away:
            raise Unavailable("away")
        self.record = change(self.record)
        return self.record

    async def keep_loop(self, session_id: str, loop: bytes) -> None:
        if len(loop) > 10:
            raise Unavailable("too large", retryable=False)
        self.kept = loop

    async def loop(self, session_id: str) -> bytes | None:
        return self.kept


def later(seconds: float) -> Callable[[Record], Record]:
    return lambda one: replace(one, marks=one.marks.billed(seconds))


async def test_changes_go_on_top_of_what_other_gateways_wrote() -> None:
    store = Written()
    keeping = Keeping("jam_1", EMPTY, store)
    store.record = replace(EMPTY, marks=Marks(billed_seconds=7.0, following=3))
    keeping.change(later(5.0))
    await keeping.write()
    assert keeping.record == store.record == replace(EMPTY, marks=Marks(billed_seconds=7.0, following=3))
    await keeping.close()


async def test_what_could_not_be_written_is_written_when_that_is_possible_again() -> None:
    store = Written()
    keeping = Keeping("jam_1", EMPTY, store)
    store.away = True
    keeping.change(later(5.0))
    keeping.keep_loop(b"loop")
    try:
        await keeping.write()
    except Unavailable:
        store.away = False
    assert (keeping.record.marks.billed_seconds, store.record) == (5.0, EMPTY)
    await keeping.write()
    assert (store.record.marks.billed_seconds, store.kept) == (5.0, b"loop")
    await keeping.close()


async def test_a_loop_that_is_too_large_keeps_nothing_else_from_being_written() -> None:
    store = Written()
    keeping = Keeping("jam_1", EMPTY, store)
    keeping.keep_loop(bytes(11))
    keeping.change(later(5.0))
    await keeping.write()
    assert store.record.marks.billed_seconds == 5.0
    assert await keeping.loop() == bytes(11)
    await keeping.close()
