"""One of many Opus files that are played one after the other, as if they were one."""

from __future__ import annotations

from backline.media.audio import Samples, silence
from backline.media.encode.opus import PACKET_GRANULES, OggOpusEncoder
from backline.media.extend import extended

PREROLL_SECONDS = 0.08
"""After so much sound a decoder has found its way, RFC 7845 section 4.6."""


class OggOpusPart(OggOpusEncoder):
    """Decodes to exactly the frames that went in. The codec hears what stood before them, which the pre-skip cuts off
    again, and something that goes on after them: so it has nothing to ring about at either end."""

    def __init__(self, rate_hz: int, channels: int, before: Samples) -> None:
        """before: what comes before the first frame, float32 [frames, channels]; `PREROLL_SECONDS` of it suffice."""
        super().__init__(rate_hz, channels)
        self._before_frames = len(before)
        self._pre_skip += len(before) * self._granules_per_frame
        self._unsent = self._header(rate_hz)
        self._end = silence(0, channels)
        self._begun = super().encode(before)

    def encode(self, samples: Samples) -> bytes:
        self._end = samples if len(samples) else self._end
        begun, self._begun = self._begun, b""
        return begun + super().encode(samples)

    def finish(self) -> bytes:
        heard_granules = self._codec.total_frames * self._granules_per_frame
        end_granule = self._pre_skip + heard_granules - self._before_frames * self._granules_per_frame
        missing = -(-end_granule // PACKET_GRANULES) * PACKET_GRANULES - heard_granules
        more = extended(self._end, missing // self._granules_per_frame)
        return self._send(self._codec.push(more), end_granule)
