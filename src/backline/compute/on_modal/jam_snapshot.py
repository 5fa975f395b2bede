"""What is known of a jam session outside the container that plays it: enough to find it, and to open it anew.

All of it is data that every gateway may read. Each writes what it has learned under a name of its own, and whoever
reads puts that together: nobody undoes what another has written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self, TypeVar

from backline.compute.jam_wire import status_as_data, status_of
from backline.engines.jam.orders import JamChange, JamChunk, JamOptions, JamStatus
from backline.engines.jam.playing import changed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Marks:
    """How far a session has come.

    billed_seconds: of all the time on all its containers. jams: how many were started. following: the index of the
    chunk after the newest that was handed out; bar and sample: where it begins, counted from the start of its jam.
    """

    billed_seconds: float = 0.0
    jams: int = 0
    following: int = 0
    bar: int = 0
    sample: int = 0

    def merged(self, other: Marks) -> Marks:
        newest = max(self, other, key=lambda one: (one.jams, one.following))
        return replace(
            newest,
            billed_seconds=max(self.billed_seconds, other.billed_seconds),
            following=max(self.following, other.following),
        )

    def billed(self, seconds: float | None) -> Marks:
        return replace(self, billed_seconds=max(self.billed_seconds, seconds or 0.0))

    def passed(self, chunk: JamChunk) -> Marks:
        """It was handed out."""
        if chunk.index < self.following:
            return self
        told = chunk.metadata
        bar, sample = told.first_bar + told.bars, told.start_sample + told.total_samples
        return replace(self, following=chunk.index + 1, bar=bar, sample=sample)

    def begun(self, jam: Jam) -> Marks:
        return replace(self, jams=jam.number, bar=0, sample=0)


@dataclass(frozen=True, slots=True)
class Jam:
    """What is played: how it was begun, with every change since. number: of the session's jams, counted from 1.
    revision: grows with each change. stopped: it plays to the next bar line only."""

    options: JamOptions
    number: int = 1
    revision: int = 0
    stopped: bool = False

    @property
    def age(self) -> tuple[int, int]:
        return self.number, self.revision

    def changed(self, change: JamChange) -> Jam:
        return replace(self, options=changed(self.options, change))


@dataclass(frozen=True, slots=True)
class Place:
    """A container of the session, the newest of those it has had: where it is, once it has been found.

    session_id: by which it knows the session, another on each: two sessions of Modal may come to the same container,
    one after the other. by: the gateway that opens it, and `told_at` grows while it does (seconds since 1970). ready:
    the session is warm there, and plays. base: how far the session had come before, less what this container
    counted until it played. silent: its jam had been stopped by
    then.
    """

    session_id: str
    by: str
    told_at: float
    url: str | None = None
    token: str | None = None
    ready: bool = False
    silent: bool = False
    base: Marks = field(default_factory=Marks)

    def as_data(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        return _read(cls, {**data, "base": _read(Marks, data.get("base", {}))})


@dataclass(frozen=True, slots=True)
class Record:
    """A session. seat: its place among all that there may be. made_at: in seconds since 1970. ended: how it stood at
    its end; None while it is open."""

    seat: int
    made_at: float
    ended: JamStatus | None = None

    def as_data(self) -> dict[str, Any]:
        return {**asdict(self), "ended": None if self.ended is None else status_as_data(self.ended)}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Raises Unavailable for a status that makes no sense."""
        return _read(cls, {**data, "ended": _status(data.get("ended"))})


