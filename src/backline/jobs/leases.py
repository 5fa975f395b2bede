"""Whether the lease of another has died, judged so that no clock is believed.

A lease's end is a moment of the clock of whoever holds it; that clock may be set, and so may ours. So an end that has
passed counts only if we have also watched the lease stand still, by a clock that is never set, for half of its length:
a holder that lives renews it at every third. A lease that stands still for its whole length is dead whatever its end
says. Whoever was asleep meanwhile has watched nothing, and begins again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backline.clock import Monotonic, monotonic
from backline.jobs.repository import Lease


@dataclass(frozen=True, slots=True)
class _Seen:
    lease: Lease
    since: float


class LeaseWatch:
    """look_seconds: how often `dead` is called, at least; a longer pause means that we were asleep."""

    def __init__(self, look_seconds: float, clock: Monotonic = monotonic) -> None:
        self._asleep_seconds = 5 * look_seconds
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._looked = clock()

    def dead(self, leases: Sequence[Lease], now: datetime) -> list[Lease]:
        """Of all leases that there are now, those that nobody renews. now: by our clock, believed by half."""
        moment = self._clock()
        if moment - self._looked > self._asleep_seconds:
            self._seen = {}
        self._looked = moment
        before = self._seen
        self._seen = {lease.job_id: self._since(lease, before, moment) for lease in leases}
        return [lease for lease in leases if self._is_dead(lease, moment, now)]

    def _since(self, lease: Lease, before: dict[str, _Seen], moment: float) -> _Seen:
        seen = before.get(lease.job_id)
        return seen if seen is not None and seen.lease == lease else _Seen(lease, moment)

    def _is_dead(self, lease: Lease, moment: float, now: datetime) -> bool:
        still_seconds = moment - self._seen[lease.job_id].since
        over = lease.until is not None and lease.until < now
        return still_seconds >= (lease.seconds / 2 if over else lease.seconds)
