"""What went wrong once with live sessions, here or in the middleware before, and is not to come back."""

from __future__ import annotations

import asyncio

from backline.engines.jam.orders import JamStatus
from backline.errors import Unavailable
from tests.jam.house import ADA, Gateway, House
from tests.jam.worker import ScriptedWorker


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
