"""The slices that can be played: of a loop, and of what was played before it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from backline.media.audio import Samples
from backline.media.groove.heard import Chord, Heard, Slices

_END_SECONDS = 0.005
_GAP_SECONDS = 0.020


@dataclass(frozen=True, slots=True)
class Pool:
    """goes_round: the samples' end fits their beginning. chords: of each slice. tonal: how much notes matter."""

    samples: Samples
    goes_round: bool
    slices: Slices
    chords: tuple[Chord, ...]
    tonal: float


def pool_of(heard: Heard, anchor: Heard | None = None) -> Pool:
    chords, tonal = _chords(heard), sum(chord.clarity for chord in heard.chords) / len(heard.chords)
    goes_round = round(heard.slices.frames_per_beat * len(heard.slices) / 2) == len(heard.samples)
    if anchor is None:
        samples = heard.samples if goes_round else _ended(heard.samples, heard.grid.rate_hz)
        return Pool(samples, goes_round, heard.slices, chords, tonal)
    gap = heard.samples[: round(_GAP_SECONDS * heard.grid.rate_hz)]
    first = np.concatenate([heard.samples, gap]) if goes_round else _ended(heard.samples, heard.grid.rate_hz)
    samples = np.concatenate([first, anchor.samples])
    return Pool(samples, False, _both(heard.slices, anchor.slices, len(first)), chords + _chords(anchor), tonal)


def _chords(heard: Heard) -> tuple[Chord, ...]:
    return tuple(
        heard.chords[int(eighth / (2 * heard.chord_beats)) % len(heard.chords)] for eighth in range(len(heard.slices))
    )


def _ended(samples: Samples, rate_hz: int) -> Samples:
    """With a short fade at its end, and a little nothing after it."""
    fade = min(round(_END_SECONDS * rate_hz), len(samples))
    ended = np.concatenate([samples, np.zeros((round(_GAP_SECONDS * rate_hz), 2), dtype=np.float32)])
    ended[len(samples) - fade : len(samples)] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    return ended


def _both(first: Slices, second: Slices, offset: int) -> Slices:
    """The slices of both, each going round in its own; the second's sound begins at `offset`."""
    joined = {
        field.name: np.concatenate([getattr(first, field.name), getattr(second, field.name)])
        for field in fields(Slices)
        if field.name not in ("starts", "successors", "frames_per_beat")
    }
    return Slices(
        starts=np.concatenate([first.starts, second.starts + offset]),
        successors=np.concatenate([first.successors, second.successors + len(first)]),
        frames_per_beat=first.frames_per_beat,
        **joined,
    )
