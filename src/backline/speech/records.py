"""What is known of a speech request while it runs and afterwards, for whoever made it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Literal, Protocol

from backline.ids import new_id

Outcome = Literal["running", "completed", "cancelled", "client_left", "exhausted", "refused", "failed"]
"""exhausted: the credit was used up before the text was."""

Text = Callable[[], str]
"""A request's text as it was received; asked for when the request is over, because some arrive in pieces."""


class NamedVoice(Protocol):
    """What a record says of a voice."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


@dataclass(slots=True)
class SpeechRecord:
    """One request. Times in milliseconds; `ttfb_ms` counts from the request's arrival to the first audio bytes.

    voice: as it was asked for, an engine's or a custom one; voice_name: what it was called then.
    rtf: seconds the engine took for a second of sound. credits_consumed: seconds of credit, as a decimal string;
    credits_remaining: what the account had when it was settled; None where nothing is charged.
    input_tokens, output_tokens: only from engines that count them.
    id: ours, unique and sortable; a caller may use a request id twice.
    """

    request_id: str
    owner_id: str
    engine: str
    model_version: str
    voice: str
    voice_name: str
    format: str
    sample_rate: int
    stream: bool
    characters: int
    created_at: datetime
    outcome: Outcome = "running"
    error_code: str | None = None
    ttfb_ms: float | None = None
    t_infer_ms: float = 0.0
    t_encode_ms: float = 0.0
    t_norm_ms: float = 0.0
    t_total_ms: float | None = None
    audio_seconds: float = 0.0
    audio_bytes: int = 0
    chunks_sent: int = 0
    credits_consumed: str = "0"
    credits_remaining: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    languages: list[str] = field(default_factory=list)
    id: str = field(default_factory=partial(new_id, "speech"))

    @property
    def rtf(self) -> float | None:
        return round(self.t_infer_ms / 1000 / self.audio_seconds, 4) if self.audio_seconds else None


class SpeechRecords(Protocol):
    """Neither `begin` nor `end` waits for anything, and neither fails."""

    def begin(self, record: SpeechRecord, text: Text) -> None:
        """Remember a request; the record goes on changing until its end."""
        ...

    def end(self, record: SpeechRecord) -> None:
        """Nothing in it changes any more."""
        ...

    async def find(self, request_id: str, owner_id: str) -> SpeechRecord | None:
        """The newest with this id; None for an unknown one and for another owner's alike."""
        ...

    async def recent(
        self, owner_id: str, *, outcome: Outcome | None, before: str | None, limit: int
    ) -> list[SpeechRecord]:
        """The newest first. outcome: only those that ended so. before: a record's `id`; only what is older."""
        ...


class RecordsInMemory:
    """The last `kept` requests of this process, without their texts."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._records: OrderedDict[str, SpeechRecord] = OrderedDict()

    def begin(self, record: SpeechRecord, text: Text) -> None:
        self._records[record.id] = record
        while len(self._records) > self._kept:
            self._records.popitem(last=False)

    def end(self, record: SpeechRecord) -> None:
        pass

    async def find(self, request_id: str, owner_id: str) -> SpeechRecord | None:
        mine = (record for record in reversed(self._records.values()) if record.owner_id == owner_id)
        return next((record for record in mine if record.request_id == request_id), None)

    async def recent(
        self, owner_id: str, *, outcome: Outcome | None, before: str | None, limit: int
    ) -> list[SpeechRecord]:
        return newest(self._records.values(), owner_id, outcome, before)[:limit]


def newest(
    records: Iterable[SpeechRecord], owner_id: str, outcome: Outcome | None, before: str | None
) -> list[SpeechRecord]:
    """Those that a list asks for, the newest first."""
    asked = (
        record
        for record in records
        if record.owner_id == owner_id
        and (outcome is None or record.outcome == outcome)
        and (before is None or record.id < before)
    )
    return sorted(asked, key=lambda record: record.id, reverse=True)
