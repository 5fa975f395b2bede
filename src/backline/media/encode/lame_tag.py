"""The information frame before an MP3 stream: a silent frame whose body holds Xing's and LAME's tags.

Layout: Gabriel Bouvigne, "MP3 Info Tag, revision 1 specifications", draft 0, and the Xing header it extends.
"""

from __future__ import annotations

import struct

ENCODER_DELAY_FRAMES = 576  # LAME's own; a decoder trims 529 more by itself
_FRAMES_KNOWN, _BYTES_KNOWN = 1, 2
_CONSTANT_RATE = 1
_WITHOUT_CHECKSUM = 0x01  # of the header's second byte
_PADDED = 0x02  # of the third


def information_frame(
    first_header: bytes, length_bytes: int, frames: int, total_bytes: int, padding_frames: int
) -> bytes:
    """One MPEG frame of `length_bytes`.

    first_header: the four bytes that begin the stream's first frame of sound.
    frames: of sound, without this one. total_bytes: with this one. Both 0 while nobody knows.
    padding_frames: PCM frames after the true end; at most 4095.
    """
    sync, version, third, modes = first_header
    header = bytes([sync, version | _WITHOUT_CHECKSUM, third & ~_PADDED & 0xFF, modes & 0xC0])
    known = struct.pack(">III", _FRAMES_KNOWN | _BYTES_KNOWN, frames, total_bytes) if frames else struct.pack(">I", 0)
    trim = (ENCODER_DELAY_FRAMES << 12 | padding_frames).to_bytes(3, "big")
    tag = struct.pack(">9sBBfHHBB3sBBHI", b"LAME3.100", _CONSTANT_RATE, 0, 0.0, 0, 0, 0, 0, trim, 0, 0, 0, total_bytes)
    body = header + bytes(_side_info_bytes(version, modes)) + b"Info" + known + tag + bytes(2)
    body += struct.pack(">H", crc16(body))
    return body.ljust(length_bytes, b"\0")


def crc16(data: bytes) -> int:
    """CRC-16/ARC: polynomial 0x8005, least significant bit first, starting from zero."""
    register = 0
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register


def _side_info_bytes(version: int, modes: int) -> int:
    """ISO/IEC 11172-3 section 2.4.1.7 and 13818-3: half as much for the lower rates, half as much for mono."""
    mpeg1 = version & 0x08
    mono = modes & 0xC0 == 0xC0
    if mpeg1:
        return 17 if mono else 32
    return 9 if mono else 17
