"""The audio formats we write, their rates, and the way to an encoder. Codec libraries load with the first use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

from backline.errors import Invalid
from backline.media.encode.base import Encoder

_EVERY_RATE_HZ = (8000, 16000, 22050, 24000, 48000)
_OPUS_RATES_HZ = (8000, 16000, 24000, 48000)  # what Opus codes without a rate change, RFC 6716 section 2.1.3


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One way to write sound down."""

    name: str
    """What a client asks for."""
    media_type: str
    suffix: str
    """Of a file's name, with the dot."""
    default_rate_hz: int | None
    """None: the source's own rate."""
    rates_hz: tuple[int, ...]
    """Rising; what the codec and the container really have."""
    on_worker: bool
    """Encoding costs more than copying: run it off the event loop."""


FORMATS: Mapping[str, AudioFormat] = MappingProxyType(
    {
        audio_format.name: audio_format
        for audio_format in (
            AudioFormat("wav", "audio/wav", ".wav", None, _EVERY_RATE_HZ, on_worker=False),
            AudioFormat("pcm", "audio/pcm", ".pcm", 24000, _EVERY_RATE_HZ, on_worker=False),
            AudioFormat("opus", "audio/ogg", ".opus", 48000, _OPUS_RATES_HZ, on_worker=True),
            AudioFormat("webm", "audio/webm", ".webm", 48000, _OPUS_RATES_HZ, on_worker=True),
            AudioFormat("mp3", "audio/mpeg", ".mp3", 24000, _EVERY_RATE_HZ, on_worker=True),
            AudioFormat("aac", "audio/aac", ".aac", 24000, _EVERY_RATE_HZ, on_worker=True),
            AudioFormat("mp4", "audio/mp4", ".mp4", 24000, _EVERY_RATE_HZ, on_worker=True),
            AudioFormat("flac", "audio/flac", ".flac", None, _EVERY_RATE_HZ, on_worker=True),
            AudioFormat("mulaw", "audio/basic", ".ulaw", 8000, (8000,), on_worker=False),
        )
    }
)
"""By name. `pcm` is headerless 16-bit little endian, `mulaw` headerless G.711, `opus` Ogg, `aac` ADTS, `mp4` AAC."""

_ENCODERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "wav": ("backline.media.encode.pcm", "WavEncoder"),
        "pcm": ("backline.media.encode.pcm", "PcmEncoder"),
        "opus": ("backline.media.encode.opus", "OggOpusEncoder"),
        "webm": ("backline.media.encode.muxed", "WebmEncoder"),
        "mp3": ("backline.media.encode.mp3", "Mp3Encoder"),
        "aac": ("backline.media.encode.aac", "AdtsEncoder"),
        "mp4": ("backline.media.encode.muxed", "Mp4Encoder"),
        "flac": ("backline.media.encode.flac", "FlacEncoder"),
        "mulaw": ("backline.media.encode.pcm", "MulawEncoder"),
    }
)


def find_format(name: str) -> AudioFormat:
    """Raises Invalid `unknown_format`, naming the choices."""
    found = FORMATS.get(name)
    if found is None:
        raise Invalid(f"There is no such audio format; choose one of {', '.join(FORMATS)}.", code="unknown_format")
    return found


def choose_rate(format: AudioFormat, requested_hz: int | None, source_hz: int) -> int:
    """The rate to encode at. Raises Invalid `unsupported_rate` for a requested rate that the format lacks.

    Without a request: the format's default, else the source's rate or, where the format lacks that, the next higher.
    """
    if requested_hz is not None:
        if requested_hz not in format.rates_hz:
            choices = ", ".join(str(rate_hz) for rate_hz in format.rates_hz)
            raise Invalid(f"{format.name} has no {requested_hz} Hz; choose one of {choices}.", code="unsupported_rate")
        return requested_hz
    if format.default_rate_hz is not None:
        return format.default_rate_hz
    return next((rate_hz for rate_hz in format.rates_hz if rate_hz >= source_hz), format.rates_hz[-1])


def open_encoder(format: AudioFormat, rate_hz: int, channels: int = 1) -> Encoder:
    """A fresh encoder for one stream. rate_hz: from `choose_rate`. channels: 1 or 2."""
    module, name = _ENCODERS[format.name]
    encoder: Encoder = getattr(import_module(module), name)(choose_rate(format, rate_hz, rate_hz), channels)
    return encoder
