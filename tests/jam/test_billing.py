"""Warm seconds are charged once, by the worker's own clock, whoever asks, however often, and whatever breaks.

The numbers are those of the middleware's bugs, of which these tests show the absence.
"""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backline.accounts.principal import LOCAL
from backline.db.database import Database
from backline.errors import Conflict, NotFound, PaymentRequired, Unavailable
from backline.jam.session import JamSession
from tests.jam.house import ADA, EVE, Gateway, House

GONE = Unavailable("The worker does not answer.", code="worker_unreachable")


async def _warm(house: House, gateway: Gateway, seconds: float = 600.0) -> str:
    await house.give(seconds)
    return (await gateway.jam.warm_up(ADA)).session.id


async def _visited(house: House, gateway: Gateway, session_id: str) -> JamSession:
    visited = await gateway.meter.visit(await house.session(gateway, session_id))
    assert visited is not None
    return visited


async def test_to_warm_up_needs_a_minute_which_is_set_aside(house: House, gateway: Gateway) -> None:
    await house.give(59.999999)
    with pytest.raises(PaymentRequired):
        await gateway.jam.warm_up(ADA)
    assert house.worker.calls == []
    await house.give(0.000001)
    assert (await gateway.jam.warm_up(ADA)).session.state == "active"
    assert await house.has() == (60, 60)


async def test_warm_seconds_are_charged_by_their_total(house: House, gateway: Gateway) -> None:
    session_id = await _warm(house, gateway)
    for _ in range(3):
        house.forward(5)
        for _again in range(2):  # a report that comes twice changes nothing (bug 7)
            await _visited(house, gateway, session_id)
    posted, held = await house.has()
    assert posted == 585
    assert held >= 15  # and three visits ahead are set aside


async def test_the_close_settles_to_the_microsecond_and_nothing_is_charged_after_it(
    house: House, gateway: Gateway
) -> None:
    """Bugs 5 and 13: the last seconds are charged at the close itself, and none after it."""
    session_id = await _warm(house, gateway)
    house.forward(7.123456)
    closed = await gateway.jam.close(ADA, session_id)
    assert (closed.state, closed.close_reason, closed.charged_micro) == ("closed", "manual_close", 7_123_456)
    assert closed.billable_start is not None
    assert closed.billable_end is not None
    assert (closed.billable_end - closed.billable_start).total_seconds() == 7.123456
    assert closed.closed is not None
    house.forward(600)
    await gateway.meter.round()
    assert await gateway.jam.close(ADA, session_id) == closed
    assert await house.has() == (600 - 7.123456, 0)
    assert house.metrics.totals["backline_jam_closed", ("manual_close",)] == 1
    assert house.metrics.totals["backline_jam_billed_seconds", ()] == 7.123456


async def test_to_warm_up_is_not_billed_however_long_it_takes(house: House, gateway: Gateway) -> None:
    house.worker.warms = False
    session_id = await _warm(house, gateway)
    house.forward(50)
    assert (await _visited(house, gateway, session_id)).state == "warming"
    view = await gateway.jam.status(ADA, session_id)
    assert view.elapsed_seconds is None  # bug 3: this was an error once
    house.worker.sessions[session_id].warm_at = house.worker.seconds
    assert (await gateway.jam.status(ADA, session_id)).session.state == "active"
    house.forward(2)
    assert (await gateway.jam.close(ADA, session_id)).charged_micro == 2_000_000


@pytest.mark.parametrize("failure", [GONE, Conflict("No.", code="engine_failed")])
async def test_a_warm_up_that_fails_leaves_nothing_behind(house: House, gateway: Gateway, failure: Unavailable) -> None:
    """Bug 4: no row that stays `warming`, no hold; what may have warmed nevertheless is told to end."""
    await house.give(100)
    house.worker.failure = failure
    with pytest.raises(type(failure)):
        await gateway.jam.warm_up(ADA)
    (session_id,) = {session for _, session in house.worker.calls}
    assert house.worker.count("close", session_id) == 1
    session = await house.session(gateway, session_id)
    assert (session.state, session.close_reason, session.charged_micro) == ("closed", "warm_up_failed", 0)
    assert await house.has() == (100, 0)


