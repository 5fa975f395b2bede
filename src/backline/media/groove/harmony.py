"""Which chord sounds when, what its scale is, and how its notes are laid out for an instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from backline.media.groove.heard import Chord, Heard, Key

CLEAR = 0.12
"""Mean clarity of chords from which on they are followed; below it the loop leaves the harmony to us."""

_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR = (0, 2, 3, 5, 7, 8, 10)
_PROGRESSIONS: Mapping[bool, tuple[tuple[tuple[int, bool], ...], ...]] = {
    False: (
        ((0, False), (9, True), (5, False), (7, False)),
        ((0, False), (7, False), (9, True), (5, False)),
        ((0, False), (5, False), (0, False), (7, False)),
        ((2, True), (7, False), (0, False), (9, True)),
    ),
    True: (
        ((0, True), (8, False), (3, False), (10, False)),
        ((0, True), (10, False), (8, False), (10, False)),
        ((0, True), (5, True), (0, True), (7, True)),
        ((0, True), (3, False), (5, True), (8, False)),
    ),
}
"""For a loop without harmony: semitones above the tonic and whether minor, one chord a bar; major keys, then minor."""


@dataclass(frozen=True, slots=True)
class Span:
    """A chord while it lasts: from its first beat of the bar up to `end`."""

    start: Fraction
    end: Fraction
    chord: Chord


@dataclass(frozen=True, slots=True)
class Harmony:
    """Of one bar. following: what is likely to come after it. key: as heard, or as chosen where none was."""

    spans: tuple[Span, ...]
    following: Chord
    key: Key

    def at(self, beat: Fraction) -> Chord:
        return next((span.chord for span in self.spans if beat < span.end), self.spans[-1].chord)


def harmony_of(bar: int, heard: Heard, chords: Sequence[Chord], seed: int) -> Harmony:
    """chords: that are played in this bar, one for each `heard.chord_beats`; where they say too little, or the loop is
    silent, a common progression is played in C or A minor, or in the loop's key if it has one."""
    beats = Fraction(heard.grid.beats_per_bar)
    if not chords or heard.silent or float(np.mean([chord.clarity for chord in heard.chords])) < CLEAR:
        return _own(bar, heard.key if not heard.silent else Key(0, False, 0.0), beats, seed)
    spans: list[Span] = []
    for place, chord in enumerate(chords):
        start, end = place * heard.chord_beats, min((place + 1) * heard.chord_beats, beats)
        if spans and _same(spans[-1].chord, chord):
            spans[-1] = Span(spans[-1].start, end, chord)
        elif start < beats:
            spans.append(Span(start, end, chord))
    return Harmony(tuple(spans), _follower(chords[-1], heard.chords), heard.key)


def _same(one: Chord, other: Chord) -> bool:
    return (one.root, one.minor) == (other.root, other.minor)


def _follower(chord: Chord, heard: Sequence[Chord]) -> Chord:
    """What came after this chord in the loop, most often."""
    found = [heard[(place + 1) % len(heard)] for place, one in enumerate(heard) if _same(one, chord)]
    others = [one for one in found if not _same(one, chord)] or found or [chord]
    return max(others, key=lambda one: (sum(_same(one, again) for again in others), -one.root))


def _own(bar: int, key: Key, beats: Fraction, seed: int) -> Harmony:
    rng = np.random.default_rng([seed, 0x6B6579])
    minor = bool(rng.integers(2))
    chosen = key if key.clarity >= CLEAR else Key(9 if minor else 0, minor, 0.0)
    progressions = _PROGRESSIONS[chosen.minor]
    progression = progressions[int(rng.integers(len(progressions)))]

    def chord(number: int) -> Chord:
        step, is_minor = progression[number % len(progression)]
        return Chord((chosen.tonic + step) % 12, is_minor, 0.5)

    return Harmony((Span(Fraction(0), beats, chord(bar)),), chord(bar + 1), chosen)


def scale_of(chord: Chord, key: Key) -> tuple[int, ...]:
    """The notes to move in: the key's if the chord is in it, else those of the chord's own mode."""
    steps = _MINOR if key.minor else _MAJOR
    scale = tuple(sorted((key.tonic + step) % 12 for step in steps))
    triad = {chord.root, (chord.root + (3 if chord.minor else 4)) % 12, (chord.root + 7) % 12}
    if triad <= set(scale):
        return scale
    return tuple(sorted((chord.root + step) % 12 for step in (_MINOR if chord.minor else _MAJOR)))


def chord_notes(chord: Chord, kind: str, key: Key) -> tuple[int, ...]:
    """Pitch classes of a voicing. kind: `root`, `power`, `triad`, `open`, `seventh`, `ninth`, `shell` or `sus`."""
    third = (chord.root + (3 if chord.minor else 4)) % 12
    fifth = (chord.root + 7) % 12
    scale = scale_of(chord, key)
    seventh = next((chord.root + step) % 12 for step in (10, 11, 9) if (chord.root + step) % 12 in scale)
    ninth = (chord.root + 2) % 12
    kinds = {
        "root": (chord.root,),
        "power": (chord.root, fifth),
        "triad": (chord.root, third, fifth),
        "open": (chord.root, fifth, third),
        "seventh": (chord.root, third, fifth, seventh),
        "ninth": (third, fifth, seventh, ninth if ninth in scale else chord.root),
        "shell": (third, seventh, fifth),
        "sus": (chord.root, ninth if ninth in scale else third, fifth),
    }
    return kinds[kind]


def voiced(notes: Sequence[int], kind: str, centre: int, before: Sequence[int]) -> tuple[int, ...]:
    """MIDI notes of a chord near a centre, laid out so that the hand moves little from the chord before.

    Power chords and roots keep their root at the bottom; `open` lays the notes wider than an octave.
    """
    if kind in ("root", "power"):
        lowest = _nearest(notes[0], centre)
        return (lowest,) if kind == "root" else (lowest, lowest + 7, lowest + 12)
    best: tuple[float, tuple[int, ...]] | None = None
    for first in range(len(notes)):
        order = (*notes[first:], *notes[:first])
        for bottom in range(centre - 12, centre + 3):
            if bottom % 12 != order[0]:
                continue
            laid = _stacked(order, bottom, kind == "open")
            cost = 0.6 * abs(sum(laid) / len(laid) - centre)
            if len(before) == len(laid):
                cost += sum(abs(a - b) for a, b in zip(laid, before, strict=True)) / len(laid)
            if best is None or cost < best[0]:
                best = (cost, laid)
    assert best is not None
    return best[1]


def _stacked(order: Sequence[int], bottom: int, wide: bool) -> tuple[int, ...]:
    laid = [bottom]
    for note in order[1:]:
        step = (note - laid[-1]) % 12 or 12
        laid.append(laid[-1] + step)
    if wide and len(laid) > 2:
        laid[1] += 12
    return tuple(sorted(laid))


def _nearest(pitch_class: int, centre: int) -> int:
    return centre + (pitch_class - centre + 6) % 12 - 6
