"""Bass lines: a rhythm with a role for each note, and the notes that the roles are in a harmony.

A line is a string of sixteenths: `R` root, `r` soft root, `5` fifth, `8` octave, `3` third, `7` seventh, `s` step of
the scale, `w` walking, `a` approach to the next chord, `g` muted ghost, `-` held, `.` rest, `?` a root that denser
playing has. A chord that changes under a held note is struck anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from backline.media.groove.harmony import chord_notes, scale_of
from backline.media.groove.heard import Chord, Key
from backline.media.groove.patterns import fitted

_LINES = {
    "roots": "R-----.. R-----..|R---R-.. R-----a-",
    "long": "R------- --------|R------- ------..",
    "drone": "R------- --------",
    "eighths": "R-R-R-R- R-R-R-R-|R-R-R-R- R-R-R-a-",
    "driving": "RrrrRrrr RrrrRrra",
    "offbeat": "..R-..R- ..R-..R-|..R-..8- ..R-..5-",
    "octaves": "R-.8.-R. R-.8..8.|R.8.R.8. R.8.5.8.",
    "disco": "R.8.R.8. R.8.R.8.|R.8.R.8g R.8.R.a-",
    "house": "R..R..R. ..R..8..|R-.R..8. ..R.7.8.",
    "deep": "R-..?.R- ...R-..5|R--.R... ..8.7.R.",
    "techno": "..RR..RR ..RR..R8|.RRR.RRR .RRR.RR8",
    "rumble": ".rRr.rRr .rRr.rRr",
    "dub_techno": "R--..... ..R-....|R--...R- ......5-",
    "garage": "R-...R-. ..8.R-.7|R.R-..8. .R-.5.-.",
    "reese": "R------- ----R---|R------- 5---7---",
    "jungle": "R---..R- ..R-..8.|R-..R--. 5-..R-..",
    "wobble": "R---R--- R-R-R---|R------- R---5---",
    "boom": "R-----.. ..R-....|R---...R --....a-",
    "hip_hop": "R-----.g ..R-R-.5|R-.R.... ..R-..a-",
    "lofi": "R---..5- R--...a-|R-----8- 5---..a-",
    "funk": "R.gR..8. g.R.R7g8|R..gR-.8 .g7.5-ga",
    "slap": "R.g8.gR. g8.g7.8.|R..8g.R. R.8g.R5a",
    "motown": "R-.5R-.8 .75-R-sa|R--RR-s5 .8-7R-aa",
    "rock": "R-R-R-R- R-R-5-a-|R-..R-R- R-..R-a-",
    "gallop": "R.RRR.RR R.RRR.RR",
    "chug": "RRRRRRRR RRRRRRRR",
    "walking": "w---w--- w---w---|w---w-g- w---w---",
    "two_feel": "R---..-. 5---..-.|R-----.. 5---a---",
    "shuffle": "R-R-5-5- 7-7-5-5-|R-r-3-r- 5-r-7-5-",
    "train": "R-..5-.. R-..5-..|R-..5-.. R-s-s-a-",
    "bossa": "R-----5- 5-----a-|R-----5- 5-----R-",
    "samba": "R--r5--- 5--rR---|R--r5--5 5--5R--a",
    "tumbao": "......5- ----8---|......R- ----a---",
    "cumbia": "R-....5- R-....8-",
    "tresillo": "R--R--R- R--R--5-|R--R--R- R--R--8-",
    "afrobeat": "R.R-..5. .8.-7.5-|R-.R.8.- 7.5-..R-",
    "log": "R-..r.R- ..R-.8.-|..R-.R-. R.-..R-a",
    "one_drop": "....R-5- R-....8-|....R-R- 3-5-....",
    "steppers": "R-R-..5- R-..3-5-|R-..R-5- 8-..5-R-",
    "ska": "R-3-5-3- R-3-5-a-|R-5-8-5- R-5-3-a-",
    "arp": "R.8.R.8. R.8.R.8.|RR8RRR8R RR8RRR85",
    "ostinato": "R.R.8.R. 7.R.5.R.|R.R.R.8. R.7.R.5.",
    "ballad": "R------- ....R-a-|R-----5- R------a",
    "downtempo": "R---..R. ....R-7-|R--.R-.. 5-..R-a-",
    "acid": "acid",
    "waltz": "R-----.. ....|R------- a---",
    "none": "................",
}

LINES: Mapping[str, tuple[str, ...]] = {
    name: tuple(one.replace(" ", "") for one in text.split("|")) for name, text in _LINES.items()
}


@dataclass(frozen=True, slots=True)
class BassNote:
    """step: of the bar. steps: that it is held for. strength: 0 to 1. accent: 0 to 1, added to its brightness."""

    step: int
    steps: int
    midi: int
    strength: float
    accent: float = 0.0


@dataclass(frozen=True, slots=True)
class Bar:
    """What a bar is for a player.

    frames: where each step begins, swung, and those of the next bar for as far as anything reaches. chords: of each
    step. following: the chord that is likely to come after the bar. dense: how many of the optional notes are played,
    0 to 1. phrase: numbers that stay the same for the phrase; fresh: those of the bar.
    """

    number: int
    frames: tuple[int, ...]
    chords: tuple[Chord, ...]
    following: Chord
    key: Key
    dense: float
    phrase: np.random.Generator
    fresh: np.random.Generator

    @property
    def steps(self) -> int:
        return len(self.chords)

    def next_chord(self, step: int) -> Chord:
        """The chord that comes when the one at this step is over."""
        now = self.chords[step]
        return next((chord for chord in self.chords[step:] if chord != now), self.following)


def bass_notes(line: str, lowest: int, bar: Bar) -> list[BassNote]:
    """The notes of a bar. line: a name in LINES. lowest: MIDI note that no root lies below."""
    if line == "acid":
        roles = _acid(bar)
    else:
        choices = LINES[line]
        roles = fitted(choices[int(bar.phrase.integers(len(choices)))], bar.steps, bar.number)
    roles = roles.replace("-", "R", 1) if roles.startswith("-") else roles  # held since the bar before
    player = _Player(lowest, bar)
    notes: list[BassNote] = []
    for step, role in enumerate(roles):
        changed = step > 0 and bar.chords[step] != bar.chords[step - 1]
        if role == "-" and not (changed and notes and notes[-1].step + notes[-1].steps == step):
            if notes and notes[-1].step + notes[-1].steps == step:
                notes[-1] = _longer(notes[-1])
        elif role == "?" and bar.phrase.random() > bar.dense:
            continue
        elif role != ".":
            notes.append(player.play(step, "R" if role == "-" else role))
    return notes


def _longer(note: BassNote) -> BassNote:
    return BassNote(note.step, note.steps + 1, note.midi, note.strength, note.accent)


class _Player:
    """Knows where the hand is."""

    def __init__(self, lowest: int, bar: Bar) -> None:
        self._lowest, self._bar = lowest, bar
        self._last: int | None = None

    def play(self, step: int, role: str) -> BassNote:
        chord = self._bar.chords[step]
        root = self._lowest + (chord.root - self._lowest) % 12
        midi = self._pitch(step, role, chord, root)
        self._last = midi
        strength = {"g": 0.35, "r": 0.7, "a": 0.85, "s": 0.8}.get(role, 1.0)
        on_beat = step % 4 == 0
        return BassNote(step, 1, midi, strength * (1.0 if on_beat else 0.92), 0.15 if role == "8" else 0.0)

    def _pitch(self, step: int, role: str, chord: Chord, root: int) -> int:
        notes = chord_notes(chord, "seventh", self._bar.key)
        fixed = {"8": root + 12, "3": root + (notes[1] - chord.root) % 12, "7": root + (notes[3] - chord.root) % 12}
        if role in fixed:
            return fixed[role]
        if role == "5":
            below = root - 5
            return below if below >= self._lowest - 3 else root + 7
        if role == "a":
            return self._approach(step, root)
        if role == "s":
            return self._scale_step(chord, root)
        if role == "w":
            return self._walk(step, chord, root)
        return root

    def _approach(self, step: int, root: int) -> int:
        """A semitone below or above the next root, or a step of the scale; within one chord, its fifth."""
        bar = self._bar
        chord, following = bar.chords[step], bar.next_chord(step)
        if (chord.root, chord.minor) == (following.root, following.minor):
            return root + 7 if root + 7 < self._lowest + 12 else root - 5
        target = self._lowest + (following.root - self._lowest) % 12
        scale = scale_of(chord, bar.key)
        near = [target + step for step in (-1, -2, 2, 1) if (target + step) % 12 in scale]
        chosen = near[int(bar.fresh.integers(len(near)))] if near and bar.fresh.random() < 0.75 else target - 1
        return chosen if chosen >= self._lowest - 3 else chosen + 12

    def _scale_step(self, chord: Chord, root: int) -> int:
        last = self._last if self._last is not None else root
        scale = scale_of(chord, self._bar.key)
        up = bool(self._bar.fresh.integers(2)) if self._lowest <= last <= self._lowest + 12 else last < self._lowest
        steps = (1, 2, 3) if up else (-1, -2, -3)
        return next(last + step for step in steps if (last + step) % 12 in scale)

    def _walk(self, step: int, chord: Chord, root: int) -> int:
        """Roots where a chord begins, an approach on the last beat before the next, and between them its notes."""
        bar = self._bar
        if self._last is None or bar.chords[max(step - 1, 0)] != chord:
            return root
        last_beat = step + 4 >= bar.steps or bar.chords[step + 4] != chord
        if last_beat:
            return self._approach(step, root)
        notes = [root + interval for interval in (3 if chord.minor else 4, 7, 12, -5)]
        notes = [note for note in notes if note != self._last and note >= self._lowest - 3]
        if bar.fresh.random() < 0.4:
            return self._scale_step(chord, root)
        return min(notes, key=lambda note: abs(note - self._last) + 6 * bar.fresh.random() if self._last else 0.0)


def _acid(bar: Bar) -> str:
    """A phrase of sixteenths, the same for as long as the phrase lasts: mostly roots, octaves and some other notes."""
    pool = "RRRRR88r7353s"
    chosen = []
    for place in range(16):
        sounds = bar.phrase.random() < (0.95 if place == 0 else 0.5 + 0.4 * bar.dense)
        role = pool[int(bar.phrase.integers(len(pool)))]
        tied = bar.phrase.random() < 0.2
        chosen.append("R" if place == 0 else ("-" if tied else role) if sounds else ".")
    return fitted("".join(chosen), bar.steps, bar.number)
