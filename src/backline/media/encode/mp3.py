"""MP3 by LAME, behind an information frame that tells decoders what to trim."""

from __future__ import annotations

from backline.media.audio import Samples
from backline.media.encode.codec import Codec


class Mp3Encoder:
    def __init__(self, rate_hz: int, channels: int) -> None:
        options = {"b": str(64000 * channels), "reservoir": "0", "compression_level": "7"}
        self._codec = Codec("libmp3lame", rate_hz, channels, "fltp", options)

    def encode(self, samples: Samples) -> bytes:
        return b"".join(self._codec.push(samples))

    def finish(self) -> bytes:
        return b"".join(self._codec.finish())

    def head(self) -> bytes:
        return b""
