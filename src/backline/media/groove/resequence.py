"""Playing on from a loop: its own eighths in a new order, in time, bar after bar."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np

from backline.media.audio import Samples, together
from backline.media.groove.bars import BarGrid
from backline.media.groove.heard import Chord, Heard, chord_beats_of
from backline.media.groove.joins import Material, best_shift, crossfade, fade_frames
from backline.media.groove.listen import listen
from backline.media.groove.pool import Pool, pool_of
from backline.media.groove.walk import Walk

_MOST_ANCHOR_BARS, _MOST_ANCHOR_SECONDS = 16, 20.0
_RUNS_ON_SECONDS = 0.006
"""What is played goes on as it is while it is not farther than this from where the next beat is meant."""
_RELEASE_SECONDS, _ENTRY_SECONDS = 0.060, 0.002
_STREAM = 1  # sets this part's random streams apart from those of others with the same seed


@dataclass(frozen=True, slots=True)
class PlayedBar:
    """samples: float32 [grid.length(bar), 2]. chords: what sounds in it, one for every `chord_beats` beats of the loop
    it came from. slices: which one of the material each eighth of the bar was; jumps: how many of those chosen for the
    next ones are not what follows in the loop."""

    samples: Samples
    chords: tuple[Chord, ...]
    slices: tuple[int, ...]
    jumps: int


class Resequencer:
    """The bars of one jam, asked for in their order. One random stream per (seed, bar).

    A fade ends before the hit that it leads to, so that its attack stays whole: while a bar is made, the beginning of
    the next one is chosen too.
    """

    def __init__(self, heard: Heard, seed: int) -> None:
        self._seed = seed
        self._position = 0
        """Where in the material the first frame of the bar would be, if what is played went on as it is."""
        self._grid = heard.grid
        self._played: deque[Samples] = deque(maxlen=_anchor_bars(heard.grid))
        self._ringing: Samples | None = None
        self._take(heard, pool_of(heard))

    @property
    def heard(self) -> Heard:
        """The loop that is played on from."""
        return self._heard

    def reseed(self, heard: Heard) -> None:
        """Go on from another loop with the next bar; what sounds is released."""
        self._release()
        self._take(heard, pool_of(heard))

    def splice(self, heard: Heard, anchor_bars: float) -> None:
        """Go on from another loop, with the newest bars of what was played as further material.

        anchor_bars: 1 to 16, in whole bars; at most 20 s, so that a session stays small."""
        bars = min(max(ceil(anchor_bars), 1), len(self._played))
        self._release()
        anchor = listen(together(list(self._played)[-bars:]), self._grid) if bars else None
        self._take(heard, pool_of(heard, anchor))

    def bar(self, bar: int, *, temperature: float, topk: int, loop_weight: float) -> PlayedBar:
        chance = np.random.default_rng((self._seed, _STREAM, bar))
        sound = np.empty((self._grid.length(bar), 2), dtype=np.float32)
        done, jumps, played = 0, 0, []
        eighths = 2 * self._grid.beats_per_bar
        for eighth in range(1, eighths + 1):
            played.append(self._walk.now)
            natural = int(self._pool.slices.successors[self._walk.now])
            chosen = self._walk.step(
                eighth % eighths, chance, temperature=temperature, topk=topk, loop_weight=loop_weight
            )
            jumps += chosen != natural
            done = self._play_to(sound, done, self._place(bar, eighth), natural, chosen)
        sound[done:] = self._material.read(self._position + done, len(sound) - done)
        self._position = self._material.place(self._position + len(sound))
        self._ring(sound)
        self._played.append(sound)
        return PlayedBar(sound, self._chords(played), tuple(played), jumps)

    def _place(self, bar: int, eighth: int) -> int:
        """The frame of the bar on which an eighth begins; every second one as late as in the loop."""
        if eighth == 2 * self._grid.beats_per_bar:
            return self._grid.length(bar)
        return self._grid.place(bar, eighth // 2 + eighth % 2 * self._late)

    def _play_to(self, sound: Samples, done: int, at: int, natural: int, chosen: int) -> int:
        """Go over to a slice that is to be at frame `at`, unless it is on the way anyhow; tells how far all is made."""
        slices = self._pool.slices
        expected, wanted = self._position + at, int(slices.starts[chosen])
        if abs(self._material.apart(expected, wanted)) <= _RUNS_ON_SECONDS * self._grid.rate_hz:
            return done
        attack = float(slices.attack[chosen])
        early = int(max(slices.lead_in[natural], slices.lead_in[chosen]))
        cut = max(at - early, done)
        fade = min(fade_frames(attack, self._grid.rate_hz), cut - done)
        enter = wanted - (at - cut)
        strict = max(attack, float(slices.attack[slices.successors[chosen]]))
        enter += best_shift(self._material, self._position + cut, enter, strict, self._grid.rate_hz)
        sound[done : cut - fade] = self._material.read(self._position + done, cut - fade - done)
        sound[cut - fade : cut] = crossfade(
            self._material.read(self._position + cut - fade, fade), self._material.read(enter - fade, fade)
        )
        self._position = enter - cut
        return cut

    def _chords(self, played: list[int]) -> tuple[Chord, ...]:
        """Of each stretch the chord that most of its sound has."""
        span = int(2 * chord_beats_of(self._grid.beats_per_bar))
        chords = []
        for first in range(0, len(played), span):
            heard = [self._pool.chords[index] for index in played[first : first + span]]
            chords.append(max(heard, key=lambda chord: sum(other.clarity for other in heard if other == chord)))
        return tuple(chords)

    def _take(self, heard: Heard, pool: Pool) -> None:
        self._heard, self._pool = heard, pool
        self._material = Material(pool.samples, pool.goes_round)
        self._walk = Walk(pool, self._grid.beats_per_bar, self._grid.seconds_per_bar / self._grid.beats_per_bar)
        self._late = Fraction(heard.swing).limit_denominator(1000)
        self._position = int(pool.slices.starts[0])

    def _release(self) -> None:
        if self._played:
            self._ringing = self._material.read(self._position, round(_RELEASE_SECONDS * self._grid.rate_hz)).copy()

    def _ring(self, sound: Samples) -> None:
        """Let what sounded before the material changed die away over the first bar after it."""
        if self._ringing is None:
            return
        tail, self._ringing = self._ringing[: len(sound)], None
        entry = max(round(_ENTRY_SECONDS * self._grid.rate_hz), 1)
        sound[:entry] *= np.linspace(0, 1, entry, dtype=np.float32)[:, None]
        sound[: len(tail)] += tail * np.cos(np.linspace(0, np.pi / 2, len(tail), dtype=np.float32))[:, None] ** 2


def _anchor_bars(grid: BarGrid) -> int:
    return max(min(_MOST_ANCHOR_BARS, int(_MOST_ANCHOR_SECONDS / grid.seconds_per_bar)), 1)
