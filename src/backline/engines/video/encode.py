"""H.264 segments: each a file of its own that ends on a whole group of pictures."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from backline.engines.video.base import Encoder, Quality
from backline.engines.video.colours import Colours
from backline.engines.video.planes import Planes
from backline.errors import Unavailable

X264, NVENC = "libx264", "h264_nvenc"

_OPTIONS: Mapping[tuple[str, Quality], Mapping[str, str]] = {
    (X264, "quality"): {"preset": "veryfast", "crf": "20"},
    (X264, "fast"): {"preset": "ultrafast", "crf": "22"},
    (NVENC, "quality"): {
        "preset": "p5",
        "tune": "hq",
        "rc": "vbr",
        "cq": "21",
        "b": "0",
        "spatial-aq": "1",
        "temporal-aq": "1",
        "rc-lookahead": "32",
        "bf": "3",
        "profile": "high",
    },
    (NVENC, "fast"): {"preset": "p2", "rc": "vbr", "cq": "23", "b": "0", "profile": "high"},
}

_GROUP_SECONDS = 4
"""From one keyframe to the next at most: players go to any moment by decoding no more than that."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How frames become H.264. encoder: FFmpeg's name."""

    encoder: str
    quality: Quality
    width: int
    height: int
    rate: Fraction
    colours: Colours


class Frame:
    """A picture in the encoder's own memory, to be drawn on. width, height: even."""

    def __init__(self, width: int, height: int) -> None:
        self.video = av.VideoFrame(width, height, "yuv420p")
        views = []
        for plane in self.video.planes:
            rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
            views.append(rows[: plane.height, : plane.width])
        self.planes = Planes(*views)


class SegmentWriter:
    """Frames into a file at `path`; until `close` it has another name."""

    def __init__(self, path: Path, coding: Coding) -> None:
        self._path, self._part = path, part_of(path)
        self._tick = 1 / coding.rate
        self._colours = coding.colours
        self._written = 0
        self.encoded = 0
        """Frames that are in the file already; an encoder holds some back to look ahead."""
        self._container = av.open(str(self._part), "w", format="mp4")
        stream = self._container.add_stream(
            coding.encoder, coding.rate, options=dict(_OPTIONS[coding.encoder, coding.quality])
        )
        assert isinstance(stream, av.VideoStream)
        self._stream, context = stream, stream.codec_context
        context.width, context.height, context.pix_fmt = coding.width, coding.height, "yuv420p"
        context.time_base = self._tick
        context.thread_count = 0
        context.gop_size = max(round(coding.rate * _GROUP_SECONDS), 1)
        context.color_range, context.colorspace = coding.colours.range, coding.colours.matrix
        context.color_primaries, context.color_trc = coding.colours.primaries, coding.colours.transfer

    def write(self, frame: Frame) -> None:
        video = frame.video
        video.pts, video.duration, video.time_base = self._written, 1, self._tick
        video.color_range, video.colorspace = self._colours.range, self._colours.matrix
        video.color_primaries, video.color_trc = self._colours.primaries, self._colours.transfer
        self._written += 1
        self._encode(video)

    def close(self) -> None:
        """The file is whole and on the disk when its name appears."""
        self._encode(None)
        self._container.close()
        keep(self._part, self._path)

    def _encode(self, video: av.VideoFrame | None) -> None:
        for packet in self._stream.encode_lazy(video):
            packet.stream = self._stream
            self._container.mux(packet)
            self.encoded += 1

    def abort(self) -> None:
        """Nothing of it stays."""
        with contextlib.suppress(av.FFmpegError):
            self._container.close()
        self._part.unlink(missing_ok=True)


def choose(wanted: Encoder, coding: Coding) -> str:
    """The encoder's name as FFmpeg has it. Raises Unavailable `nvenc_unavailable` when that is wanted and fails."""
    if wanted == "x264":
        return X264
    if can_nvenc(coding.width, coding.height):
        return NVENC
    if wanted == "nvenc":
        raise Unavailable("No NVENC encoder works here; choose another.", code="nvenc_unavailable", retryable=False)
    return X264


def can_nvenc(width: int, height: int) -> bool:
    """Whether two frames can be encoded. A GPU may have no encoder, or none for this size: only trying tells."""
    try:
        context = av.CodecContext.create(NVENC, "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = Fraction(1, 30)
        context.options = dict(_OPTIONS[NVENC, "quality"])
        packets = []
        for number in range(2):
            frame = Frame(width, height)
            frame.planes.fill((16, 128, 128))
            frame.video.pts, frame.video.time_base = number, Fraction(1, 30)
            packets += context.encode(frame.video)
        return len(packets + context.encode(None)) == 2
    except (av.FFmpegError, ValueError):
        return False


def part_of(path: Path) -> Path:
    """The name of a file that is not whole yet."""
    return path.with_name(path.name + ".part")


def keep(part: Path, path: Path) -> None:
    """Give a file its name once all of it is on the disk."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
