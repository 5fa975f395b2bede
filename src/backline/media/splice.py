"""Joining sounds without a click and without a dip in loudness."""

from __future__ import annotations

import numpy as np

from backline.errors import Invalid
from backline.media.audio import Samples, silence


class MismatchedAudio(Invalid):
    """Two blocks of sound do not fit together."""

    default_code = "mismatched_audio"


def splice(tail: Samples, head: Samples, overlap_frames: int) -> Samples:
    """Join two blocks with an equal-power fade, so that loudness does not dip.

    tail, head: float32 [frames, channels] in [-1, 1], same rate and channels.
    overlap_frames: shared length; 0 makes a butt joint.
    Returns float32 [len(tail) + len(head) - overlap_frames, channels].
    Raises MismatchedAudio if channels differ or a block is shorter than the overlap.
    """
    if tail.shape[1] != head.shape[1]:
        raise MismatchedAudio(f"The blocks have {tail.shape[1]} and {head.shape[1]} channels; they must agree.")
    if not 0 <= overlap_frames <= min(len(tail), len(head)):
        raise MismatchedAudio(f"An overlap of {overlap_frames} frames does not fit into both blocks.")
    angles = (np.arange(overlap_frames, dtype=np.float32).reshape(-1, 1) + 0.5) * (np.pi / 2 / max(overlap_frames, 1))
    begin = len(tail) - overlap_frames
    shared = tail[begin:] * np.cos(angles) + head[:overlap_frames] * np.sin(angles)
    return np.concatenate([tail[:begin], shared.astype(np.float32), head[overlap_frames:]])


class Joiner:
    """Joins units of sound (sentences) into one stream with equal-power fades.

    Holds back only the overlap, and only while another unit will follow. A unit shorter than the overlap shortens it.
    """

    def __init__(self, rate_hz: int, overlap_seconds: float = 0.050, channels: int = 1) -> None:
        self._rate_hz = rate_hz
        self._overlap_frames = round(overlap_seconds * rate_hz)
        self._ready = silence(0, channels)  # final, but not yet given
        self._tail = silence(0, channels)  # end of the units before, waiting for the fade into this one
        self._unit = silence(0, channels)  # sound of this unit, not final
        self._unit_frames = 0
        self._joined = True  # the tail has been faded into this unit
        self._last = False
        self._given_frames = 0

    def next_unit(self, *, last: bool) -> float:
        """Begin another unit; also the first. last: nothing follows it, so none of it is held back.

        Returns the second in the output at which its first sample will stand. Should it prove shorter than the
        overlap, it comes later than that, by the difference.
        """
        self._end_unit()
        self._unit_frames = 0
        self._joined = not len(self._tail)
        self._last = last
        return (self._given_frames + len(self._ready)) / self._rate_hz

    def push(self, samples: Samples) -> Samples:
        """Takes sound of the current unit; returns what is final."""
        self._unit = _joined(self._unit, samples)
        self._unit_frames += len(samples)
        if not self._joined and len(self._unit) >= len(self._tail):
            self._join(len(self._tail))
        if self._joined:
            self._settle(0 if self._last else self._overlap_frames)
        return self._give()

    def finish(self) -> Samples:
        """The rest; nothing may be pushed afterwards."""
        self._end_unit()
        self._ready = _joined(self._ready, self._tail)
        self._tail = self._tail[:0]
        return self._give()

    def _end_unit(self) -> None:
        """What is left of this unit becomes the tail; an empty unit leaves the tail before it as it is."""
        if not self._unit_frames:
            return
        if not self._joined:
            self._join(len(self._unit))
        self._settle(min(self._overlap_frames, self._unit_frames))
        self._tail, self._unit = self._unit, self._unit[:0]

    def _join(self, overlap_frames: int) -> None:
        self._unit = splice(self._tail, self._unit, overlap_frames)
        self._tail = self._tail[:0]
        self._joined = True

    def _settle(self, keep_frames: int) -> None:
        """Make final all but the last `keep_frames` of the unit."""
        final = max(0, len(self._unit) - keep_frames)
        self._ready = _joined(self._ready, self._unit[:final])
        self._unit = self._unit[final:]

    def _give(self) -> Samples:
        given, self._ready = self._ready, self._ready[:0]
        self._given_frames += len(given)
        return given


def _joined(first: Samples, second: Samples) -> Samples:
    """One after the other; not copied where one of them is empty, as most often."""
    if not len(first):
        return second
    return np.concatenate([first, second]) if len(second) else first
