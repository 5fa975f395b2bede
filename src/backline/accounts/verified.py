"""What is known about credentials that were checked a moment ago, so that checking them again costs no query.

Whoever was let in is believed for at most 30 s, whoever was refused as well; that is also how long a revoked key can
live on in another process. Two bounded memories, so that a flood of unknown credentials cannot push out the known ones.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from backline.accounts.principal import Principal
from backline.clock import Monotonic, monotonic

BELIEVED_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """principal: None for nobody. valid_seconds: after which the credential is no longer good, if that is known."""

    principal: Principal | None
    valid_seconds: float = BELIEVED_SECONDS


Check = Callable[[], Awaitable[Verdict]]


class VerifiedCallers:
    """capacity: entries of each of the two memories. monotonic may be exchanged while running, by tests."""

    def __init__(self, capacity: int = 10_000, monotonic: Monotonic = monotonic) -> None:
        self.monotonic = monotonic
        self._known: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._unknown: OrderedDict[bytes, float] = OrderedDict()
        self._capacity = capacity
        self._checking: dict[bytes, asyncio.Task[Principal | None]] = {}
        self._forgotten = 0

    async def caller(self, digest: bytes, check: Check) -> Principal | None:
        """Whom the credential with this digest stands for; None for nobody. `check` is asked when nothing is known, by
        one for all who wait. What it raises is not remembered."""
        now = self.monotonic()
        known = self._known.get(digest)
        if known is not None and known[1] > now:
            self._known.move_to_end(digest)
            return known[0]
        refused_until = self._unknown.get(digest)
        if refused_until is not None and refused_until > now:
            self._unknown.move_to_end(digest)
            return None
        checking = self._checking.get(digest)
        if checking is None:
            checking = asyncio.create_task(self._check(digest, check))
            self._checking[digest] = checking
            checking.add_done_callback(partial(self._end_check, digest))
        return await asyncio.shield(checking)  # whoever leaves while waiting does not fail the others

    def forget(self, concerns: Callable[[Principal], bool]) -> None:
        """Everything that was checked about these callers, also what is being checked right now."""
        for digest in [digest for digest, (principal, _) in self._known.items() if concerns(principal)]:
            del self._known[digest]
        self._checking.clear()
        self._forgotten += 1

    async def _check(self, digest: bytes, check: Check) -> Principal | None:
        forgotten, began = self._forgotten, self.monotonic()
        verdict = await check()
        until = began + min(BELIEVED_SECONDS, verdict.valid_seconds)
        if forgotten != self._forgotten:
            return verdict.principal  # it may have been read before the change that made us forget
        if verdict.principal is None:
            self._unknown[digest] = until
            _shorten(self._unknown, self._capacity)
        else:
            self._known[digest] = (verdict.principal, until)
            self._known.move_to_end(digest)
            _shorten(self._known, self._capacity)
        return verdict.principal

    def _end_check(self, digest: bytes, checking: asyncio.Task[Principal | None]) -> None:
        if self._checking.get(digest) is checking:
            del self._checking[digest]
        if not checking.cancelled():
            checking.exception()  # whoever waited has it; when nobody does any more, that is no news


def _shorten(memory: OrderedDict[bytes, tuple[Principal, float]] | OrderedDict[bytes, float], capacity: int) -> None:
    while len(memory) > capacity:
        memory.popitem(last=False)
