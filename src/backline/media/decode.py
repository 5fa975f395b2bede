"""From bytes back to samples: for tests, for the command line, for uploads."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from types import MappingProxyType
from typing import Literal, Self

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
    with DecodedBlocks(data) as sound:
        blocks = list(sound)
        return np.concatenate([np.zeros((0, sound.channels), dtype=np.float32), *blocks]), sound.rate_hz


class DecodedBlocks:
    """The same, block by block, for who will not have the whole in memory. Holds the file between `with` and its end.

    most_channels: 2 mixes what has more down to stereo, as its layout says.
    rate_hz, channels: of the blocks, float32 [frames, channels].
    """

    rate_hz: int
    channels: int

    def __init__(self, data: bytes, most_channels: Literal[2] | None = None) -> None:
        self._data = data
        self._most_channels = most_channels

    def __enter__(self) -> Self:
        with _told():
            self._container = av.open(io.BytesIO(self._data), "r", options={"format_whitelist": _CONTAINERS})
        tracks = [track for track in self._container.streams.audio if track.codec_context]  # else its codec is unknown
        if not tracks:
            self._container.close()
            raise _undecodable()
        self._track = tracks[0]
        self._mixed = self._most_channels is not None and self._track.channels > self._most_channels
        self.rate_hz, self.channels = self._track.rate, 2 if self._mixed else self._track.channels
        return self

    def __exit__(self, *failure: object) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[Samples]:
        with _told():
            layout = "stereo" if self._mixed else self._track.layout
            resampler = av.AudioResampler(format="flt", layout=layout, rate=self.rate_hz)
            for frame in chain(_frames(self._container, self._track), [None]):
                for block in resampler.resample(frame):
                    yield np.asarray(block.to_ndarray(), dtype=np.float32).reshape(-1, self.channels)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (av.FFmpegError, ValueError) as error:
        raise _undecodable() from error


def decode_raw(data: bytes, format_name: str, rate_hz: int, channels: int = 1) -> tuple[Samples, int]:
    """Headerless `pcm` (16 bit, little endian) or `mulaw`; raises Invalid `undecodable_audio` on half a frame."""
    try:
        return _RAW[format_name](data, channels), rate_hz
    except (KeyError, ValueError) as error:
        raise _undecodable() from error


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
