"""What is known of a speech request once it is over, for whoever made it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

Outcome = Literal["running", "completed", "cancelled", "client_left", "exhausted", "refused", "failed"]
"""exhausted: the credit was used up before the text was."""


@dataclass(slots=True)
class SpeechRecord:
    """One request. Times in milliseconds; `ttfb_ms` counts from the request's arrival to the first audio bytes.

    rtf: seconds the engine took for a second of sound. credits_consumed: seconds of credit, as a decimal string;
    credits_remaining: what the account had when it was settled; None where nothing is charged.
    input_tokens, output_tokens: only from engines that count them.
    """

    request_id: str
    owner_id: str
    engine: str
    model_version: str
    voice: str
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

    @property
    def rtf(self) -> float | None:
        return round(self.t_infer_ms / 1000 / self.audio_seconds, 4) if self.audio_seconds else None


class SpeechRecords(Protocol):
    def begin(self, record: SpeechRecord) -> None:
        """Remember a request; the record goes on changing until its outcome is no longer `running`."""
        ...

    def find(self, request_id: str, owner_id: str) -> SpeechRecord | None:
        """None for an unknown one and for another owner's alike."""
        ...


class RecordsInMemory:
    """The last `kept` requests of this process."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._records: OrderedDict[tuple[str, str], SpeechRecord] = OrderedDict()

    def begin(self, record: SpeechRecord) -> None:
        key = (record.owner_id, record.request_id)
        self._records.pop(key, None)  # a client may repeat its own id; the newest is what it means
        self._records[key] = record
        while len(self._records) > self._kept:
            self._records.popitem(last=False)

    def find(self, request_id: str, owner_id: str) -> SpeechRecord | None:
        return self._records.get((owner_id, request_id))
