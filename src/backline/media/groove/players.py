"""The drummer, the bassist and the one at the keys: what each plays in a bar, as sounds at frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from backline.media.groove.bars import BarGrid
from backline.media.groove.comps import Struck, chosen, struck_chords
from backline.media.groove.drums import KITS, Drum
from backline.media.groove.fills import filled
from backline.media.groove.harmony import chord_notes, voiced
from backline.media.groove.lines import Bar, bass_notes
from backline.media.groove.patterns import GROUP_OF, OPTIONAL, STRENGTH, fitted, for_metre
from backline.media.groove.sounds import Sounds
from backline.media.groove.stage import Hit
from backline.media.groove.styles import Style, Traits
from backline.media.groove.tones import BASSES, CHORDS, Instrument

_BASS_DB, _CHORDS_DB = -8.5, -11.5
_HUMAN = 0.09
"""How far velocities stray, as a standard deviation of the whole."""
_ECHOES = ((3, 0.42, 0.5), (6, 0.19, -0.5), (9, 0.085, 0.4))
"""Sixteenths later, how loud, and where: a tape delay at a dotted eighth."""
_FILLING = ("hat", "shaker")
"""Lanes that dense playing fills up, and sparse playing thins out, between the eighths."""
REACH_STEPS = 9
"""How far beyond a bar its sounds are placed."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What all players of a bar share. traits: of the mixture."""

    grid: BarGrid
    bar: int
    traits: Traits
    sounds: Sounds


def swung(beat: Fraction, swing: float, shuffle: float) -> Fraction:
    """A place in straight time, where it is played. swing: where in the beat its middle lies; shuffle: where in each
    eighth its middle lies."""
    whole, part = divmod(beat, 1)
    eighth, within = divmod(part * 2, 1)
    eighth_at, shuffle_at = Fraction(round(swing * 1000), 1000), Fraction(round(shuffle * 1000), 1000)
    within = _bent(within, shuffle_at)
    return whole + (within * eighth_at if eighth == 0 else eighth_at + within * (1 - eighth_at))


def _bent(part: Fraction, middle: Fraction) -> Fraction:
    half = Fraction(1, 2)
    return part * 2 * middle if part < half else middle + (part - half) * 2 * (1 - middle)


def _gain(db: float) -> float:
    return float(10 ** (db / 20))


def drum_hits(moment: Moment, group: str, style: Style, pattern: str, bar: Bar, fill: str, size: int) -> list[Hit]:
    """One group of voices, of GROUP_OF. fill, size: that ends this bar (see fills)."""
    lanes = {
        lane: fitted(steps, bar.steps, bar.number)
        for lane, steps in for_metre(pattern, moment.grid.beats_per_bar).lanes.items()
        if GROUP_OF[lane] == group
    }
    hits: list[Hit] = []
    for lane, steps in filled(lanes, group, fill, size, bar).items():
        for step, written in enumerate(steps):
            mark = _thinned(written, lane, step, bar.dense, float(bar.phrase.random()))
            if mark in STRENGTH:
                hits += _struck_drum(moment, KITS[style.kit][lane], step, mark, bar)
    return hits


def _thinned(mark: str, lane: str, step: int, dense: float, chance: float) -> str:
    """What is left of a mark where playing is sparse, or added where it is dense; chance: 0 to 1, the same through the
    phrase, so that what a density has, all above it have too."""
    between = step % 2 == 1
    if mark in OPTIONAL:
        return mark if chance < dense else "."
    if mark in "og" and between and lane in _FILLING:
        return mark if chance < 0.15 + 1.5 * dense else "."
    if mark == "." and between and lane in _FILLING:
        return "g" if chance < 1.4 * (dense - 0.6) else "."
    return mark


