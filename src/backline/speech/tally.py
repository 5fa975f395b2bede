"""What one stream has done so far: kept in its record, and told to the log and the metrics."""

from __future__ import annotations

from collections.abc import Iterable

from backline.clock import monotonic
from backline.engines.speech.base import SpeechBlock
from backline.observability.logging import get_logger
from backline.observability.metrics import Metrics
from backline.speech import figures
from backline.speech.records import Outcome, SpeechRecord
from backline.speech.text.prepare import Preparation


class Tally:
    """started: when the request arrived, by `clock.monotonic`."""

    def __init__(self, record: SpeechRecord, metrics: Metrics, preparation: Preparation, started: float) -> None:
        self.record = record
        self._metrics = metrics
        self._preparation = preparation
        self._started = started
        self._labels = (record.engine, record.format)
        self._engine_began = started
        self._log = get_logger()

    def elapsed_ms(self) -> float:
        """Milliseconds since the request arrived."""
        return round((monotonic() - self._started) * 1000, 3)

    def begin(self) -> None:
        self._metrics.gauge(figures.STREAMS, 1, *self._labels)

    def unit(self, language: str, *, last: bool) -> None:
        """A unit goes to the engine. language: the one it is spoken in; last: nothing follows it."""
        if not self.record.languages:
            spent_ms = round(self._preparation.spent_seconds * 1000, 3)
            self._log.debug("tts.normalization_done", t_norm_ms=spent_ms, language=language)
            self._log.debug("tts.chunking_decision", chunking=self._preparation.chunking, single=last)
            self._log.debug("tts.inference_started", engine=self.record.engine, speaker=self.record.voice)
        if language not in self.record.languages:
            self.record.languages.append(language)

    def engine_begins(self) -> None:
        """An instance is free for the unit; waiting for it is not the engine's time."""
        self._engine_began = monotonic()

    def made(self, asked: float, blocks: Iterable[SpeechBlock]) -> None:
        """The engine made `blocks`, for which it was asked at that time."""
        record = self.record
        record.t_infer_ms += (monotonic() - max(asked, self._engine_began)) * 1000
        for block in blocks:
            if block.tokens:
                record.input_tokens = (record.input_tokens or 0) + block.tokens.read
                record.output_tokens = (record.output_tokens or 0) + block.tokens.written

    def encoded(self, seconds: float, data_bytes: int) -> None:
        """The encoder took `seconds` and gave so many bytes, perhaps none."""
        record = self.record
        record.t_encode_ms += seconds * 1000
        if data_bytes:
            record.audio_bytes += data_bytes
            record.chunks_sent += 1
            if record.ttfb_ms is None:
                self._first_audio()

    def kept_back(self) -> None:
        """A whole answer begins to be sent only now."""
        self.record.ttfb_ms = self.elapsed_ms()
        self._metrics.observe(figures.FIRST_AUDIO, self.record.ttfb_ms / 1000, *self._labels)

    def failed(self, code: str, error: Exception | None = None) -> None:
        """error: one that nobody foresaw; its type and place are logged."""
        self.record.error_code = code
        if error is None:
            self._log.warning("tts.error", code=code)
        else:
            self._log.error("tts.error", code=code, exc_info=error)

    def end(self, outcome: Outcome) -> None:
        record = self.record
        record.outcome = outcome
        record.t_norm_ms = round(self._preparation.spent_seconds * 1000, 3)
        record.t_infer_ms = round(record.t_infer_ms, 3)
        record.t_encode_ms = round(record.t_encode_ms, 3)
        record.t_total_ms = self.elapsed_ms()
        self._metrics.gauge(figures.STREAMS, -1, *self._labels)
        self._metrics.count(figures.ENDED, *self._labels, outcome)
        self._metrics.count(figures.AUDIO, *self._labels, by=record.audio_seconds)
        if outcome not in ("completed", "refused"):
            self._metrics.count(figures.ABORTED, *self._labels, outcome)
        if record.rtf is not None:
            self._metrics.observe(figures.REAL_TIME_FACTOR, record.rtf, *self._labels)
        self._log_completed()

    def _first_audio(self) -> None:
        self.record.ttfb_ms = self.elapsed_ms()
        if self.record.stream:
            self._metrics.observe(figures.FIRST_AUDIO, self.record.ttfb_ms / 1000, *self._labels)
        self._log.info("tts.first_audio_emitted", t_first_chunk_ms=self.record.ttfb_ms, format=self.record.format)

    def _log_completed(self) -> None:
        record = self.record
        self._log.info(
            "tts.stream_completed",
            user_id=record.owner_id,
            outcome=record.outcome,
            speaker=record.voice,
            format=record.format,
            stream=record.stream,
            model_version=record.model_version,
            t_norm_ms=record.t_norm_ms,
            t_infer_ms=record.t_infer_ms,
            t_first_chunk_ms=record.ttfb_ms,
            t_encode_ms=record.t_encode_ms,
            t_total_ms=record.t_total_ms,
            audio_bytes=record.audio_bytes,
            audio_seconds=record.audio_seconds,
            chunks_sent=record.chunks_sent,
            rtf=record.rtf,
            credits_consumed=record.credits_consumed,
        )
