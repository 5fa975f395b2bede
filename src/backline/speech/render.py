"""From an engine's samples to a client's bytes: rate change, then one encoder that lives as long as the stream."""

from __future__ import annotations

from typing import Protocol

from backline.media.audio import Samples, silence
from backline.media.encode.formats import FORMATS, AudioFormat, choose_rate, open_encoder
from backline.media.resample import Resampler


class RateChange(Protocol):
    """One stream's way from one rate to another."""

    def push(self, samples: Samples) -> Samples: ...

    def finish(self) -> Samples: ...


class SuperResolution(Protocol):
    """A model that makes the upper octaves a low rate lacks. name: for X-Super-Resolution."""

    name: str
    source_hz: int
    target_hz: int

    def open(self) -> RateChange: ...


def load_encoders() -> None:
    """Open and close every encoder: their libraries are imported on first use, and that takes up to 0.2 s."""
    for audio_format in FORMATS.values():
        encoder = open_encoder(audio_format, choose_rate(audio_format, None, audio_format.rates_hz[-1]))
        encoder.encode(silence(1000))
        encoder.finish()


class Renderer:
    """One stream. Not thread safe: one call at a time.

    super_resolution_used: `none` when the rate did not rise, `resampled` when it rose without new content, else the
    model's name.
    """

    def __init__(
        self, audio_format: AudioFormat, source_hz: int, rate_hz: int, super_resolution: SuperResolution | None
    ) -> None:
        self.super_resolution_used = "none" if rate_hz <= source_hz else "resampled"
        self._rate_change: RateChange | None = None
        if super_resolution and (super_resolution.source_hz, super_resolution.target_hz) == (source_hz, rate_hz):
            self._rate_change = super_resolution.open()
            self.super_resolution_used = super_resolution.name
        elif rate_hz != source_hz:
            self._rate_change = Resampler(source_hz, rate_hz)
        self._encoder = open_encoder(audio_format, rate_hz)
        self.on_worker = audio_format.on_worker or not isinstance(self._rate_change, Resampler | None)
        """Whether `push` belongs on a worker thread; to resample takes less time than to go there and back."""

    def push(self, samples: Samples) -> bytes:
        return self._encoder.encode(self._rate_change.push(samples) if self._rate_change else samples)

    def finish(self) -> bytes:
        rest = self._encoder.encode(self._rate_change.finish()) if self._rate_change else b""
        return rest + self._encoder.finish()

    def head(self) -> bytes:
        """After `finish`: what a file begins with now that its length is known; empty where nothing changes."""
        return self._encoder.head()
