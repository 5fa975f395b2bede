"""The band that plays along: drums, bass and chords in the named styles, on the grid, in the loop's harmony."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from backline.media.audio import Samples, silence
from backline.media.groove.balance import Balance
from backline.media.groove.bars import BarGrid
from backline.media.groove.drums import KITS
from backline.media.groove.fills import fill_size
from backline.media.groove.harmony import Harmony, harmony_of
from backline.media.groove.heard import SIXTEENTHS_PER_BEAT, Chord, Heard
from backline.media.groove.lines import Bar
from backline.media.groove.players import REACH_STEPS, Keys, Moment, bass_hits, drum_hits, swung
from backline.media.groove.sounds import Sounds
from backline.media.groove.stage import Ducking, Hit, Stage
from backline.media.groove.style_words import Reading, mixed, read
from backline.media.groove.styles import Style, Traits, Weighted, blended

_DRUMS = ("kick", "snare", "hats", "percussion")
_VOICES = (*_DRUMS, "bass", "chords")
_PHRASE_BARS = 8
_GOLDEN = 0.6180339887
_OPEN_SWING = 0.12
"""Strength of a loop's second eighths below which it leaves their place to the style."""
_STRAIGHT = 0.015
"""A loop that swings by less is straight."""
_LOUD_KICK = 0.5
_STYLES_KEPT = 64
_AS_IT_IS = 0.4
"""Octaves of tempo by which half or double time must be nearer to a style than the loop's own time."""


@dataclass(slots=True)
class _Voice:
    """What one voice plays in a bar."""

    style: Style
    bar: Bar


@dataclass(slots=True)
class _Band:
    drums: list[Hit] = field(default_factory=list)
    kicks: list[int] = field(default_factory=list)
    tones: list[Hit] = field(default_factory=list)


