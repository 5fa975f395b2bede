"""Frames on their way: read, drawn and encoded, each in a thread of its own, a few of them at a time."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from backline.engines.video.clip_picture import ClipPicture
from backline.engines.video.decode import FrameReader
from backline.engines.video.encode import Frame, SegmentWriter
from backline.engines.video.film import Film
from backline.engines.video.planes import Planes, blank
from backline.engines.video.stages import Queue, Stages
from backline.engines.video.timeline import Segment

_WAITING = 2
"""Frames between two stages: enough that neither waits for the other's slow ones, few enough for large pictures."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A clip's picture in a frame, as it was read. share: how much of it is seen."""

    clip: int
    time: Fraction
    share: float
    picture: Planes


class Pipeline:
    """Renders segments into files, as `path_of` names them."""

    def __init__(self, film: Film, stages: Stages, path_of: Callable[[Segment], Path]) -> None:
        self._film, self._path_of = film, path_of
        self._read: Queue[list[_Shown]] = Queue(stages, _WAITING)
        self._drawn: Queue[Frame] = Queue(stages, _WAITING)
        self._used: deque[Frame] = deque()
        self._stages = stages
        self._writer: SegmentWriter | None = None
        self._done = 0
        self.whole: deque[Segment] = deque()
        """Segments whose files are there, in order."""

    @property
    def frames(self) -> int:
        """How many have been encoded."""
        writer = self._writer
        return self._done + (writer.encoded if writer else 0)

    def start(self, segments: Sequence[Segment]) -> None:
        self._stages.start("read", lambda: self._reading(segments))
        self._stages.start("draw", self._drawing)
        self._stages.start("encode", lambda: self._encoding(segments))

    def _reading(self, segments: Sequence[Segment]) -> None:
        with _Readers(self._film) as readers:
            for segment in segments:
                for frame in range(segment.first, segment.stop):
                    self._read.put(readers.shown(frame))
        self._read.put(None)

    def _drawing(self) -> None:
        coding = self._film.coding
        pictures = _Pictures(self._film)
        second = blank(coding.width, coding.height)
        while shown := self._read.get():
            frame = self._used.popleft() if self._used else Frame(coding.width, coding.height)
            pictures.draw(shown[0], frame.planes)
            for over in shown[1:]:
                pictures.draw(over, second)
                frame.planes.mix(second, over.share)
            self._drawn.put(frame)
        self._drawn.put(None)

    def _encoding(self, segments: Sequence[Segment]) -> None:
        for segment in segments:
            with _whole_or_nothing(SegmentWriter(self._path_of(segment), self._film.coding)) as writer:
                self._writer = writer
                for _ in range(segment.frames):
                    frame = self._drawn.get()
                    assert frame is not None
                    writer.write(frame)
                    self._used.append(frame)  # an encoder has copied what it still needs
            self._writer = None
            self._done += segment.frames
            self.whole.append(segment)


@contextlib.contextmanager
def _whole_or_nothing(writer: SegmentWriter) -> Iterator[SegmentWriter]:
    try:
        yield writer
        writer.close()
    except BaseException:
        writer.abort()
        raise


class _Pictures:
    """The clips' pictures, made when the first frame needs one and dropped when frames have passed on."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._clips: dict[int, ClipPicture] = {}

    def draw(self, shown: _Shown, target: Planes) -> None:
        if shown.clip not in self._clips:
            self._clips = {index: clip for index, clip in self._clips.items() if index >= shown.clip - 1}
            self._clips[shown.clip] = self._film.clip_picture(shown.clip)
        self._clips[shown.clip].draw(shown.picture, float(shown.time), target)


class _Readers:
    """Open readers of the clips that are being shown."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._open: dict[int, FrameReader] = {}

    def shown(self, frame: int) -> list[_Shown]:
        wanted = self._film.timeline.shown(frame)
        for index in self._open.keys() - {clip for clip, _, _ in wanted}:
            self._open.pop(index).close()
        return [_Shown(clip, time, share, self._reader(clip).at(time)) for clip, time, share in wanted]

    def _reader(self, index: int) -> FrameReader:
        if index not in self._open:
            clip = self._film.plan.clips[index]
            self._open[index] = FrameReader(clip.link, self._film.sources[index], clip.name)
        return self._open[index]

    def __enter__(self) -> _Readers:
        return self

    def __exit__(self, *_error: object) -> None:
        for reader in self._open.values():
            reader.close()