async def test_a_session_that_ends_by_itself_is_settled_by_its_own_figures(house: House, gateway: Gateway) -> None:
    """Bugs 6 and 13: nobody was there for long; the worker says what of that is billed."""
    session_id = await _warm(house, gateway)
    house.forward(12)
    house.worker.end(session_id, "idle")
    house.forward(500)
    with pytest.raises(Conflict) as refused:
        await gateway.jam.next(ADA, session_id, 1.0, "wav", None)
    assert refused.value.code == "session_closed"
    assert refused.value.more == {"close_reason": "idle"}
    assert await house.has() == (588, 0)


async def test_a_worker_that_forgot_the_session_is_dead_and_its_last_word_is_charged(
    house: House, gateway: Gateway
) -> None:
    session_id = await _warm(house, gateway)
    house.forward(5)
    await _visited(house, gateway, session_id)
    house.forward(4)
    house.worker.forget(session_id)
    closed = await _visited(house, gateway, session_id)
    assert (closed.close_reason, closed.charged_micro) == ("worker_lost", 5_000_000)
    assert await house.has() == (595, 0)


async def test_a_worker_that_does_not_answer_is_not_dead_at_once(house: House, gateway: Gateway) -> None:
    session_id = await _warm(house, gateway)
    house.forward(5)
    await _visited(house, gateway, session_id)
    house.worker.failure = GONE
    for _ in range(2):
        house.forward(5)
        assert (await _visited(house, gateway, session_id)).state == "active"
    view = await gateway.jam.status(ADA, session_id)
    assert view.status is None  # told as not reachable, with the figures of the last answer
    house.worker.failure = None
    assert (await _visited(house, gateway, session_id)).misses == 0
    assert (await house.has())[0] == 585  # the time in between was played, and is charged
    house.worker.failure = GONE
    for _ in range(3):
        closed = await _visited(house, gateway, session_id)
    assert (closed.state, closed.close_reason, closed.charged_micro) == ("closed", "worker_unreachable", 15_000_000)


async def test_a_close_while_the_worker_is_away_charges_its_last_word(house: House, gateway: Gateway) -> None:
    session_id = await _warm(house, gateway)
    house.forward(5)
    await _visited(house, gateway, session_id)
    house.forward(60)
    house.worker.failure = GONE
    assert (await gateway.jam.close(ADA, session_id)).charged_micro == 5_000_000
    assert await house.has() == (595, 0)


async def test_nobody_pays_for_more_than_there_was(house: House, gateway: Gateway) -> None:
    """A worker that returns rubbish: a session cannot be older than it is."""
    session_id = await _warm(house, gateway)
    house.worker.overstates_seconds = 1e9
    house.forward(5)
    assert (await _visited(house, gateway, session_id)).charged_micro <= 6_000_000
    house.worker.overstates_seconds = 0.0
    house.forward(5)
    assert (await gateway.jam.close(ADA, session_id)).charged_micro == 10_000_000


async def test_rubbish_after_a_clock_was_set_back_is_bounded_too(house: House, gateway: Gateway) -> None:
    session_id = await _warm(house, gateway)
    house.forward(5)
    await _visited(house, gateway, session_id)
    house.clock.forward(-7200)
    house.worker.overstates_seconds = 1e18
    closed = await gateway.jam.close(ADA, session_id)
    assert (closed.state, closed.charged_micro) == ("closed", 600_000_000)  # all there was, and no more


@pytest.mark.parametrize("jump", [-7200, 7200])
async def test_a_clock_that_is_set_changes_nothing(house: House, gateway: Gateway, jump: int) -> None:
    session_id = await _warm(house, gateway)
    house.forward(5)
    await _visited(house, gateway, session_id)
    house.clock.forward(jump)
    house.forward(5)
    assert (await _visited(house, gateway, session_id)).state == "active"
    house.forward(5)
    assert (await gateway.jam.close(ADA, session_id)).charged_micro == 15_000_000


