"""The header of a RIFF/WAVE file of 16-bit PCM ("Multimedia Programming Interface and Data Specifications 1.0", 1991)."""

from __future__ import annotations

import struct

HEADER_BYTES = 44
_UNKNOWN = 0xFFFFFFFF  # a reader takes it as "until the end"; also the most the field can say
_PCM = 1


def wav_header(rate_hz: int, channels: int, data_bytes: int | None) -> bytes:
    """The 44 bytes before the samples. data_bytes: of all samples; None while nobody knows yet."""
    unknown = data_bytes is None or data_bytes + HEADER_BYTES - 8 > _UNKNOWN
    riff_bytes, sample_bytes = (_UNKNOWN, _UNKNOWN) if unknown else (data_bytes + HEADER_BYTES - 8, data_bytes)
    frame_bytes = 2 * channels
    form = struct.pack("<HHIIHH", _PCM, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, 16)
    return (
        struct.pack("<4sI4s4sI", b"RIFF", riff_bytes, b"WAVE", b"fmt ", len(form))
        + form
        + struct.pack("<4sI", b"data", sample_bytes)
    )
