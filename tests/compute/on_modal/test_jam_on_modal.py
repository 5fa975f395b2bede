"""A jam session outlives its container, its gateway, and the way to both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from backline.clock import monotonic, utc_now
from backline.compute.base import JamLink
from backline.compute.on_modal import names
from backline.compute.on_modal.connection import ModalApp
from backline.compute.on_modal.jam import JamOnModal
from backline.compute.on_modal.jam_rooms import JamRooms
from backline.compute.on_modal.jam_session import SessionRules
from backline.compute.on_modal.jam_snapshot import Place
from backline.compute.on_modal.jam_store import JamStore
from backline.engines.jam.orders import JamChange, JamChunk
from backline.errors import Busy, Conflict, NotFound
from backline.ids import new_id
from tests.compute.on_modal.jam_links import linked
from tests.contracts.test_jam_link import OPTIONS, RATE_HZ, failure, loop_file
from tests.deploy.cloud import WORKER_KEY, Cloud
from tests.modal_standin.records import Container

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 30.0


@pytest.fixture
async def link(cloud: Cloud) -> AsyncIterator[JamOnModal]:
    async with linked(cloud) as link:
        yield link


@pytest.fixture
async def session(link: JamOnModal) -> AsyncIterator[str]:
    """It plays, and its first three chunks were heard."""
    session = new_id("jam")
    await link.warm_up(session)
    await link.start(session, loop_file(), OPTIONS)
    for index in range(3):
        assert (await heard(link, session)).index == index
    await link.peek(session)
    yield session
    await link.close(session, "test_over")


async def heard(link: JamLink, session: str) -> JamChunk:
    """The next chunk, however long its container takes; it is consumed."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (chunk := await link.next(session, 1.0)) is None:
            pass
    await link.consume(session, chunk.index)
    return chunk


def playing(cloud: Cloud) -> list[Container]:
    return [one for one in cloud.standin.containers(names.JAM) if one.sessions]


async def kill(cloud: Cloud) -> None:
    """The container of the only session."""
    (container,) = playing(cloud)
    await asyncio.to_thread(cloud.standin.kill, container)


async def place_of(cloud: Cloud, session: str) -> Place:
    async with ModalApp(cloud.settings().modal, cloud.standin.client) as app:
        _, place = await JamStore(app, "gateway_test").newest_place(session, 0)
    assert place is not None
    return place


async def end_session(app: ModalApp, place: Place) -> None:
    await JamRooms(app, WORKER_KEY, 60).close(place)


async def status_of_address(place: Place) -> int:
    async with httpx.AsyncClient() as http:
        headers = {"Modal-Authorization": f"Bearer {place.token}"}
        return (await http.get(f"{place.url}/health", headers=headers)).status_code


async def test_the_music_goes_on_in_another_container(cloud: Cloud, link: JamOnModal, session: str) -> None:
    await link.update(session, JamChange(temperature=0.0))
    before = await link.status(session)
    await kill(cloud)
    lost = await link.peek(session)
    assert (lost.billing_state, lost.warmed) == ("active", True)
    await asyncio.sleep(0.5)
    assert (await link.peek(session)).billable_elapsed_seconds == lost.billable_elapsed_seconds

    chunk = await heard(link, session)
    told = chunk.metadata
    assert (chunk.index, told.first_bar, told.start_sample) == (3, 3, 3 * RATE_HZ)
    assert (told.temperature, told.seed) == (0.0, OPTIONS.seed)
    assert (await heard(link, session)).index == 4
    after = await link.peek(session)
    assert (after.session_id, after.billable_start_ts) == (session, before.billable_start_ts)
    assert after.last_delivered_index == 4
    assert (after.billable_elapsed_seconds or 0) > (before.billable_elapsed_seconds or 0)
    assert (await failure(link.next(session, 0, index=2))).code == "chunk_gone"


async def test_a_client_that_asks_by_index_finds_its_chunk_in_the_next_container(
    cloud: Cloud, link: JamOnModal, session: str
) -> None:
    await kill(cloud)
    chunk = await link.next(session, PATIENCE_SECONDS, index=3)
    assert chunk is not None
    assert chunk.index == 3
    assert chunk == await link.next(session, 0, index=3)


async def test_who_waits_for_a_chunk_meanwhile_is_told_of_nothing(cloud: Cloud, link: JamOnModal, session: str) -> None:
    waiting = asyncio.create_task(link.next(session, 5.0, index=50))
    await asyncio.sleep(0.3)
    await kill(cloud)
    assert await waiting is None
    assert (await heard(link, session)).index == 3


async def test_two_gateways_that_lose_a_container_open_one(cloud: Cloud, link: JamOnModal, session: str) -> None:
    async with linked(cloud) as other:
        await other.peek(session)
        await kill(cloud)
        first, second = await asyncio.gather(heard(link, session), heard(other, session))
        assert sorted((first.index, second.index)) == [3, 4]
        assert len(playing(cloud)) == 1


async def test_a_gateway_that_starts_again_finds_the_session(cloud: Cloud, session: str) -> None:
    async with linked(cloud) as other:
        assert (await other.peek(session)).last_delivered_index == 2
        assert (await heard(other, session)).index == 3
    assert len(playing(cloud)) == 1


async def test_a_container_that_goes_away_leaves_the_session_to_another(
    cloud: Cloud, link: JamOnModal, session: str
) -> None:
    (container,) = playing(cloud)
    await asyncio.sleep(0.3)
    await asyncio.to_thread(cloud.standin.drain, container)
    while not container.draining or (await link.peek(session)).jam_running:
        await asyncio.sleep(0.05)
        if len(playing(cloud)) == 1 and playing(cloud)[0] is not container:
            break
    chunk = await heard(link, session)
    assert chunk.index >= 3
    assert playing(cloud) != [container]


