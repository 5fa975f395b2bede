"""Listening to a loop, once, before it is played with."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from backline.media.audio import Samples
from backline.media.groove.bars import BarGrid
from backline.media.groove.chroma import between, chord_of, chroma_of, key_of, settled
from backline.media.groove.heard import Beats, Chord, Heard, Key, chord_beats_of
from backline.media.groove.onsets import Pulse, groove_of, phases, pulse_of, swing_of
from backline.media.groove.slices import MOST_BARS, Cut, beginnings, cut, powers
from backline.media.groove.spectra import Numbers, third_octaves
from backline.media.loudness import integrated_lufs


def listen(loop: Samples, grid: BarGrid) -> Heard:
    """loop: float32 [frames, 2] at the grid's rate, at least one frame, beginning on a bar line; of a long one the
    first 64 bars are heard. Beats are those of the grid: a tempo is not looked for here."""
    loop = loop[: grid.length(0, MOST_BARS)]
    pulse = pulse_of(_flat(loop), grid.rate_hz)
    found = cut(loop, grid, pulse)
    flat = _flat(found.samples)
    if len(flat) != len(pulse.whole):
        pulse = pulse_of(flat, grid.rate_hz)
    harmony, bass, hop = chroma_of(flat, grid.rate_hz)
    key = key_of(harmony.mean(axis=0))
    chords = _chords(found, grid.beats_per_bar, harmony, bass, hop, key)
    onsets, strength = phases(pulse, float(found.frames_per_beat), grid.rate_hz)
    return Heard(
        samples=found.samples,
        grid=grid,
        chords=chords,
        chord_beats=chord_beats_of(grid.beats_per_bar),
        key=settled(key, chords),
        swing=swing_of(onsets, strength),
        lufs=integrated_lufs(found.samples, grid.rate_hz),
        spectrum=third_octaves(found.samples, grid.rate_hz),
        onsets_per_beat=len(onsets) / found.beats,
        groove=groove_of(pulse, float(found.frames_per_beat), grid.beats_per_bar, grid.rate_hz),
        beats=_beats(found, grid, pulse, harmony, hop),
    )


def _flat(samples: Samples) -> Numbers:
    mean: Numbers = samples.mean(axis=1, dtype=np.float32)
    return mean


def _chords(found: Cut, beats_per_bar: int, harmony: Numbers, bass: Numbers, hop: int, key: Key) -> tuple[Chord, ...]:
    span = chord_beats_of(beats_per_bar) * found.frames_per_beat
    chords = []
    for place in range(max(round(Fraction(found.beats) * found.frames_per_beat / span), 1)):
        start, end = float(place * span), float((place + 1) * span)
        chords.append(chord_of(between(harmony, hop, start, end), between(bass, hop, start, end), key))
    return tuple(chords)


def _beats(found: Cut, grid: BarGrid, pulse: Pulse, harmony: Numbers, hop: int) -> Beats:
    attack, lead_in = beginnings(found.samples, found, grid.rate_hz)
    half = float(found.frames_per_beat) / 2
    moments_per_half = half / (pulse.hop_seconds * grid.rate_hz)
    timbre = np.stack(
        [_mean(pulse.levels_db, place * moments_per_half, moments_per_half) for place in range(2 * found.beats)]
    )
    order = np.arange(found.beats)
    return Beats(
        starts=found.starts,
        places=order % grid.beats_per_bar,
        successors=(order + 1) % found.beats,
        timbre=timbre.reshape(found.beats, 2, -1),
        chroma=np.stack([between(harmony, hop, 2 * beat * half, 2 * (beat + 1) * half) for beat in range(found.beats)]),
        attack=attack,
        power=powers(found.samples, found),
        lead_in=lead_in,
        frames_per_beat=found.frames_per_beat,
    )


def _mean(levels: Numbers, start: float, count: float) -> Numbers:
    first = min(round(start), len(levels) - 1)
    mean: Numbers = levels[first : max(round(start + count), first + 1)].mean(axis=0)
    return mean
