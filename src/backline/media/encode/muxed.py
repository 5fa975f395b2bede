"""Formats that FFmpeg's muxers write: live WebM, fragmented MP4."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import av

from backline.media.audio import Samples
from backline.media.encode.aac import aac_options
from backline.media.encode.codec import Blocks, layout_name, make_frame
from backline.media.encode.opus import opus_options


class _Outbox:
    """A file that can only be written to; what was written waits to be taken."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._written)
        self._written.clear()
        return data


@dataclass(frozen=True, slots=True)
class _Muxing:
    """FFmpeg's names for a container and what goes into it."""

    container: str
    options: Mapping[str, str]
    codec: str
    sample_format: str


class _MuxedEncoder:
    """A codec and a muxer that writes each fragment as soon as it is whole."""

    def __init__(self, muxing: _Muxing, codec_options: Mapping[str, str], rate_hz: int, channels: int) -> None:
        self._outbox = _Outbox()
        options = {"flush_packets": "1", **muxing.options}
        self._container = av.open(self._outbox, "w", format=muxing.container, options=options)
        layout = layout_name(channels)
        stream = self._container.add_stream(muxing.codec, rate=rate_hz, layout=layout, options=dict(codec_options))
        assert isinstance(stream, av.AudioStream)
        stream.format = muxing.sample_format
        stream.codec_context.thread_count = 1  # as in codec.py
        self._container.start_encoding()
        self._stream = stream
        self._sample_format = muxing.sample_format
        self._rate_hz = rate_hz
        self._blocks = Blocks(stream.codec_context.frame_size, channels)
        self._begin_frames = 0

    def encode(self, samples: Samples) -> bytes:
        for block in self._blocks.push(samples):
            self._mux(block)
        return self._outbox.take()

    def finish(self) -> bytes:
        if len(self._blocks.rest()):
            self._mux(self._blocks.rest())
        if self._begin_frames:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._outbox.take()

    def head(self) -> bytes:
        return b""

    def _mux(self, block: Samples) -> None:
        frame = make_frame(block, self._sample_format, self._rate_hz, self._begin_frames)
        self._begin_frames += len(block)
        self._container.mux(self._stream.encode(frame))


class WebmEncoder(_MuxedEncoder):
    """Opus in live WebM. A cluster holds one packet; FFmpeg keeps it and the next one back, 40 ms in all."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        super().__init__(_WEBM, opus_options(rate_hz, channels), rate_hz, channels)


class Mp4Encoder(_MuxedEncoder):
    """AAC in fragmented MP4, one fragment a frame; FFmpeg keeps the newest one back.

    The movie header waits for the first fragment, so that its edit list can hide the encoder's 1,024 frames of delay.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        super().__init__(_MP4, aac_options(rate_hz, channels), rate_hz, channels)


_WEBM = _Muxing("webm", MappingProxyType({"live": "1", "cluster_time_limit": "1"}), "libopus", "flt")
_MP4_FLAGS = "delay_moov+default_base_moof+frag_every_frame+skip_trailer"
_MP4 = _Muxing("mp4", MappingProxyType({"movflags": _MP4_FLAGS}), "aac", "fltp")
