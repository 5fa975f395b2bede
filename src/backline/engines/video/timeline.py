"""Which source moment an output frame shows: spans laid end to end, clips one after the other; and how its frames are
cut into what is rendered between two checkpoints.

All sums are exact: times become fractions as they were written, so no frame is lost or doubled at a cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from backline.engines.video.base import Span


@dataclass(frozen=True, slots=True)
class Piece:
    """A span where it lies in its clip's output: from `begin`, for `length`. All in seconds."""

    start: Fraction
    end: Fraction
    speed: Fraction
    begin: Fraction

    @property
    def length(self) -> Fraction:
        return (self.end - self.start) / self.speed


class ClipTimeline:
    """One clip. spans: not empty; in the order in which they are played."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.pieces: list[Piece] = []
        begin = Fraction(0)
        for span in spans:
            piece = Piece(exact(span.start), exact(span.end), exact(span.speed), begin)
            self.pieces.append(piece)
            begin += piece.length
        self.length = begin
        """Seconds of output."""

    def source_at(self, moment: Fraction) -> Fraction:
        """The source time at an output time of this clip; beyond its end, that of its last moment."""
        for piece in self.pieces:
            if moment < piece.begin + piece.length:
                return piece.start + (max(moment, piece.begin) - piece.begin) * piece.speed
        return self.pieces[-1].end


@dataclass(frozen=True, slots=True)
class Placed:
    """A clip in the film: it begins at `begin` seconds; frames [first, stop) show it, alone or with a neighbour."""

    timeline: ClipTimeline
    begin: Fraction
    first: int
    stop: int


class Timeline:
    """All clips. rate: frames a second. crossfade: seconds by which neighbours overlap, at most half of the shorter."""

    def __init__(self, clips: Sequence[ClipTimeline], rate: Fraction, crossfade: Fraction = Fraction(0)) -> None:
        self.rate = rate
        self.clips: list[Placed] = []
        begin = Fraction(0)
        for index, clip in enumerate(clips):
            if index:
                begin -= min(crossfade, clip.length / 2, clips[index - 1].length / 2)
            end = begin + clip.length
            self.clips.append(Placed(clip, begin, _frame_from(begin, rate), _frame_from(end, rate)))
            begin = end
        self.seconds = begin
        last = self.clips[-1]
        self.frames = max(last.stop, 1)  # shorter than a frame is still a picture
        if last.stop < self.frames:
            self.clips[-1] = Placed(last.timeline, last.begin, last.first, self.frames)

    def shown(self, frame: int) -> list[tuple[int, Fraction, float]]:
        """What a frame shows: (clip, source time, share); one clip, or two in a crossfade. The shares sum to 1, and
        the second goes on top."""
        moment = Fraction(frame) / self.rate
        on = [index for index, clip in enumerate(self.clips) if clip.first <= frame < clip.stop] or [
            len(self.clips) - 1
        ]
        shown = [(index, self.clips[index].timeline.source_at(moment - self.clips[index].begin)) for index in on[:2]]
        if len(shown) == 1:
            return [(*shown[0], 1.0)]
        second, first = self.clips[on[1]], self.clips[on[0]]
        overlap = first.begin + first.timeline.length - second.begin
        share = float(min(max((moment - second.begin) / overlap, Fraction(0)), Fraction(1)))
        return [(*shown[0], 1 - share), (*shown[1], share)]


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames [first, stop) of the output."""

    index: int
    first: int
    stop: int

    @property
    def frames(self) -> int:
        return self.stop - self.first


def segments_of(frames: int, rate: Fraction, segment_seconds: float) -> list[Segment]:
    """One of all frames, unless they last twice as long as a segment."""
    length = max(round(Fraction(segment_seconds) * rate), 1)
    if frames < 2 * length:
        return [Segment(0, 0, frames)]
    return [Segment(index, first, min(first + length, frames)) for index, first in enumerate(range(0, frames, length))]


def exact(seconds: float) -> Fraction:
    """A time as it was written: 0.1 is a tenth."""
    return Fraction(repr(seconds))


def _frame_from(moment: Fraction, rate: Fraction) -> int:
    """The first frame that is shown at or after a moment."""
    frames = moment * rate
    return -(-frames.numerator // frames.denominator)
