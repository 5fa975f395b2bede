"""From bytes back to samples: for tests, for the command line, for uploads."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import av
import numpy as np
from av.container import InputContainer

from backline.errors import Invalid
from backline.media.audio import Samples, from_pcm16
from backline.media.mulaw import from_mulaw

_CONTAINERS = "aac,aiff,au,caf,flac,matroska,mov,mp3,ogg,w64,wav"
"""FFmpeg's names. Playlists are left out on purpose: they would open files and addresses that an upload names."""

_RAW: Mapping[str, Callable[[bytes, int], Samples]] = MappingProxyType({"pcm": from_pcm16, "mulaw": from_mulaw})


def decode(data: bytes) -> tuple[Samples, int]:
    """The first sound track of a file and its rate in Hz; what the container says to trim is trimmed.

    Damaged packets are left out, as players do: files are often cut in the middle of one. Raises Invalid
    `undecodable_audio` when nothing can be read.
    """
    try:
        with av.open(io.BytesIO(data), "r", options={"format_whitelist": _CONTAINERS}) as container:
            return _read(container)
    except (av.FFmpegError, ValueError) as error:
        raise _undecodable() from error


def decode_raw(data: bytes, format_name: str, rate_hz: int, channels: int = 1) -> tuple[Samples, int]:
    """Headerless `pcm` (16 bit, little endian) or `mulaw`; raises Invalid `undecodable_audio` on half a frame."""
    try:
        return _RAW[format_name](data, channels), rate_hz
    except (KeyError, ValueError) as error:
        raise _undecodable() from error


def _read(container: InputContainer) -> tuple[Samples, int]:
    tracks = [stream for stream in container.streams.audio if stream.codec_context]  # without one its codec is unknown
    if not tracks:
        raise _undecodable()
    stream = tracks[0]
    channels, rate_hz = stream.channels, stream.rate
    resampler = av.AudioResampler(format="flt", layout=stream.layout, rate=rate_hz)
    blocks = [
        block.to_ndarray().reshape(-1, channels)
        for frame in [*_frames(container, stream), None]
        for block in resampler.resample(frame)
    ]
    return np.concatenate([np.zeros((0, channels), dtype=np.float32), *blocks]), rate_hz


def _frames(container: InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Raises what the last damaged packet raised when all of them are."""
    damage: av.InvalidDataError | None = None
    readable = False
    for packet in container.demux(stream):
        try:
            for frame in packet.decode():
                readable = True
                yield frame
        except av.InvalidDataError as error:
            damage = error
    if damage and not readable:
        raise damage


def _undecodable() -> Invalid:
    return Invalid("This is not sound in a format that can be read.", code="undecodable_audio")
