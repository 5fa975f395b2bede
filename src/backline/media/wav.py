"""The header of a RIFF/WAVE file of 16-bit PCM.

Source: IBM and Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", August 1991, chapter 3.
"""

from __future__ import annotations

import struct

HEADER_BYTES = 44
_UNKNOWN = 0xFFFFFFFF  # a reader takes it as "until the end"; also the most the field can say
_PCM = 1
_BITS = 16


def wav_header(rate_hz: int, channels: int, data_bytes: int | None) -> bytes:
    """The 44 bytes before the samples. data_bytes: of all samples; None while nobody knows yet."""
    sample_bytes = _UNKNOWN if data_bytes is None else min(data_bytes, _UNKNOWN)
    riff_bytes = min(sample_bytes + HEADER_BYTES - 8, _UNKNOWN)
    frame_bytes = _BITS // 8 * channels
    sound = struct.pack("<HHIIHH", _PCM, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, _BITS)
    form = struct.pack("<4sI", b"fmt ", len(sound)) + sound
    return struct.pack("<4sI4s", b"RIFF", riff_bytes, b"WAVE") + form + struct.pack("<4sI", b"data", sample_bytes)
