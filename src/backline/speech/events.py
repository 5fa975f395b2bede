"""What comes out of a stream of speech."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sound:
    """Bytes of the one encoded stream."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word and its place: seconds in the stream, characters in the caller's text."""

    text: str
    start_s: float
    end_s: float
    source_start: int
    source_end: int


@dataclass(frozen=True, slots=True)
class Outline:
    """Peaks in [0, 1] from `start_s` on, one every `step_s`."""

    start_s: float
    step_s: float
    values: list[float]


Event = Sound | SpokenWord | Outline