class Accompanist:
    """One session's band. Bars are asked for in turn, one call at a time.

    What it plays depends on the seed, the bars played so far and what it was asked for, and on nothing else. Each
    voice (kick, snare, hats, percussion, bass, chords) plays one of the styles at a time, drawn by share and drawn
    again every 8 bars; brightness, energy, density, room and swing are those of the mixture. So a share that glides
    changes one voice after another. Notes ring on over the bar line, also those of a style that has ended.
    """

    def __init__(self, grid: BarGrid, seed: int, sounds: Sounds | None = None) -> None:
        """sounds: at the grid's rate, shared between sessions; None: its own."""
        self._grid = grid
        self._seed = seed
        self._sounds = sounds or Sounds(grid.rate_hz)
        self._drums, self._tones = Stage(), Stage()
        self._ducking = Ducking(grid.rate_hz)
        self._balance = Balance(grid.rate_hz)
        self._keys = Keys()
        self._known: dict[str, Reading] = {}

    def bar(self, bar: int, heard: Heard, chords: Sequence[Chord], styles: Sequence[tuple[str, float]]) -> Samples:
        """One bar: float32 [grid.length(bar), 2], at a level of about `balance.LEVEL`, however large the shares are.

        bar: from 0. chords: that are played in this bar, one for each `heard.chord_beats`. styles: words and share;
        only the proportions of the shares count, and without one over 0 nothing begins to sound.
        """
        frames = self._grid.length(bar)
        mix = self._mix(styles)
        if not mix and self._drums.silent and self._tones.silent and self._balance.silent:
            return silence(frames, 2)
        traits = blended(mix) if mix else Traits()
        band = self._played(bar, heard, chords, mix, traits) if mix else _Band()
        gains = self._ducking.gains(band.kicks, 0.12 + 0.65 * traits.pump, self._back_seconds(), frames)
        bus = self._tones.play(band.tones, frames) * gains + self._drums.play(band.drums, frames)
        return self._balance.bar(bus, heard, traits.brightness, traits.energy)

    def _back_seconds(self) -> float:
        return min(0.3 * 60 / float(self._grid.beats_per_minute), 0.2)

    def _mix(self, styles: Sequence[tuple[str, float]]) -> tuple[Weighted, ...]:
        return mixed([(self._read(words), share) for words, share in styles if share > 0])

    def _read(self, words: str) -> Reading:
        if words not in self._known:
            if len(self._known) >= _STYLES_KEPT:
                self._known.clear()
            self._known[words] = read(words)
        return self._known[words]

    def _played(
        self, bar: int, heard: Heard, chords: Sequence[Chord], mix: Sequence[Weighted], traits: Traits
    ) -> _Band:
        harmony = harmony_of(bar, heard, chords, self._seed)
        moment = Moment(self._grid, bar, traits, self._sounds)
        dense = traits.density * float(np.clip(1.15 - 0.07 * heard.onsets_per_beat, 0.6, 1.0))
        voices = self._voices(bar, mix, harmony, dense, lambda steps_per_beat: _swing(heard, traits, steps_per_beat))
        band = _Band()
        drummer = voices["kick"].style
        beat = self._pick(drummer.patterns, drummer, bar, "drums")
        fill = "none" if beat == "none" else drummer.fill
        for group in _DRUMS:
            voice = voices[group]
            pattern = self._pick(voice.style.patterns, voice.style, bar, "drums")
            hits = drum_hits(moment, group, voice.style, pattern, voice.bar, fill, fill_size(bar))
            band.drums += hits
            if group == "kick":
                loudest = max((hit.gain for hit in hits), default=0.0)
                band.kicks = [hit.frame for hit in hits if hit.gain > _LOUD_KICK * loudest]
        band.drums += self._crash(moment, drummer) if fill != "none" else []
        bass, keys = voices["bass"], voices["chords"]
        line = self._pick(bass.style.lines, bass.style, bar, "bass")
        comp = self._pick(keys.style.comps, keys.style, bar, "chords")
        band.tones += bass_hits(moment, bass.style, line, bass.bar)
        band.tones += self._keys.hits(moment, keys.style, comp, keys.bar)
        return band

    def _crash(self, moment: Moment, style: Style) -> list[Hit]:
        if not style.crash or moment.bar % _PHRASE_BARS or moment.bar == 0:
            return []
        drum = KITS[style.kit]["crash"]
        return [Hit(0, self._sounds.drum(drum.sound), 10 ** (drum.gain_db / 20) * moment.traits.energy, drum.pan)]

    def _voices(self, bar: int, mix: Sequence[Weighted], harmony: Harmony, dense: float,
                swing: Callable[[int], tuple[float, float]]) -> Mapping[str, _Voice]:  # fmt: skip
        """Each voice with its style. The draws of the voices lie evenly over the shares, and move on by phrases."""
        order = np.random.default_rng([self._seed, 1]).permutation(len(_VOICES))
        voices = {}
        places: dict[int, tuple[tuple[int, ...], tuple[Chord, ...]]] = {}
        for voice, rank in zip(_VOICES, order, strict=True):
            place = ((float(rank) + 0.5) / len(_VOICES) + _GOLDEN * (bar // _PHRASE_BARS)) % 1.0
            style = _drawn(mix, place)
            steps_per_beat = feel(style.bpm, self._grid)
            if steps_per_beat not in places:
                places[steps_per_beat] = self._places(bar, harmony, steps_per_beat, swing(steps_per_beat))
            frames, chords = places[steps_per_beat]
            phrase = self._random("phrase", voice, style.name, bar // _PHRASE_BARS)
            fresh = self._random("bar", voice, style.name, bar)
            voices[voice] = _Voice(
                style, Bar(bar, frames, chords, harmony.following, harmony.key, dense, phrase, fresh)
            )
        return voices

    def _places(
        self, bar: int, harmony: Harmony, steps_per_beat: int, swing: tuple[float, float]
    ) -> tuple[tuple[int, ...], tuple[Chord, ...]]:
        """The frame of each step, and its chord."""
        steps = self._grid.beats_per_bar * steps_per_beat
        beats = [Fraction(step, steps_per_beat) for step in range(steps + REACH_STEPS + 1)]
        frames = tuple(self._grid.place(bar, swung(beat, *swing)) for beat in beats)
        return frames, tuple(harmony.at(beat) for beat in beats[:steps])

    def _pick(self, choices: Sequence[str], style: Style, bar: int, what: str) -> str:
        """One of the ways of a style; another after two phrases, perhaps."""
        rng = self._random("pick", what, style.name, bar // (2 * _PHRASE_BARS))
        return choices[int(rng.integers(len(choices)))]

    def _random(self, *what: str | int) -> np.random.Generator:
        return np.random.default_rng([self._seed, *(zlib.crc32(str(part).encode()) for part in what)])


def _drawn(mix: Sequence[Weighted], place: float) -> Style:
    passed = 0.0
    for part in mix:
        passed += part.share
        if place < passed:
            return part.style
    return mix[-1].style


def _swing(heard: Heard, traits: Traits, steps_per_beat: int) -> tuple[float, float]:
    """Where in a beat its second eighth lies, and where in an eighth its second sixteenth.

    The loop's own; that of the style where the loop hardly plays second eighths, and for sixteenths. In half time a
    style's sixteenths are the loop's eighths, and in double time its eighths are the loop's sixteenths.
    """
    eighths = {2: traits.shuffle, 4: traits.swing}.get(steps_per_beat, 0.5)
    sixteenths = {4: traits.shuffle, 8: traits.swing}.get(steps_per_beat, 0.5)
    second_eighths = heard.groove[:, SIXTEENTHS_PER_BEAT // 2 :: SIXTEENTHS_PER_BEAT]
    if heard.swing >= 0.5 + _STRAIGHT:
        return heard.swing, sixteenths
    open_to_style = heard.silent or float(second_eighths.max(initial=0.0)) < _OPEN_SWING
    return eighths if open_to_style else 0.5, sixteenths


def feel(style_bpm: float, grid: BarGrid) -> int:
    """Steps of a pattern in a beat of the loop: 4, or 2 in half time, 8 and 16 in double and fourfold time, whichever
    brings the style nearest to its own tempo; what is about as near is played as it is.

    Half time is for bars of an even number of twos, and for fast odd ones, whose beats are eighths.
    """
    bpm, beats = float(grid.beats_per_minute), grid.beats_per_bar
    choices = {4: _AS_IT_IS, 8: 0.0, 16: 0.0}
    if beats in (2, 4) or beats % 4 == 0 or (bpm >= 190 and beats not in (1, 3, 6)):
        choices[2] = 0.0
    return min(choices, key=lambda steps: abs(np.log2(bpm * steps / 4 / style_bpm)) - choices[steps])
