"""Ogg pages (RFC 3533)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

_FIRST, _LAST = 2, 4  # header flags, RFC 3533 section 6
_CRC_OFFSET = 22
_MIRRORED_BYTES = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_MOST_SEGMENTS = 255


def ogg_crc(data: bytes) -> int:
    """Ogg's checksum: polynomial 0x04c11db7, most significant bit first, starting from zero.

    zlib has the same polynomial the other way round, inverted at both ends; mirroring every byte and the result turns
    one into the other and keeps the loop in C.
    """
    mirrored = zlib.crc32(data.translate(_MIRRORED_BYTES), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_MIRRORED_BYTES), "big")


class OggPages:
    """The pages of one logical stream."""

    def __init__(self, serial: int) -> None:
        self._serial = serial
        self._sequence = 0

    def page(self, packets: Sequence[bytes], granule: int, *, last: bool = False) -> bytes:
        """One page of whole packets. granule: the position at which the last of them ends; 255 segments at most."""
        lacing = b"".join(_lacing(packet) for packet in packets)
        assert len(lacing) <= _MOST_SEGMENTS
        flags = (0 if self._sequence else _FIRST) | (_LAST if last else 0)
        head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, self._serial, self._sequence, 0, len(lacing))
        self._sequence += 1
        page = head + lacing + b"".join(packets)
        return page[:_CRC_OFFSET] + struct.pack("<I", ogg_crc(page)) + page[_CRC_OFFSET + 4 :]


def _lacing(packet: bytes) -> bytes:
    """A packet's length as segments: 255 while it goes on, then the remainder."""
    whole, remainder = divmod(len(packet), 255)
    return b"\xff" * whole + bytes([remainder])
