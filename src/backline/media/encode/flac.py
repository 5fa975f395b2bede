"""FLAC (RFC 9639): the codec's frames behind a header of our own."""

from __future__ import annotations

import struct

from backline.media.audio import Samples
from backline.media.encode.codec import Codec

_BLOCK_SECONDS = 0.04  # a frame is held until it is full; FFmpeg's own choice is about 100 ms
_LAST_BLOCK_STREAMINFO = 0x80


class FlacEncoder:
    """16 bit, lossless. `head` adds the true length, the frame sizes and the MD5 of the sound."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        options = {"frame_size": str(round(rate_hz * _BLOCK_SECONDS))}
        self._codec = Codec("flac", rate_hz, channels, "s16", options)
        self._unsent = self.head()

    def encode(self, samples: Samples) -> bytes:
        return self._send(self._codec.push(samples))

    def finish(self) -> bytes:
        return self._send(self._codec.finish()) + self._unsent

    def head(self) -> bytes:
        stream_info = self._codec.extradata
        return b"fLaC" + struct.pack(">I", _LAST_BLOCK_STREAMINFO << 24 | len(stream_info)) + stream_info

    def _send(self, packets: list[bytes]) -> bytes:
        data = b"".join(packets)
        if not data:
            return b""
        unsent, self._unsent = self._unsent, b""
        return unsent + data