@dataclass(frozen=True, slots=True)
class News:
    """What one gateway has learned of an open session, or all of them together. seen_at: in seconds since 1970, when it
    was last heard of; status: what was told then."""

    seen_at: float
    status: JamStatus | None = None
    marks: Marks = field(default_factory=Marks)
    jam: Jam | None = None

    def merged(self, other: News) -> News:
        newest = max(self, other, key=lambda one: (one.status is not None, one.seen_at))
        jams = [one.jam for one in (self, other) if one.jam is not None]
        return News(
            max(self.seen_at, other.seen_at),
            newest.status,
            self.marks.merged(other.marks),
            max(jams, key=lambda jam: jam.age, default=None),
        )

    def as_data(self) -> dict[str, Any]:
        return {**asdict(self), "status": None if self.status is None else status_as_data(self.status)}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Raises Unavailable for a status that makes no sense."""
        jam = data.get("jam")
        return _read(
            cls,
            {
                **data,
                "status": _status(data.get("status")),
                "marks": _read(Marks, data.get("marks", {})),
                "jam": None if jam is None else _read(Jam, {**jam, "options": _read(JamOptions, jam["options"])}),
            },
        )


def seen_through(place: Place, status: JamStatus, first: JamStatus | None) -> JamStatus:
    """What a container tells, as the whole session stands. first: what was known of the session before: it is as old as
    it was, and warm since then."""
    base, since = place.base, first or status
    moved = since.warmed
    return replace(
        status,
        billing_state="active" if moved and status.billing_state == "warming" else status.billing_state,
        warmed=status.warmed or moved,
        session_created_ts=since.session_created_ts,
        warm_started_ts=since.warm_started_ts,
        warm_completed_ts=since.warm_completed_ts or status.warm_completed_ts,
        billable_start_ts=since.billable_start_ts or status.billable_start_ts,
        billable_elapsed_seconds=_sum(base.billed_seconds, status.billable_elapsed_seconds),
        last_made_index=_index(base, status.last_made_index),
        last_delivered_index=_index(base, status.last_delivered_index),
        last_consumed_index=_index(base, status.last_consumed_index),
        ended=status.ended or (place.silent and not status.jam_running),
    )


def chunk_through(place: Place, jams: int, chunk: JamChunk) -> JamChunk:
    """A chunk of a container, counted from the session's beginning. jams: of the session so far: the place where one
    goes on is that of the same jam only."""
    base, told = place.base, chunk.metadata
    index = base.following + chunk.index
    if jams != base.jams:
        return replace(chunk, index=index)
    metadata = replace(told, first_bar=base.bar + told.first_bar, start_sample=base.sample + told.start_sample)
    return JamChunk(index, chunk.audio, metadata)


def warming_status(session_id: str, made_at: float, engine: str, idle_seconds: float) -> JamStatus:
    """Of a session that has no container yet."""
    return JamStatus(
        session_id=session_id,
        billing_state="warming",
        warmed=False,
        jam_running=False,
        tag=engine,
        model_version=None,
        container_warmup_seconds=None,
        scaledown_window_seconds=idle_seconds,
        session_created_ts=made_at,
        warm_started_ts=made_at,
        warm_completed_ts=None,
        last_touched_ts=made_at,
        last_activity_ts=made_at,
        closed_ts=None,
        close_reason=None,
        closed_last_activity_ts=None,
        billable_start_ts=None,
        billable_end_estimated_ts=None,
        billable_elapsed_seconds=None,
        idle_seconds=0.0,
        warm_age_seconds=None,
        estimated_scaledown_ts=None,
    )


def closed_status(status: JamStatus, reason: str, now: float) -> JamStatus:
    """The end of a session whose container cannot be asked: what is billed is what was last known. now: in seconds
    since 1970."""
    return replace(
        status,
        billing_state="closed",
        jam_running=False,
        closed_ts=now,
        close_reason=reason,
        closed_last_activity_ts=status.last_activity_ts,
        billable_end_estimated_ts=status.last_activity_ts,
        billable_elapsed_seconds=status.billable_elapsed_seconds or 0.0,
        estimated_scaledown_ts=None,
    )


def _read(kind: type[T], data: Mapping[str, Any]) -> T:
    """By this release or by another one: what is not known here is left out."""
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in data.items() if name in known})


def _status(data: Mapping[str, Any] | None) -> JamStatus | None:
    return None if data is None else status_of(data)


def _sum(before: float, now: float | None) -> float | None:
    return before or None if now is None else before + now


def _index(base: Marks, index: int | None) -> int | None:
    """Nothing of this container yet: the newest of those before."""
    if index is not None:
        return base.following + index
    return base.following - 1 if base.following else None
