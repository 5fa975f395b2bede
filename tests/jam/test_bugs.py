"""What went wrong once with live sessions, here or in the middleware before, and is not to come back.

The numbers are those of the middleware's bugs. Most have their tests where they belong: in `test_billing`, in
`test_routes`, at the worker and at its host; here are those that belong to no single place.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from backline.compute.jam_wire import change_as_fields, options_as_fields
from backline.engines.jam.orders import JamChange, JamOptions, JamStatus
from backline.errors import Unavailable
from backline.jam import repository
from backline.jam.schemas import ChangeForm, StartForm
from backline.jam.views import status_of
from backline.worker.schemas import Start, Update, parsed
from tests.jam.client import Musician
from tests.jam.house import ADA, Gateway, House
from tests.jam.test_routes import LOOP, SHORT
from tests.jam.worker import ScriptedWorker


def test_every_option_passes_the_gateway_and_the_worker() -> None:
    """Bugs 1 and 10: form, options, form, options. None has its default, so none can be dropped unseen."""
    fields = {
        "bpm": "93.7",
        "bars_per_chunk": "2",
        "beats_per_bar": "3",
        "styles": "acid house, dub",
        "style_weights": "1.0,0.5",
        "loop_weight": "0.7",
        "loudness_mode": "rms",
        "loudness_headroom_db": "3",
        "guidance_weight": "2.5",
        "temperature": "0.8",
        "topk": "7",
        "target_sample_rate": "44100",
        "seed": "12",
    }
    asked = JamOptions(93.7, 2, 3, ("acid house", "dub"), (1.0, 0.5), 0.7, "rms", 3.0, 2.5, 0.8, 7, 44_100, 12)
    assert StartForm.model_validate(fields).options == asked
    assert parsed(Start, {"session_id": "jam_1", **options_as_fields(asked)}).options() == asked


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        ({"temperature": "1.3", "guidance_weight": "1.5"}, JamChange(temperature=1.3, guidance_weight=1.5)),
        ({"styles": "", "style_weights": "", "topk": "3"}, JamChange(topk=3)),
        ({"loop_weight": "0"}, JamChange(loop_weight=0.0)),
        ({"style_weights": "2"}, JamChange(style_weights=(2.0,))),
        ({"styles": "dub,jazz"}, JamChange(styles=("dub", "jazz"))),
        ({"clear_styles": "true"}, JamChange(clear_styles=True)),
    ],
)
def test_an_update_says_what_it_says_and_no_more(fields: dict[str, str], change: JamChange) -> None:
    """Bug 17: the seed's own eighth step emptied the styles, because nothing was sent as an empty text."""
    assert ChangeForm.model_validate(fields).change == change
    assert parsed(Update, {"session_id": "jam_1", **change_as_fields(change)}).change() == change


@pytest.mark.parametrize("seconds", ["26", "-1", "inf", "nan"])
def test_how_long_one_waits_has_a_limit(ada: Musician, seconds: str) -> None:
    """Bug 11."""
    query = {"session_id": ada.playing(LOOP, **SHORT), "timeout_seconds": seconds}
    assert ada.http.get("/jam/next", params=query).status_code == 422


async def test_a_status_while_warming_and_one_without_the_worker_are_answers(house: House, gateway: Gateway) -> None:
    """Bug 3: the first was an error, and the second said that all is well."""
    await house.give(100)
    house.worker.warms = False
    session_id = (await gateway.jam.warm_up(ADA)).session.id

    async def told() -> dict[str, Any]:
        return status_of(await gateway.jam.status(ADA, session_id)).model_dump(mode="json")

    warming = await told()
    assert (warming["billing_state"], warming["billable_elapsed_seconds"], warming["warmed"]) == (
        "warming",
        None,
        False,
    )
    assert warming["reachable"] is True
    house.worker.failure = Unavailable("The worker does not answer.", code="worker_unreachable")
    away = await told()
    assert (away["billing_state"], away["billable_elapsed_seconds"], away["reachable"]) == ("warming", None, False)
    assert (away["engine"], away["jam_running"]) == (None, False)


async def test_a_session_that_never_became_warm_ends_unbilled(house: House, gateway: Gateway) -> None:
    """Bug 4: the worker gave up after ten minutes."""
    await house.give(100)
    house.worker.warms = False
    session_id = (await gateway.jam.warm_up(ADA)).session.id
    house.forward(601)
    house.worker.end(session_id, "warmup_timeout")
    closed = await gateway.meter.visit(await house.session(gateway, session_id))
    assert closed is not None
    assert (closed.state, closed.close_reason, closed.total, closed.charged_micro) == ("closed", "warmup_timeout", 0, 0)
    assert await house.has() == (100, 0)


