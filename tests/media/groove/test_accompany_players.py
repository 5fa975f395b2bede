from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from backline.media.groove.bars import BarGrid
from backline.media.groove.comps import COMPS, chosen, struck_chords
from backline.media.groove.fills import FILLS, fill_size, filled
from backline.media.groove.heard import Chord, Key
from backline.media.groove.lines import LINES, Bar, bass_notes
from backline.media.groove.patterns import PATTERNS
from backline.media.groove.players import REACH_STEPS, Moment, drum_hits, swung
from backline.media.groove.sounds import Sounds
from backline.media.groove.style_table import GENRES
from backline.media.groove.styles import Traits

GRID = BarGrid.of(93.7, 4, 24000)
A_MINOR, F_MAJOR = Chord(9, True, 1.0), Chord(5, False, 1.0)
SOUNDS = Sounds(GRID.rate_hz)


def bar_of(
    number: int = 0,
    dense: float = 0.5,
    swing: float = 0.5,
    steps: int = 16,
    chords: tuple[Chord, ...] = (A_MINOR, F_MAJOR),
) -> Bar:
    """Four sixteenths to a beat; the chords share the bar evenly."""
    frames = tuple(GRID.place(number, swung(Fraction(step, 4), swing, 0.5)) for step in range(steps + REACH_STEPS + 1))
    each = tuple(chords[step * len(chords) // steps] for step in range(steps))
    rng = (np.random.default_rng([number // 8, 1]), np.random.default_rng([number, 2]))
    return Bar(number, frames, each, chords[0], Key(9, True, 1.0), dense, *rng)


def hits_of(style: str, group: str, pattern: str, bar: Bar) -> list[int]:
    moment = Moment(GRID, bar.number, Traits(), SOUNDS)
    return sorted(hit.frame for hit in drum_hits(moment, group, GENRES[style], pattern, bar, "none", 0))


@pytest.mark.parametrize("bar", [0, 1, 7, 12345])
def test_kicks_fall_on_the_frames_of_their_beats(bar: int) -> None:
    frames = hits_of("techno", "kick", "techno", bar_of(bar))
    assert frames == [GRID.place(bar, beat) for beat in range(4)]


def test_offbeats_swing() -> None:
    frames = hits_of("trance", "hats", "trance", bar_of(3, dense=0.0, swing=0.62))
    eighths = [GRID.place(3, beat + Fraction(62, 100)) for beat in range(4)]
    assert set(eighths) <= set(frames)


@pytest.mark.parametrize("swing", [0.5, 0.58, 0.67])
def test_swing_moves_second_eighths_and_keeps_the_beats(swing: float) -> None:
    assert [swung(Fraction(beat), swing, 0.55) for beat in range(4)] == [0, 1, 2, 3]
    assert float(swung(Fraction(5, 2), swing, 0.55)) == pytest.approx(2 + swing)
    places = [swung(Fraction(step, 8), swing, 0.55) for step in range(33)]
    assert places == sorted(set(places))


def test_straight_time_is_exact() -> None:
    assert all(swung(Fraction(step, 16), 0.5, 0.5) == Fraction(step, 16) for step in range(64))


@pytest.mark.parametrize("pattern", ["house", "funk", "trap", "afrobeat", "lofi"])
def test_denser_playing_has_all_that_sparser_playing_has(pattern: str) -> None:
    counts = []
    before: set[int] = set()
    for dense in (0.0, 0.2, 0.5, 0.8, 1.0):
        frames = {
            frame
            for group in ("kick", "snare", "hats", "percussion")
            for frame in hits_of("afrobeat", group, pattern, bar_of(2, dense))
        }
        assert before <= frames
        before = frames
        counts.append(len(frames))
    assert counts[-1] > counts[0]


def test_a_phrase_repeats_what_it_chose() -> None:
    """Which optional hits are played is settled for the phrase, not thrown for every bar."""
    one, two = (hits_of("disco", "percussion", "disco", bar_of(bar)) for bar in (1, 2))
    steps = [{round(frame / float(GRID.frames_per_beat) * 4) for frame in frames} for frames in (one, two)]
    assert steps[0] == steps[1]


def test_phrases_of_four_and_eight_end_with_fills() -> None:
    assert [fill_size(bar) for bar in range(8)] == [0, 0, 0, 4, 0, 0, 0, 8]
    lanes = {"snare": "....X.......X..."}
    for fill in FILLS:
        large = filled(lanes, "snare", fill, 8, bar_of(7))
        assert all(len(steps) == 16 for steps in large.values())
        assert large["snare"][:8] == lanes["snare"][:8]
    assert filled(lanes, "snare", "snare", 4, bar_of(3)) != lanes


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("steps", [4, 8, 12, 14, 16, 20, 28])
def test_every_line_is_one_voice_in_its_range(line: str, steps: int) -> None:
    for number in range(6):
        notes = bass_notes(line, 31, bar_of(number, steps=steps))
        for note, following in pairwise(notes):
            assert note.step + note.steps <= following.step
        assert all(note.step + note.steps <= steps and 26 <= note.midi <= 56 for note in notes)


@pytest.mark.parametrize("line", [name for name in LINES if LINES[name][0].startswith(("R", "w"))])
def test_lines_that_begin_with_a_note_begin_with_the_root(line: str) -> None:
    assert bass_notes(line, 31, bar_of(0))[0].midi % 12 == A_MINOR.root


def test_a_held_note_gives_way_to_the_next_chord() -> None:
    notes = bass_notes("drone", 31, bar_of(0))
    assert [(note.step, note.steps, note.midi % 12) for note in notes] == [(0, 8, 9), (8, 8, 5)]


def test_a_walking_bass_walks_to_the_next_chord() -> None:
    for number in range(8):
        notes = bass_notes("walking", 28, bar_of(number))
        by_step = {note.step: note.midi for note in notes}
        assert by_step[0] % 12 == A_MINOR.root
        assert by_step[8] % 12 == F_MAJOR.root
        assert abs((by_step[4] - by_step[8] + 6) % 12 - 6) <= 2


@pytest.mark.parametrize("comp", COMPS)
@pytest.mark.parametrize("steps", [4, 8, 12, 14, 16, 20])
def test_every_chord_rhythm_fits_every_bar(comp: str, steps: int) -> None:
    for number in range(4):
        for struck in struck_chords(comp, bar_of(number, steps=steps)):
            assert 0 <= struck.step < struck.step + struck.steps <= steps
            assert chosen((60, 64, 67), struck)


def test_single_notes_go_on_an_octave_up() -> None:
    struck = struck_chords("trance_arp", replace(bar_of(0), chords=(A_MINOR,) * 16))
    highest = max(max(chosen((57, 60, 64), one)) for one in struck)
    assert highest > 64
    assert {note % 12 for one in struck for note in chosen((57, 60, 64), one)} == {9, 0, 4}


@pytest.mark.slow
def test_every_lane_of_every_pattern_is_played_by_every_kit() -> None:
    for name, pattern in PATTERNS.items():
        for style in ("house", "jazz", "salsa", "amapiano"):
            for group in ("kick", "snare", "hats", "percussion"):
                assert all(frame >= 0 for frame in hits_of(style, group, name, bar_of(1, 1.0)))
        assert pattern.lanes
