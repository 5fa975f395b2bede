"""What is written of a session beside its calls."""

from __future__ import annotations

import pytest

from backline.compute.on_modal.connection import ModalApp
from backline.compute.on_modal.jam_keeping import Keeping
from backline.compute.on_modal.jam_snapshot import Jam, Marks, News
from backline.compute.on_modal.jam_store import JamStore
from backline.engines.jam.orders import JamChange, JamOptions
from backline.errors import Unavailable
from backline.settings import ModalSettings

OPTIONS = JamOptions(bpm=120.0)


class Entries(JamStore):
    """A Dict in memory with one session, which does not take loops of more than ten bytes, and may be `away`.
    elsewhere: what other gateways wrote."""

    def __init__(self) -> None:
        super().__init__(ModalApp(ModalSettings()), "gateway_1")
        self.ours, self.elsewhere = News(0.0), News(0.0)
        self.kept: bytes | None = None
        self.away = False

    async def news(self, session_id: str) -> News:
        return self.ours.merged(self.elsewhere)

    async def tell_news(self, session_id: str, news: News) -> None:
        if self.away:
            raise Unavailable("away")
        self.ours = news

    async def keep_loop(self, session_id: str, loop: bytes) -> None:
        if len(loop) > 10:
            raise Unavailable("too large", retryable=False)
        self.kept = loop

    async def loop(self, session_id: str) -> bytes | None:
        return self.kept


async def test_what_could_not_be_written_is_written_when_that_is_possible_again() -> None:
    entries = Entries()
    keeping = Keeping("jam_1", News(0.0), entries)
    entries.away = True
    with pytest.raises(Unavailable):
        await keeping.begin_jam(b"loop", OPTIONS)
    assert keeping.news.jam is not None
    assert entries.ours.jam is None
    entries.away = False
    await keeping.write()
    told = await entries.news("jam_1")
    assert (told.jam, told.marks.jams, entries.kept) == (keeping.news.jam, 1, b"loop")
    await keeping.close()


async def test_a_change_is_made_to_the_newest_jam_of_all_gateways() -> None:
    entries = Entries()
    keeping = Keeping("jam_1", News(0.0), entries)
    await keeping.begin_jam(b"loop", OPTIONS)
    entries.elsewhere = News(9.0, marks=Marks(jams=2), jam=Jam(JamOptions(bpm=90.0), 2))
    keeping.change_jam(lambda jam: jam.changed(JamChange(topk=3)))
    await keeping.write()
    assert (await entries.news("jam_1")).jam == Jam(JamOptions(bpm=90.0, topk=3), 2, 1)
    await keeping.close()


async def test_a_jam_that_begins_is_newer_than_all_that_other_gateways_began() -> None:
    entries = Entries()
    keeping = Keeping("jam_1", News(0.0), entries)
    entries.elsewhere = News(9.0, marks=Marks(jams=4), jam=Jam(JamOptions(bpm=90.0), 4))
    await keeping.begin_jam(b"loop", OPTIONS)
    assert (await entries.news("jam_1")).jam == Jam(OPTIONS, 5)
    await keeping.close()


async def test_a_loop_that_is_too_large_keeps_nothing_else_from_being_written() -> None:
    entries = Entries()
    keeping = Keeping("jam_1", News(0.0), entries)
    await keeping.begin_jam(bytes(11), OPTIONS)
    assert entries.ours.jam == keeping.news.jam
    assert await keeping.loop() == bytes(11)
    await keeping.close()
