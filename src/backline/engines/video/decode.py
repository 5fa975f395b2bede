"""The frames of a source film as planes, by time."""

from __future__ import annotations

import contextlib
import math
from fractions import Fraction
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from backline.engines.video.base import Source
from backline.engines.video.framestream import FrameStream, Picture
from backline.engines.video.opening import PATIENCE_SECONDS, damaged, open_source, pictures, reading, stored_size
from backline.engines.video.planes import Plane, Planes
from backline.engines.video.turning import turn_of

_AS_IT_IS = frozenset({"yuv420p", "yuvj420p", "yuva420p"})
_SKIP_SECONDS = 1.0
"""Decoding this much for nothing costs more than going to a keyframe beyond it."""

_BLIND_SKIP_SECONDS = 10.0
"""The same where the file does not tell its keyframes."""

_HELD_FRAMES, _HELD_SECONDS = 5, 0.25
"""How much may be missing, at the end or after damage, while the picture before it stays; whichever is longer."""

_BLUR_SECONDS = Fraction(1, 1000)
"""A time may come this much before a frame's own, up to a quarter of a frame, and still mean it: containers, and those
who ask, round times."""

_BACK_SECONDS = (0, 1, 4, 16, 64)
"""How much before a moment its keyframe is sought, one after the other; then the film is decoded from its beginning."""

_MANY_PIXELS = 3840 * 2160
_FEW_THREADS = 4
"""Each thread of a decoder holds pictures; with larger ones than that, it gets no more threads."""


class FrameReader:
    """The frames of the film at a link, as `source` says that it is. name: what an error calls it.

    Times that rise are decoded one after the other; others, and long steps, go by the keyframes. Holds a few decoded
    frames whatever the film's length. Raises as `open_source` does, and Invalid `video_damaged` where the film breaks.
    """

    _now: Picture
    _next: Picture | None

    def __init__(self, link: str, source: Source, name: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._link, self._source, self._name, self._patience_seconds = link, source, name, patience_seconds
        self._tolerance = min(_BLUR_SECONDS, 1 / source.rate / 4)
        self._reformatter = VideoReformatter()
        self._planes: Planes | None = None
        self._open()

    def at(self, time: Fraction) -> Planes:
        """What is shown at a time in seconds from the first frame: the first frame before it, the last one after the
        end. Upright, 4:2:0 with 8 bits, in the source's range and matrix. To be read only: the decoder may refer to it.
        """
        self._go(time)
        broken = self._broken_from(time)
        if broken is not None and not self._link.startswith("file:"):
            self._reopen()  # a connection that was lost looks the same; one that is not there any more is told here
            self._go(time)
            broken = self._broken_from(time)
        if broken is not None:
            raise damaged(self._name, broken)
        if self._planes is None:
            self._planes = self._turn.apply(_planes(self._converted(self._now.frame)))
        return self._planes

    def close(self) -> None:
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> None:
        """Anew, from the first frame on."""
        with contextlib.ExitStack() as opened:
            self._container = opened.enter_context(open_source(self._link, self._name, self._patience_seconds))
            with reading(self._name):
                video = pictures(self._container, self._name)
                video.thread_type = "AUTO"
                video.thread_count = _FEW_THREADS if video.width * video.height > _MANY_PIXELS else 0
                assert video.time_base is not None
                self._video, self._tick = video, video.time_base
                self._stream = FrameStream(self._container, video, self._name)
                self._start(self._stream.first)
            opened.pop_all()
        first = self._stream.first
        self._first_pts, self._turn = first.pts, turn_of(first.frame)
        self._width, self._height = stored_size(video, first.frame)

    def _reopen(self) -> None:
        self._container.close()
        self._open()

    def _go(self, time: Fraction) -> None:
        wanted = self._first_pts + max(math.floor((time + self._tolerance) / self._tick), 0)
        with reading(self._name):
            if wanted < self._now.pts or self._is_far(wanted):
                self._seek(wanted)
            while self._next and self._next.pts <= wanted:
                self._now, self._next, self._planes = self._next, self._stream.next(), None

    def _start(self, first: Picture) -> None:
        self._now = first
        self._next = self._stream.next()
        self._planes = None

    def _is_far(self, wanted: int) -> bool:
        """Whether a keyframe lies so far ahead that going there is cheaper than decoding up to it."""
        if self._next is None or (wanted - self._next.pts) * self._tick < _SKIP_SECONDS:
            return False
        index = self._video.index_entries
        if len(index) and index[-1].timestamp >= wanted:
            keyframe = index[max(index.search_timestamp(wanted), 0)].timestamp
            return (keyframe - self._next.pts) * self._tick > _SKIP_SECONDS
        return (wanted - self._next.pts) * self._tick > _BLIND_SKIP_SECONDS

    def _seek(self, wanted: int) -> None:
        """To a picture at or before; containers may land behind it, as they seek by the time of decoding."""
        for back_seconds in _BACK_SECONDS:
            target = wanted - int(back_seconds / self._tick)
            if target <= self._first_pts:
                break
            first = self._stream.next() if self._stream.seek(target) else None
            if first and first.pts <= wanted:
                self._start(first)
                return
        self._reopen()

    def _broken_from(self, time: Fraction) -> float | None:
        """Since when, in seconds, pictures are missing; None when none are, or the one before may be held."""
        if self._next and not self._next.after_damage:
            return None
        length = self._now.frame.duration * self._tick if self._now.frame.duration else 1 / self._source.rate
        end = (self._now.pts - self._first_pts) * self._tick + length
        wanted = float(time) if self._next else min(float(time), self._source.seconds)
        held = max(float(_HELD_FRAMES / self._source.rate), _HELD_SECONDS)
        return float(end) if wanted - float(end) > held else None

    def _converted(self, frame: av.VideoFrame) -> av.VideoFrame:
        """As it was decoded, when it is 4:2:0 with 8 bits and square pixels already."""
        if frame.format.name in _AS_IT_IS and (frame.width, frame.height) == (self._width, self._height):
            return frame
        color_range = self._source.range or int(ColorRange.MPEG)
        return self._reformatter.reformat(
            frame,
            self._width,
            self._height,
            "yuv420p",
            src_colorspace=None if frame.format.is_rgb else self._source.matrix,
            dst_colorspace=self._source.matrix,
            interpolation=Interpolation.BICUBIC,
            src_color_range=int(ColorRange.JPEG) if frame.format.is_rgb else color_range,
            dst_color_range=color_range,
        )


def _planes(frame: av.VideoFrame) -> Planes:
    """The frame's own memory, not a copy."""
    y, u, v = (_view(plane) for plane in frame.planes[:3])
    return Planes(y, u, v)


def _view(plane: VideoPlane) -> Plane:
    rows = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
    view: Plane = rows[: plane.height, : plane.width]
    view.flags.writeable = False
    return view
