"""Listening to a loop, once, before it is played with."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples
from backline.media.groove.bars import BarGrid
from backline.media.groove.chroma import between, chord_of, chroma_of, key_of, settled
from backline.media.groove.heard import Chord, Heard, Key, Slices, chord_beats_of
from backline.media.groove.onsets import Pulse, groove_of, phases, pulse_of, swing_of
from backline.media.groove.slices import MOST_BARS, Cut, beginnings, cut, powers
from backline.media.groove.spectra import Numbers, third_octaves
from backline.media.loudness import integrated_lufs


def listen(loop: Samples, grid: BarGrid) -> Heard:
    """loop: float32 [frames, 2] at the grid's rate, at least one frame, beginning on a bar line; of a long one the
    first 64 bars are heard. Beats are those of the grid: a tempo is not looked for here."""
    if len(loop) > grid.length(0, MOST_BARS):
        loop = loop[: grid.length(0, MOST_BARS)].copy()  # so that the rest can go
    pulse = pulse_of(_flat(loop), grid.rate_hz)
    found = cut(loop, grid, pulse)
    flat = _flat(found.samples)
    if found.samples is not loop:
        pulse = pulse_of(flat, grid.rate_hz)
    harmony, bass, hop = chroma_of(flat, grid.rate_hz)
    key = key_of(harmony.mean(axis=0))
    chords = _chords(found, grid.beats_per_bar, harmony, bass, hop, key)
    onsets, strength = phases(pulse, found.late_frames, float(found.frames_per_beat), grid.rate_hz)
    swing = swing_of(onsets, strength)
    return Heard(
        samples=found.samples,
        grid=grid,
        chords=chords,
        chord_beats=chord_beats_of(grid.beats_per_bar),
        key=settled(key, chords),
        swing=swing,
        lufs=integrated_lufs(found.samples, grid.rate_hz),
        spectrum=third_octaves(found.samples, grid.rate_hz),
        onsets_per_beat=2 * len(onsets) / found.eighths,
        groove=groove_of(pulse, found.late_frames, float(found.frames_per_beat), grid),
        slices=_slices(found, found.edges(swing), grid, pulse, harmony, hop),
    )


def _flat(samples: Samples) -> Numbers:
    mean: Numbers = samples.mean(axis=1, dtype=np.float32)
    return mean


def _chords(found: Cut, beats_per_bar: int, harmony: Numbers, bass: Numbers, hop: int, key: Key) -> tuple[Chord, ...]:
    span = chord_beats_of(beats_per_bar) * found.frames_per_beat
    chords = []
    for place in range(max(round(Fraction(found.eighths, 2) * found.frames_per_beat / span), 1)):
        start, end = float(place * span), float((place + 1) * span)
        chords.append(chord_of(between(harmony, hop, start, end), between(bass, hop, start, end), key))
    return tuple(chords)


def _slices(
    found: Cut, edges: npt.NDArray[np.int64], grid: BarGrid, pulse: Pulse, harmony: Numbers, hop: int
) -> Slices:
    attack, lead_in = beginnings(found.samples, edges[:-1], grid.rate_hz)
    moments = edges / (pulse.hop_seconds * grid.rate_hz)
    halves = [
        (_mean(pulse.levels_db, start, (start + end) / 2), _mean(pulse.levels_db, (start + end) / 2, end))
        for start, end in pairwise(moments)
    ]
    order = np.arange(found.eighths)
    return Slices(
        starts=edges[:-1],
        places=order % (2 * grid.beats_per_bar),
        successors=(order + 1) % found.eighths,
        timbre=np.array(halves, dtype=np.float32),
        chroma=np.stack([between(harmony, hop, start, end) for start, end in pairwise(edges)]),
        attack=attack,
        power=powers(found.samples, edges),
        lead_in=lead_in,
        frames_per_beat=found.frames_per_beat,
    )


def _mean(levels: Numbers, start: float, end: float) -> Numbers:
    first = min(max(round(start), 0), len(levels) - 1)
    mean: Numbers = levels[first : max(round(end), first + 1)].mean(axis=0)
    return mean
