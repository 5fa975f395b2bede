"""What listening to a loop tells: its harmony, its groove, its sound, and all its eighths as material to play with."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples
from backline.media.groove.bars import BarGrid

BANDS_HZ: tuple[float, ...] = tuple(1000.0 * 2.0 ** (third / 3) for third in range(-16, 13))
"""Middles of the third-octave bands, 25 Hz to 16 kHz."""

SIXTEENTHS_PER_BEAT = 4


@dataclass(frozen=True, slots=True)
class Chord:
    """A triad. root: 0 (C) to 11 (B). clarity: 0 (nothing tonal was heard; root and mode are a guess) to 1."""

    root: int
    minor: bool
    clarity: float


@dataclass(frozen=True, slots=True)
class Key:
    """tonic: 0 (C) to 11 (B). clarity: 0 (no key was heard) to 1."""

    tonic: int
    minor: bool
    clarity: float


@dataclass(frozen=True, slots=True)
class Slices:
    """Every eighth (half a beat) that can be played, in the order of the loop; where it swings, so do they.

    starts: where each begins in the samples, in frames; `frames_per_beat` is the loop's own.
    places: the eighth of the bar that each was heard on, 0 the downbeat. successors: which one follows it in the loop;
    what follows the last is the first.
    timbre: float32 [slices, 2, bands], level in dB of two halves in bands. chroma: float32 [slices, 12], magnitude of
    each pitch class. attack: float32 [slices], how suddenly it begins, 0 to 1. power: float32 [slices], mean square.
    lead_in: int [slices], how many frames before its start its sound begins, 0 or more.
    """

    starts: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    successors: npt.NDArray[np.int64]
    timbre: npt.NDArray[np.float32]
    chroma: npt.NDArray[np.float32]
    attack: npt.NDArray[np.float32]
    power: npt.NDArray[np.float32]
    lead_in: npt.NDArray[np.int64]
    frames_per_beat: Fraction

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True, slots=True)
class Heard:
    """A loop that was listened to.

    samples: float32 [frames, 2], what can be played; no longer than the bars that were listened to.
    chords: one for every `chord_beats` beats from the first bar line on (half a bar; one beat where the beats of a bar
    are odd in number). The loop goes round, and so do its chords.
    swing: where in a beat its second eighth lies, 0.5 straight to 0.67 triplets.
    lufs: integrated loudness; None: silent. spectrum: float32 [len(BANDS_HZ)], each band's share of the energy,
    together 1, or all 0 where it is silent. onsets_per_beat: how many notes and hits begin in a beat, on average.
    groove: float32 [3, beats_per_bar * SIXTEENTHS_PER_BEAT], how strongly the lows (below 200 Hz), the middle and the
    highs (above 2 kHz) begin at each sixteenth of the bar, 0 to 1 of the strongest.
    """

    samples: Samples
    grid: BarGrid
    chords: tuple[Chord, ...]
    chord_beats: Fraction
    key: Key
    swing: float
    lufs: float | None
    spectrum: npt.NDArray[np.float32]
    onsets_per_beat: float
    groove: npt.NDArray[np.float32]
    slices: Slices

    @property
    def silent(self) -> bool:
        return self.lufs is None


def chord_beats_of(beats_per_bar: int) -> Fraction:
    """How many beats one chord lasts: half a bar, or a beat where a bar has an odd number of them."""
    return Fraction(1) if beats_per_bar % 2 else Fraction(beats_per_bar, 2)
