"""Opus in Ogg pages of our own (RFC 6716, RFC 7845).

FFmpeg's muxer gathers a second of packets into a page unless told otherwise. Here a page ends with the call that made
it, so nothing waits but the part of a 20 ms frame; how much a page gathers follows from how much sound a call brings.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Mapping
from types import MappingProxyType

from backline.media.audio import Samples, silence
from backline.media.encode.codec import Codec
from backline.media.encode.ogg import OggPages

GRANULE_HZ = 48000  # positions count 48 kHz samples whatever the input's rate, RFC 7845 section 4
PACKET_GRANULES = 960
_PRE_SKIP_OFFSET = 10
_SINGLE_PACKETS = 50  # the first second: small pages let a player begin
_MOST_PACKETS = 10  # per page afterwards, 200 ms
_BITS_PER_SECOND: Mapping[int, int] = MappingProxyType({8000: 16000, 16000: 24000, 24000: 32000, 48000: 48000})
"""Of one channel, by input rate."""


def opus_options(rate_hz: int, channels: int) -> dict[str, str]:
    """libopus settings: 20 ms frames; complexity 5 saves a quarter of the work of 10."""
    bits = _BITS_PER_SECOND[rate_hz] * channels
    return {"b": str(bits), "application": "audio", "frame_duration": "20", "compression_level": "5"}


class OggOpusEncoder:
    """Decodes to exactly the frames that went in: the start by the pre-skip, the end by the last page's granule."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._codec = Codec("libopus", rate_hz, channels, "flt", opus_options(rate_hz, channels))
        self._granules_per_frame = GRANULE_HZ // rate_hz
        self._channels = channels
        self._pages = OggPages(secrets.randbits(32))
        self._packets = 0
        (self._pre_skip,) = struct.unpack_from("<H", self._codec.extradata, _PRE_SKIP_OFFSET)
        self._unsent = self._header(rate_hz)

    def encode(self, samples: Samples) -> bytes:
        return self._send(self._codec.push(samples))

    def finish(self) -> bytes:
        """Silence until the decoder has all it must give after the pre-skip; the last granule cuts the surplus off."""
        end_granule = self._pre_skip + self._codec.total_frames * self._granules_per_frame
        missing = -(-end_granule // PACKET_GRANULES) * PACKET_GRANULES - (end_granule - self._pre_skip)
        packets = self._codec.push(silence(missing // self._granules_per_frame, self._channels))
        return self._send(packets, end_granule)

    def head(self) -> bytes:
        return b""

    def _send(self, packets: list[bytes], end_granule: int | None = None) -> bytes:
        if not packets:
            return b""
        sent = [self._unsent]
        self._unsent = b""
        while packets:
            count = 1 if self._packets < _SINGLE_PACKETS else _MOST_PACKETS
            page, packets = packets[:count], packets[count:]
            self._packets += len(page)
            if end_granule is None or packets:
                sent.append(self._pages.page(page, self._packets * PACKET_GRANULES))
            else:
                sent.append(self._pages.page(page, end_granule, last=True))
        return b"".join(sent)

    def _header(self, rate_hz: int) -> bytes:
        """The two header pages, RFC 7845 section 5; the rate is what the decoder's user may want to hear again."""
        head = struct.pack("<8sBBHIhB", b"OpusHead", 1, self._channels, self._pre_skip, rate_hz, 0, 0)
        tags = struct.pack("<8sI8sI", b"OpusTags", 8, b"Backline", 0)
        return self._pages.page([head], 0) + self._pages.page([tags], 0)
