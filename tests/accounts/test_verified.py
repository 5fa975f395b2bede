"""What is remembered of checked credentials: for how long, how much, and what a change makes of it."""

from __future__ import annotations

import asyncio

import pytest

from backline.accounts.principal import Principal
from backline.accounts.verified import BELIEVED_SECONDS, Verdict, VerifiedCallers
from backline.errors import Unavailable

ANNA = Principal("user_anna", key_id="key_one")


class Register:
    """Knows some credentials; counts how often it is asked."""

    def __init__(self, **known: Principal) -> None:
        self.known = known
        self.asked: list[str] = []
        self.valid_seconds = BELIEVED_SECONDS
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.seconds = 50.0
        self.callers = VerifiedCallers(capacity=3, monotonic=lambda: self.seconds)

    async def check(self, name: str) -> Verdict:
        self.asked.append(name)
        found = self.known.get(name)  # read before it waits, as a query would
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return Verdict(found, self.valid_seconds)

    async def caller(self, name: str) -> Principal | None:
        return await self.callers.caller(name.encode(), lambda: self.check(name))


async def test_an_answer_is_believed_for_half_a_minute() -> None:
    register = Register(a=ANNA)
    for name, answer in (("a", ANNA), ("unknown", None)):
        assert await register.caller(name) == answer
        register.seconds += BELIEVED_SECONDS - 0.001
        assert await register.caller(name) == answer
        assert register.asked == [name]
        register.seconds += 0.001
        assert await register.caller(name) == answer
        assert register.asked == [name, name]
        register.asked.clear()


async def test_the_half_minute_begins_before_the_look_and_not_after_it() -> None:
    register = Register(a=ANNA)
    register.gate.clear()
    asking = asyncio.create_task(register.caller("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    register.seconds += 20
    register.gate.set()
    await asking
    register.seconds += 10
    await register.caller("a")
    assert register.asked == ["a", "a"]


async def test_nothing_is_believed_beyond_its_own_end() -> None:
    register = Register(a=ANNA)
    register.valid_seconds = 2
    await register.caller("a")
    register.seconds += 2
    await register.caller("a")
    assert register.asked == ["a", "a"]


async def test_a_flood_of_unknown_ones_pushes_out_no_known_one() -> None:
    register = Register(a=ANNA)
    await register.caller("a")
    for number in range(100):
        assert await register.caller(f"unknown-{number}") is None
    assert await register.caller("a") == ANNA
    assert register.asked.count("a") == 1
    assert len(register.callers._unknown) == 3


async def test_those_who_come_stay_and_those_who_left_go_first() -> None:
    register = Register(**{name: Principal(name) for name in "abcd"})
    for name in "abc":
        await register.caller(name)
    await register.caller("a")
    await register.caller("d")
    assert len(register.callers._known) == 3
    register.asked.clear()
    await register.caller("a")
    await register.caller("b")
    assert register.asked == ["b"]


async def test_one_looks_for_all_who_wait_and_whoever_leaves_harms_nobody() -> None:
    register = Register(a=ANNA)
    register.gate.clear()
    waiting = [asyncio.create_task(register.caller("a")) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    register.gate.set()
    assert await asyncio.gather(*waiting[1:]) == [ANNA] * 4
    assert register.asked == ["a"]


async def test_a_failure_is_told_to_all_who_wait_and_remembered_for_nobody() -> None:
    register = Register(a=ANNA)
    register.failure = away = Unavailable("away")
    told = await asyncio.gather(register.caller("a"), register.caller("a"), return_exceptions=True)
    assert [one is away for one in told] == [True, True]
    register.failure = None
    assert await register.caller("a") == ANNA


async def test_what_is_forgotten_is_looked_up_again() -> None:
    register = Register(a=ANNA, b=Principal("user_bob"))
    await register.caller("a")
    await register.caller("b")
    register.known.clear()
    register.callers.forget(lambda principal: principal.key_id == "key_one")
    assert await register.caller("a") is None
    assert await register.caller("b") == Principal("user_bob")


@pytest.mark.parametrize("later", [False, True])
async def test_what_was_read_before_a_change_is_not_remembered_after_it(later: bool) -> None:
    """A key is revoked between the query that found it good and the moment that would be remembered."""
    register = Register(a=ANNA)
    register.gate.clear()
    early = asyncio.create_task(register.caller("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    register.known.clear()
    register.callers.forget(lambda principal: principal == ANNA)
    if later:  # whoever comes after the change does not join the old look
        register.gate.set()
        assert await register.caller("a") is None
    register.gate.set()
    assert await early == ANNA
    assert await register.caller("a") is None