async def test_credit_that_runs_out_is_told_then_stops_the_music_then_ends(house: House, gateway: Gateway) -> None:
    """Bug 6: the last of it is spent, and the session is closed; nothing is tried again for ever."""
    session_id = await _warm(house, gateway, 61.0)
    warnings = []
    for _ in range(12):
        house.forward(5)
        await _visited(house, gateway, session_id)
        warnings.append((await gateway.jam.status(ADA, session_id)).left_seconds)
    assert warnings == [61 - 5 * passed for passed in range(1, 13)]
    house.forward(0.9)
    await _visited(house, gateway, session_id)
    while not house.worker.sessions[session_id].stopped:
        await asyncio.sleep(0.01)
    house.forward(0.1)
    while (await house.session(gateway, session_id)).state != "closed":
        await asyncio.sleep(0.01)
    session = await house.session(gateway, session_id)
    assert (session.close_reason, session.charged_micro) == ("credits_exhausted", 61_000_000)
    with pytest.raises(PaymentRequired):
        await gateway.jam.next(ADA, session_id, 1.0, "wav", None)
    assert await house.has() == (0, 0)


async def test_credit_that_comes_in_time_keeps_the_session(house: House, gateway: Gateway) -> None:
    session_id = await _warm(house, gateway, 60.0)
    house.forward(59.9)
    await _visited(house, gateway, session_id)
    await house.give(100)
    await asyncio.sleep(0.3)
    assert (await house.session(gateway, session_id)).state == "active"


async def test_what_is_free_is_not_charged(house: House, gateway: Gateway) -> None:
    view = await gateway.jam.warm_up(LOCAL)
    house.forward(1000)
    assert (await gateway.jam.status(LOCAL, view.session.id)).left_seconds is None
    closed = await gateway.jam.close(LOCAL, view.session.id)
    assert (closed.total, closed.charged_micro) == (1_000_000_000, 0)


async def test_somebody_elses_session_is_not_there(house: House, gateway: Gateway) -> None:
    session_id = await _warm(house, gateway)
    for call in (gateway.jam.status(EVE, session_id), gateway.jam.close(EVE, session_id), gateway.jam.stop(EVE, "x")):
        with pytest.raises(NotFound) as refused:
            await call
        assert refused.value.code == "session_not_found"


async def test_one_gateway_visits_and_another_takes_over_when_it_dies(house: House, gateway: Gateway) -> None:
    """Two replicas: each session has one keeper, and is charged once (bug 7)."""
    other = Gateway(house, "gateway_2")
    session_id = await _warm(house, gateway)
    async with gateway.meter.running():
        await asyncio.sleep(0.25)
        await other.meter.round()
        await asyncio.sleep(0.05)
        peeks = house.worker.count("peek", session_id)
        assert peeks >= 2
        assert (await house.session(other, session_id)).holder == "gateway_1"
    assert (await house.session(other, session_id)).holder is None  # it let go
    house.forward(5)
    await other.meter.round()
    await asyncio.sleep(0.05)
    assert (await house.session(other, session_id)).holder == "gateway_2"
    assert (await other.jam.close(ADA, session_id)).charged_micro == 5_000_000


async def test_a_keeper_that_was_killed_is_replaced(house: House, gateway: Gateway) -> None:
    session_id = await _warm(house, gateway)
    await gateway.meter.round()
    other = Gateway(house, "gateway_2")
    async with other.meter.running():
        while (await house.session(other, session_id)).holder != "gateway_2":
            house.clock.forward(0.05)
            await asyncio.sleep(0.05)
    assert await house.has() == (600, 60)


