"""Work on somebody else's machines, as callers see it: started, asked about, cancelled.

A provider has three answers. *Unknown is not dead*: it means that nobody can say now, so whoever asked waits and asks
again; nothing is started a second time because of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from backline.errors import BacklineError

EXPIRED = "remote_expired"
"""The code of a call that has ended well, and whose result nobody fetched in time."""


@dataclass(frozen=True, slots=True)
class Running:
    """progress: 0 to 1, None where the work does not say. more: whatever else it tells of itself, for whoever follows
    the job. checkpoint: where another attempt would go on; None where it says nothing."""

    progress: float | None = None
    message: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """Over: with a result, or with an error that is final for this call (a failure, a cancel, a result that has
    expired)."""

    result: Mapping[str, Any] | None = None
    error: BacklineError | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The provider cannot be reached, or does not know the call now. reason: in a few words, for the log."""

    reason: str


Answer = Running | Done | Unknown


class Remote(Protocol):
    """One provider. Any method may raise BacklineError when the provider cannot be reached."""

    async def spawn(self, function: str, job_id: str, attempt: int, data: Mapping[str, Any]) -> str:
        """Start `function` on data; returns the call's id at once.

        The function is told job_id and attempt: what it stores goes under both, so that of two calls for one job, as
        they can happen when a process dies in the middle of this, one loses.
        """
        ...

    async def poll(self, call: str) -> Answer:
        """How the call stands; never waits for it."""
        ...

    async def cancel(self, call: str) -> None:
        """Ask the call to end; harmless when it has. Whether it did is told by `poll`."""
        ...
