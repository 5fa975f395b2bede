"""What a running job tells of itself on the board: one entry by `key_of(job, attempt)`, written whole each time.

The machine that works writes it and, when it begins anew after its container died, goes on from it; the gateway reads
it. It is only news: what a call has come to is told by the call itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from backline.compute.remote import Running


def key_of(job_id: str, attempt: int) -> str:
    return f"{job_id}/{attempt}"


@dataclass(frozen=True, slots=True)
class Entry:
    """progress, message, more, checkpoint: as `Running` has them. ended: the call itself can be asked now, or in a
    moment. told_at: seconds since 1970, by the clock of the machine that works."""

    progress: float | None = None
    message: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: Mapping[str, Any] | None = None
    ended: bool = False
    told_at: float = 0.0

    @property
    def running(self) -> Running:
        return Running(self.progress, self.message, self.more, self.checkpoint)

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


def entry_of(data: Mapping[str, Any]) -> Entry:
    """What `as_data` made, by this release or by another one: what is not known here is left out."""
    return Entry(**{name: data[name] for name in Entry.__slots__ if name in data})
