"""AAC-LC in ADTS frames (ISO/IEC 14496-3:2019, annex 1.A.2)."""

from __future__ import annotations

from backline.media.audio import Samples
from backline.media.encode.codec import Codec

_INDEX_OF_RATE = {48000: 3, 24000: 6, 22050: 7, 16000: 8, 8000: 11}
_HEADER_BYTES = 7
_LOW_COMPLEXITY = 1
_VARIABLE_RATE = 0x7FF  # buffer fullness: not stated


def aac_options(rate_hz: int, channels: int) -> dict[str, str]:
    """Settings of FFmpeg's own AAC encoder. The fast coder takes a fraction of the time of the two-loop search."""
    return {"b": str(min(64000, 4 * rate_hz) * channels), "aac_coder": "fast"}


class AdtsEncoder:
    """Every frame has its own header. ADTS cannot say so, but the first 1,024 frames a decoder gives are silence."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._codec = Codec("aac", rate_hz, channels, "fltp", aac_options(rate_hz, channels))
        self._fixed = 0xFFF1 << 40 | _LOW_COMPLEXITY << 38 | _INDEX_OF_RATE[rate_hz] << 34 | channels << 30

    def encode(self, samples: Samples) -> bytes:
        return b"".join(map(self._frame, self._codec.push(samples)))

    def finish(self) -> bytes:
        return b"".join(map(self._frame, self._codec.finish()))

    def head(self) -> bytes:
        return b""

    def _frame(self, packet: bytes) -> bytes:
        header = self._fixed | (len(packet) + _HEADER_BYTES) << 13 | _VARIABLE_RATE << 2
        return header.to_bytes(_HEADER_BYTES, "big") + packet
