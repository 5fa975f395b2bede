"""MP3 by LAME, behind an information frame that tells decoders how much of the start and the end to trim.

Every frame stands alone (no bit reservoir), so a stream can be cut anywhere and nothing waits for later frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from backline.media.audio import Samples
from backline.media.encode.codec import Codec
from backline.media.encode.lame_tag import ENCODER_DELAY_FRAMES, information_frame

_BITS_PER_SECOND: Mapping[int, int] = MappingProxyType(
    {8000: 32000, 16000: 48000, 22050: 64000, 24000: 64000, 48000: 96000}
)
"""Of one channel. Both channels together stay within what the standard's tables have for the rate."""


class Mp3Encoder:
    """`head` adds the true number of frames and bytes and the end to trim; without it the tail has some silence."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        bits_per_second = _BITS_PER_SECOND[rate_hz] * channels
        options = {"b": str(bits_per_second), "reservoir": "0", "compression_level": "7"}
        self._codec = Codec("libmp3lame", rate_hz, channels, "fltp", options)
        self._bits_per_second = bits_per_second
        self._rate_hz = rate_hz
        self._first_header = b""
        self._packets = 0
        self._bytes = 0

    def encode(self, samples: Samples) -> bytes:
        return self._send(self._codec.push(samples))

    def finish(self) -> bytes:
        return self._send(self._codec.finish())

    def head(self) -> bytes:
        if not self._packets:
            return b""
        padding = self._packets * self._codec.frame_size - ENCODER_DELAY_FRAMES - self._codec.total_frames
        return self._information_frame(self._packets, self._bytes, max(0, padding))

    def _send(self, packets: list[bytes]) -> bytes:
        if not packets:
            return b""
        data = b"".join(packets)
        if not self._packets:
            self._first_header = packets[0][:4]
            data = self._information_frame(0, 0, 0) + data
        self._packets += len(packets)
        self._bytes += len(data)
        return data

    def _information_frame(self, packets: int, total_bytes: int, padding_frames: int) -> bytes:
        length_bytes = self._codec.frame_size // 8 * self._bits_per_second // self._rate_hz
        return information_frame(self._first_header, length_bytes, packets, total_bytes, padding_frames)
