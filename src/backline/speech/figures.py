"""What is measured of speech."""

from __future__ import annotations

from backline.observability.metrics import Metric

_LABELS = ("engine", "format")

FIRST_AUDIO = Metric(
    "backline_speech_first_audio_seconds",
    "From the request's arrival to its first audio bytes.",
    _LABELS,
    (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.35, 0.5, 1, 2, 5, 10),
)
REAL_TIME_FACTOR = Metric(
    "backline_speech_real_time_factor",
    "Seconds the engine took for one second of sound.",
    _LABELS,
    (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2),
)
STREAMS = Metric("backline_speech_streams_in_flight", "Streams that are being made.", _LABELS)
ENDED = Metric("backline_speech_requests", "Requests that ended, by how.", (*_LABELS, "outcome"))
ABORTED = Metric("backline_speech_streams_aborted", "Streams that ended before their text did.", (*_LABELS, "outcome"))
AUDIO = Metric("backline_speech_audio_seconds", "Seconds of sound made.", _LABELS)
RECORD_WRITES_FAILED = Metric(
    "backline_speech_record_writes_failed", "Attempts to store records of requests that the database did not take."
)
RECORDS_LOST = Metric("backline_speech_records_lost", "Requests whose record was given up, by why.", ("why",))
TEXTS_COPIED = Metric("backline_speech_texts_copied", "Texts and their copies elsewhere, by how it went.", ("outcome",))