def _struck_drum(moment: Moment, drum: Drum, step: int, mark: str, bar: Bar) -> list[Hit]:
    strokes = 3 if mark == "r" else 1
    hits = []
    for stroke in range(strokes):
        strength = STRENGTH[mark] ** 1.35 * (1 + _HUMAN * float(np.clip(bar.fresh.standard_normal(), -2, 2)))
        start, end = bar.frames[step : step + 2]
        hits.append(
            Hit(
                start + (end - start) * stroke // strokes,
                moment.sounds.drum(drum.sound),
                strength * _gain(drum.gain_db),
                drum.pan,
            )
        )
    return hits


def bass_hits(moment: Moment, style: Style, line: str, bar: Bar) -> list[Hit]:
    """The bass, in the middle; one note at a time."""
    instrument = BASSES[style.bass]
    hits = []
    for note in bass_notes(line, instrument.centre, bar):
        start = bar.frames[note.step]
        seconds = (bar.frames[note.step + note.steps] - start) / moment.grid.rate_hz
        accent = note.accent + (0.3 if line == "acid" and bar.phrase.random() < 0.3 else 0.0)
        brightness = moment.traits.brightness + accent + 0.2 * (note.strength - 0.95)
        held = seconds * (0.55 if note.strength < 0.5 else 0.97 if note.steps < 4 else 1.02)
        sound = moment.sounds.tone(style.bass, note.midi, held, brightness, 0.0)
        human = 1 + 0.6 * _HUMAN * float(np.clip(bar.fresh.standard_normal(), -2, 2))
        hits.append(Hit(start, sound, note.strength**1.2 * human * _gain(_BASS_DB + instrument.gain_db)))
    return hits


class Keys:
    """The one who plays chords: remembers how the last lay under the hand."""

    def __init__(self) -> None:
        self._instrument = ""
        self._layout: tuple[int, ...] = ()

    def hits(self, moment: Moment, style: Style, comp: str, bar: Bar) -> list[Hit]:
        instrument = CHORDS[style.chords]
        if style.chords != self._instrument:
            self._instrument, self._layout = style.chords, ()
        hits: list[Hit] = []
        for struck in struck_chords(comp, bar):
            notes = chord_notes(bar.chords[struck.step], style.voicing, bar.key)
            self._layout = voiced(notes, style.voicing, instrument.centre, self._layout)
            hits += _struck_notes(moment, style, instrument, chosen(self._layout, struck), struck, bar)
        return hits


def _struck_notes(moment: Moment, style: Style, instrument: Instrument, notes: Sequence[int], struck: Struck,
                  bar: Bar) -> list[Hit]:  # fmt: skip
    start, end = bar.frames[struck.step], bar.frames[struck.step + struck.steps]
    seconds = (end - start) / moment.grid.rate_hz * (0.7 if struck.short else 0.97)
    brightness = moment.traits.brightness + 0.25 * (struck.strength - 0.85)
    level = struck.strength**1.2 * _gain(_CHORDS_DB + instrument.gain_db) * (3 / max(len(notes), 2)) ** 0.5
    hits: list[Hit] = []
    for place, midi in enumerate(notes):
        across = 2 * place / (len(notes) - 1) - 1 if len(notes) > 1 else 0.0
        sound = moment.sounds.tone(style.chords, midi, seconds, brightness, moment.traits.space)
        human = 1 + 0.5 * _HUMAN * float(np.clip(bar.fresh.standard_normal(), -2, 2))
        late = round(place * instrument.strum_seconds * moment.grid.rate_hz)
        hits.append(Hit(start + late, sound, level * human, across * instrument.spread))
    if instrument.echoes and struck.steps <= 2 and moment.traits.space > 0.25:
        hits += _echoes(moment, hits, struck.step, bar)
    return hits


def _echoes(moment: Moment, hits: Sequence[Hit], step: int, bar: Bar) -> list[Hit]:
    first = min(hit.frame for hit in hits)
    echoes = []
    for later, loud, pan in _ECHOES:
        shift = bar.frames[step + later] - first
        wet = loud * min(2 * moment.traits.space - 0.4, 1.2)
        if wet > 0.02:
            echoes += [Hit(hit.frame + shift, hit.sound, hit.gain * wet, pan) for hit in hits]
    return echoes