async def test_a_session_that_used_more_than_there_was_is_closed_with_the_last_of_it(
    house: House, gateway: Gateway
) -> None:
    """Bug 6: it was tried again for ever, and the rest of the credit never spent."""
    await house.give(60)
    session_id = (await gateway.jam.warm_up(ADA)).session.id
    house.forward(75)
    house.worker.end(session_id, "idle")
    closed = await gateway.meter.visit(await house.session(gateway, session_id))
    assert closed is not None
    assert (closed.state, closed.charged_micro) == ("closed", 60_000_000)
    assert await house.has() == (0, 0)
    await gateway.meter.round()
    assert house.worker.count("peek", session_id) == 1


async def test_money_and_state_change_together_or_not_at_all(
    house: House, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug 7: what fails between the charge and the row leaves neither, also when it is tried again."""
    await house.give(100)
    session_id = (await gateway.jam.warm_up(ADA)).session.id
    house.forward(5)
    session = await house.session(gateway, session_id)
    with monkeypatch.context() as broken:

        async def fail(*_: object, **__: object) -> None:
            raise SQLAlchemyError

        broken.setattr(repository, "change", fail)
        for attempt in (gateway.meter.visit(session), gateway.meter.close(session, "manual_close")):
            with pytest.raises(SQLAlchemyError):
                await attempt
    assert (await house.has())[0] == 100
    assert await house.session(gateway, session_id) == session
    assert (await gateway.jam.close(ADA, session_id)).charged_micro == 5_000_000
    assert await house.has() == (95, 0)


class LateWorker(ScriptedWorker):
    """Warm-ups are long on their way to it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.arrives = asyncio.Event()

    async def warm_up(self, session_id: str) -> JamStatus:
        self.asked.set()
        await self.arrives.wait()
        return await super().warm_up(session_id)


class SlowWorker(ScriptedWorker):
    """A look takes so long, and then fails, as long as there are seconds to wait."""

    silent_seconds = 0.0

    async def peek(self, session_id: str) -> JamStatus:
        if self.silent_seconds:
            await asyncio.sleep(self.silent_seconds)
            raise Unavailable("The worker does not answer.", code="worker_unreachable")
        return await super().peek(session_id)


async def test_a_session_whose_warm_up_is_on_its_way_is_not_taken_for_dead(house: House) -> None:
    """The meter looks at once, and the worker does not know the session yet."""
    worker = house.worker = LateWorker()
    gateway = Gateway(house, "gateway_1")
    await house.give(100)
    warming = asyncio.create_task(gateway.jam.warm_up(ADA))
    await worker.asked.wait()
    async with gateway.meter.running():
        await asyncio.sleep(0.3)
        worker.arrives.set()
        view = await warming
        assert (view.session.state, view.session.misses) == ("active", 0)
        while not worker.count("peek", view.session.id):  # from now on it is looked after
            await asyncio.sleep(0.01)
        assert (await house.session(gateway, view.session.id)).state == "active"
    await gateway.jam.close(ADA, view.session.id)
    assert await house.has() == (100, 0)


async def test_silence_is_measured_in_time_and_not_in_questions(house: House) -> None:
    """A worker that hangs is asked less often than one that fails at once, and is given up as soon (bug 12)."""
    worker = house.worker = SlowWorker()
    gateway = Gateway(house, "gateway_1")
    await house.give(100)
    session_id = (await gateway.jam.warm_up(ADA)).session.id
    worker.silent_seconds = 0.2
    visited = await gateway.meter.visit(await house.session(gateway, session_id))
    assert visited is not None
    assert (visited.state, visited.misses) == ("active", 2)
    visited = await gateway.meter.visit(visited)
    assert visited is not None
    assert (visited.state, visited.close_reason) == ("closed", "worker_unreachable")
    assert await house.has() == (100, 0)


class BrittleWorker(ScriptedWorker):
    """One of its sessions cannot be closed."""

    broken = ""

    async def close(self, session_id: str, reason: str) -> JamStatus:
        if session_id == self.broken:
            raise ZeroDivisionError
        return await super().close(session_id, reason)


async def test_one_session_that_cannot_be_ended_keeps_no_other_from_it(house: House) -> None:
    """A server that plays itself goes away: the rest is settled, and all are free for whoever comes next."""
    worker = house.worker = BrittleWorker()
    gateway, other = Gateway(house, "gateway_1", "gateway_1"), Gateway(house, "gateway_2", "gateway_2")
    await house.give(300)
    async with gateway.meter.running():
        ids = [(await gateway.jam.warm_up(ADA)).session.id for _ in range(3)]
        worker.broken = ids[0]
        house.forward(2)
    sessions = [await house.session(other, session_id) for session_id in ids]
    assert [one.state for one in sessions] == ["active", "closed", "closed"]
    assert sessions[0].holder is None
    await other.meter.round()
    while (await house.session(other, ids[0])).state != "closed":
        await asyncio.sleep(0.01)
    assert (await house.has())[1] == 0
