"""A chunk that has been made, and the files that it can be sent as."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from backline.engines.jam.orders import ChunkFormat, ChunkMetadata, JamChunk
from backline.errors import Invalid
from backline.media.audio import from_pcm16
from backline.media.encode.base import Encoder
from backline.media.encode.flac import FlacEncoder
from backline.media.encode.opus_part import OggOpusPart
from backline.media.wav import HEADER_BYTES, wav_header

Pcm = npt.NDArray[np.int16]
"""int16 [frames, 2]: half of what float32 would take, and exactly what WAV and FLAC hold."""

_OPUS_RATES_HZ = (8000, 16_000, 24_000, 48_000)  # RFC 6716 section 2.1.3
_MOST_FLAC_HZ = 65_535  # faster ones must be whole tens, RFC 9639 section 9.1.2


@dataclass(slots=True)
class MadeChunk:
    """metadata: with the format it was made for; each answer has its own. before: what is heard just before it.
    files: by format, each encoded once."""

    index: int
    metadata: ChunkMetadata
    before: Pcm
    files: dict[ChunkFormat, bytes]

    @classmethod
    def of(cls, index: int, metadata: ChunkMetadata, before: Pcm, pcm: Pcm) -> MadeChunk:
        wav = wav_header(metadata.sample_rate, 2, pcm.nbytes) + pcm.tobytes()
        return cls(index, metadata, before, {"wav": wav})

    def encode(self, chunk_format: ChunkFormat) -> None:
        """Takes time: for a thread."""
        if chunk_format not in self.files:
            self.files[chunk_format] = self._encoded(self._encoder(chunk_format))

    def mark_last(self) -> None:
        self.metadata = replace(self.metadata, last=True)

    def as_sent(self, chunk_format: ChunkFormat) -> JamChunk:
        return JamChunk(self.index, self.files[chunk_format], replace(self.metadata, format=chunk_format))

    def _encoder(self, chunk_format: ChunkFormat) -> Encoder:
        rate_hz = self.metadata.sample_rate
        if chunk_format == "flac":
            return FlacEncoder(rate_hz, 2)
        return OggOpusPart(rate_hz, 2, from_pcm16(self.before.tobytes(), 2))

    def _encoded(self, encoder: Encoder) -> bytes:
        """A whole file, with true lengths in its header."""
        body = encoder.encode(from_pcm16(memoryview(self.files["wav"])[HEADER_BYTES:], 2)) + encoder.finish()
        head = encoder.head()
        return head + body[len(head) :]


def check_rate(chunk_format: ChunkFormat, rate_hz: int) -> None:
    """Raises Invalid `unsupported_rate` where the format has no such rate: nothing is resampled on the way out, because
    chunks would no longer join."""
    if chunk_format == "opus" and rate_hz not in _OPUS_RATES_HZ:
        choices = ", ".join(map(str, _OPUS_RATES_HZ))
        raise _unsupported(f"Opus has no {rate_hz} Hz. Start with a target_sample_rate of {choices}, or ask for wav.")
    if chunk_format == "flac" and rate_hz > _MOST_FLAC_HZ and rate_hz % 10:
        raise _unsupported(f"FLAC has no {rate_hz} Hz. Start with another target_sample_rate, or ask for wav.")


def _unsupported(detail: str) -> Invalid:
    return Invalid(detail, code="unsupported_rate", more={"field": "format"})
