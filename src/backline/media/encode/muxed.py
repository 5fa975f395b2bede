"""Formats that FFmpeg's muxers write: live WebM, fragmented MP4."""

from __future__ import annotations

from collections.abc import Mapping

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


class _MuxedEncoder:
    """A codec and a muxer that writes each fragment as soon as it is whole."""

    def __init__(
        self,
        container: str,
        container_options: Mapping[str, str],
        codec: str,
        codec_options: Mapping[str, str],
        sample_format: str,
        rate_hz: int,
        channels: int,
    ) -> None:
        self._outbox = _Outbox()
        options = {"flush_packets": "1", **container_options}
        self._container = av.open(self._outbox, "w", format=container, options=options)
        stream = self._container.add_stream(
            codec, rate=rate_hz, layout=layout_name(channels), options=dict(codec_options)
        )
        assert isinstance(stream, av.AudioStream)
        self._stream = stream
        self._stream.format = sample_format
        self._container.start_encoding()
        self._blocks = Blocks(stream.codec_context.frame_size, channels)
        self._sample_format = sample_format
        self._rate_hz = rate_hz
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
    """Opus in live WebM: clusters of one packet, so that a browser's MediaSource can play at once."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        options = {"live": "1", "cluster_time_limit": "1"}
        super().__init__("webm", options, "libopus", opus_options(rate_hz, channels), "flt", rate_hz, channels)


class Mp4Encoder(_MuxedEncoder):
    """AAC in fragmented MP4, one fragment a frame.

    The movie header waits for the first fragment, so that its edit list can hide the encoder's 1,024 frames of delay.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        options = {"movflags": "delay_moov+default_base_moof+frag_every_frame+skip_trailer"}
        super().__init__("mp4", options, "aac", aac_options(rate_hz, channels), "fltp", rate_hz, channels)