async def test_what_a_dead_process_played_itself_has_ended(house: House) -> None:
    """kill -9 of a gateway that plays itself: the music is gone, and the last total that was kept is charged."""
    dead, other = Gateway(house, "gateway_1", "gateway_1"), Gateway(house, "gateway_2", "gateway_2")
    session_id = await _warm(house, dead)
    house.forward(5)
    await _visited(house, dead, session_id)
    with pytest.raises(Unavailable) as refused:
        await other.jam.stop(ADA, session_id)
    assert refused.value.code == "session_elsewhere"
    assert (await other.jam.status(ADA, session_id)).status is None
    assert (await house.session(other, session_id)).state == "active"  # to ask elsewhere ends nothing
    async with other.meter.running():
        while (await house.session(other, session_id)).state != "closed":
            house.clock.forward(0.05)
            await asyncio.sleep(0.05)
    closed = await house.session(other, session_id)
    assert (closed.close_reason, closed.charged_micro) == ("worker_lost", 5_000_000)


async def test_a_server_that_plays_itself_settles_before_it_goes(house: House) -> None:
    gateway = Gateway(house, "gateway_1", "gateway_1")
    async with gateway.meter.running():
        session_id = await _warm(house, gateway)
        house.forward(3)
    closed = await house.session(gateway, session_id)
    assert (closed.close_reason, closed.charged_micro) == ("server_stopped", 3_000_000)


async def test_one_worker_that_hangs_holds_up_nobody_else(house: House, gateway: Gateway) -> None:
    """Bug 12: sessions are visited side by side."""
    stuck = await _warm(house, gateway)
    other = await _warm(house, gateway)
    house.worker.hangs.add(stuck)
    async with gateway.meter.running():
        while house.worker.count("peek", other) < 3:
            await asyncio.sleep(0.01)
        assert house.worker.count("peek", stuck) == 1


async def test_a_hold_that_a_sweep_has_closed_ends_the_session(house: House, gateway: Gateway) -> None:
    """No gateway was there for more than a minute."""
    session_id = await _warm(house, gateway)
    house.forward(5)
    await _visited(house, gateway, session_id)
    house.forward(700)
    async with house.database.write() as tx:
        await house.ledger.close_expired(tx, f"jam:{session_id}")
    closed = await _visited(house, gateway, session_id)
    assert (closed.close_reason, closed.charged_micro) == ("hold_expired", 5_000_000)
    assert await house.has() == (595, 0)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["visit", "late", "away", "both", "status"]), st.integers(0, 40)), max_size=12
    )
)
async def test_whatever_happens_the_charge_is_the_time_that_was_told(
    database: Database, steps: list[tuple[str, int]]
) -> None:
    """A law: by two gateways, late reports, and silence in between, the charge is the largest total ever told."""
    house = House(database)
    first, second = Gateway(house, "gateway_1"), Gateway(house, "gateway_2")
    before = (await house.has())[0]
    await house.give(10_000)
    session_id = (await first.jam.warm_up(ADA)).session.id
    told = late = await house.worker.peek(session_id)
    for step, seconds in steps:
        house.forward(seconds)
        house.worker.failure = GONE if step == "away" else None
        if step == "late":
            async with database.write() as tx:
                await second.advance(tx, session_id, late)
        elif step == "both":
            session = await house.session(first, session_id)
            await asyncio.gather(first.meter.visit(session), second.meter.visit(session))
        elif step != "status":
            await second.meter.visit(await house.session(first, session_id))
        if step in ("visit", "both"):
            late, told = told, await house.worker.peek(session_id)
        house.worker.failure = None
        if (await house.session(first, session_id)).state == "closed":
            break
    closed = await first.jam.close(ADA, session_id)
    if closed.close_reason == "manual_close":
        told = await house.worker.peek(session_id)
    assert told.billable_elapsed_seconds is not None
    assert closed.charged_micro == round(told.billable_elapsed_seconds * 1_000_000)
    assert await house.has() == (before + 10_000 - closed.charged_micro / 1_000_000, 0)