async def test_a_jam_that_was_stopped_is_over_in_the_next_container(
    cloud: Cloud, link: JamOnModal, session: str
) -> None:
    await link.stop(session)
    await kill(cloud)
    await link.peek(session)
    while playing(cloud) == []:
        await asyncio.sleep(0.05)
    assert await link.next(session, PATIENCE_SECONDS) is None
    status = await link.peek(session)
    assert (status.ended, status.jam_running, status.billing_state) == (True, False, "active")
    await link.start(session, loop_file(), OPTIONS)
    chunk = await heard(link, session)
    assert (chunk.index, chunk.metadata.start_sample) == (3, 0)


async def test_what_a_gateway_closes_is_closed_for_all_and_leaves_no_container(
    cloud: Cloud, link: JamOnModal, session: str
) -> None:
    place = await place_of(cloud, session)
    assert await status_of_address(place) == 200
    closed = await link.close(session, "manual_close")
    assert await status_of_address(place) == 401
    assert playing(cloud) == []
    async with linked(cloud) as other:
        for asked in (other.status(session), other.next(session, 0), other.warm_up(session)):
            error = await failure(asked)
            assert (type(error), error.code) == (Conflict, "session_closed")
        assert await other.peek(session) == await other.close(session, "again") == closed


async def test_there_are_so_many_sessions_over_all_gateways(cloud: Cloud) -> None:
    async with linked(cloud, max_sessions=2) as one, linked(cloud, max_sessions=2) as other:
        wanted = [one.warm_up(new_id("jam")), other.warm_up(new_id("jam")), one.warm_up(new_id("jam"))]
        ends = await asyncio.gather(*wanted, return_exceptions=True)
        assert [end.code for end in ends if isinstance(end, Busy)] == ["too_many_sessions"]
        first, second = [end for end in ends if not isinstance(end, BaseException)]
        await other.close(first.session_id, "test_over")
        third = await other.warm_up(new_id("jam"))
        assert third.warmed
        for made in (second, third):
            await one.close(made.session_id, "test_over")


async def test_what_cannot_be_reached_is_not_dead(cloud: Cloud, link: JamOnModal, session: str) -> None:
    with cloud.standin.unreachable():
        assert (await failure(link.peek(session))).code == "worker_unreachable"
        async with linked(cloud) as other:
            assert (await failure(other.peek(session))).code == "modal_unreachable"
    assert (await heard(link, session)).index == 3
    assert len(playing(cloud)) == 1


async def test_a_container_that_was_only_out_of_reach_is_gone_back_to(cloud: Cloud, session: str) -> None:
    async with linked(cloud, SessionRules(silent_seconds=0.0)) as link:
        await link.peek(session)
        (container,) = playing(cloud)
        with cloud.standin.unreachable():
            await link.peek(session)
        assert (await heard(link, session)).index == 3
        assert playing(cloud) == [container]


async def test_a_session_that_finds_no_container_in_time_is_no_more(cloud: Cloud) -> None:
    async with linked(cloud, SessionRules(limit_seconds=1.0)) as link:
        session = new_id("jam")
        await link.warm_up(session)
        await kill(cloud)
        await link.peek(session)
        with cloud.standin.unreachable():
            error = await failure(link.next(session, PATIENCE_SECONDS))
        assert (type(error), error.code) == (NotFound, "session_not_found")
        assert (await link.close(session, "test_over")).billing_state == "closed"


async def test_a_warm_up_that_takes_long_is_answered_and_goes_on(cloud: Cloud) -> None:
    async with linked(cloud, SessionRules(patience_seconds=0.01)) as link:
        session = new_id("jam")
        status = await link.warm_up(session)
        assert (status.billing_state, status.warmed, status.billable_elapsed_seconds) == ("warming", False, None)
        assert (await failure(link.start(session, loop_file(), OPTIONS))).retryable
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (await link.peek(session)).warmed:
                await asyncio.sleep(0.05)
        await link.start(session, loop_file(), OPTIONS)
        await link.close(session, "test_over")


async def test_the_container_of_a_gateway_that_died_meanwhile_is_opened_by_another(cloud: Cloud) -> None:
    session = new_id("jam")
    settings = cloud.settings()
    async with ModalApp(settings.modal, cloud.standin.client) as app:
        store = JamStore(app, "gateway_dead")
        await store.admit(session, 10)
        await store.claim(session, 1, Place(session, store.me, store.now))
        link = JamOnModal(app, settings.modal.jam, settings.jam, clock=lambda: 20 * monotonic())
        status = await link.warm_up(session)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not status.warmed:
                status = await link.warm_up(session)
        await link.close(session, "test_over")
        await link.aclose()


async def test_sessions_that_nobody_looks_after_are_swept(cloud: Cloud) -> None:
    session = new_id("jam")
    async with linked(cloud) as link:
        await link.warm_up(session)
        place = await place_of(cloud, session)
    async with ModalApp(cloud.settings().modal, cloud.standin.client) as app:
        assert place not in await JamStore(app, "gateway_test").sweep()
        swept = await JamStore(app, "gateway_test", lambda: utc_now() + timedelta(hours=2)).sweep()
        assert place in swept
        left = [key async for key in app.dict_(names.jam_sessions(app.name)).keys.aio()]
        assert left == []
        await asyncio.gather(*(end_session(app, one) for one in swept))
