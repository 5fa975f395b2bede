"""Encoders that only copy: WAV, bare 16-bit PCM, bare mu-law. Nothing is ever held back."""

from __future__ import annotations

from backline.media.audio import Samples, to_pcm16
from backline.media.mulaw import to_mulaw
from backline.media.wav import wav_header


class PcmEncoder:
    """Interleaved 16-bit little-endian samples without a header."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._rate_hz = rate_hz
        self._channels = channels

    def encode(self, samples: Samples) -> bytes:
        return to_pcm16(samples).tobytes()

    def finish(self) -> bytes:
        return b""

    def head(self) -> bytes:
        return b""


class MulawEncoder(PcmEncoder):
    """Interleaved G.711 mu-law code words without a header."""

    def encode(self, samples: Samples) -> bytes:
        return to_mulaw(samples).tobytes()


class WavEncoder(PcmEncoder):
    """A RIFF header, exactly once, then 16-bit samples."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        super().__init__(rate_hz, channels)
        self._unsent = wav_header(rate_hz, channels, None)
        self._data_bytes = 0

    def encode(self, samples: Samples) -> bytes:
        if not len(samples):
            return b""
        data = super().encode(samples)
        self._data_bytes += len(data)
        unsent, self._unsent = self._unsent, b""
        return unsent + data

    def finish(self) -> bytes:
        return self._unsent

    def head(self) -> bytes:
        return wav_header(self._rate_hz, self._channels, self._data_bytes)
