from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from backline.media.groove.harmony import Span, chord_notes, harmony_of, scale_of, voiced
from backline.media.groove.heard import Chord, Key
from tests.media.groove.bands import chords_of, heard_loop

C_MAJOR, A_MINOR = Key(0, False, 1.0), Key(9, True, 1.0)
C, AM, G = Chord(0, False, 1.0), Chord(9, True, 1.0), Chord(7, False, 1.0)


def test_the_chords_of_the_bar_are_followed() -> None:
    heard = heard_loop("mix", bars=4)
    harmony = harmony_of(1, heard, (AM, G), 1)
    assert harmony.spans == (Span(Fraction(0), Fraction(2), AM), Span(Fraction(2), Fraction(4), G))
    assert harmony.at(Fraction(3, 2)) == AM
    assert harmony.at(Fraction(2)) == G
    assert len(harmony_of(1, heard, (AM, AM), 1).spans) == 1


def test_what_follows_is_what_followed_in_the_loop() -> None:
    """Am F C G, and round again."""
    heard = heard_loop("mix", bars=4)
    roots = [harmony_of(bar, heard, chords_of(heard, bar), 1).following.root for bar in range(4)]
    assert roots == [5, 0, 7, 9]


@pytest.mark.parametrize("kind", ["silence", "drums"])
def test_without_harmony_a_progression_is_played(kind: str) -> None:
    heard = heard_loop("silence" if kind == "silence" else "drums")
    for seed in range(6):
        chords = [harmony_of(bar, heard, chords_of(heard, bar), seed).at(Fraction(0)) for bar in range(4)]
        assert chords[0].root in (0, 2, 9)
        assert len(set(chords)) > 1
        again = [harmony_of(bar + 4, heard, chords_of(heard, bar), seed).at(Fraction(0)) for bar in range(4)]
        assert chords == again


def test_a_progression_keeps_the_key_of_a_loop_that_has_one() -> None:
    heard = heard_loop("drums")
    keyed = replace(heard, key=Key(4, True, 0.9), chords=tuple(replace(chord, clarity=0.0) for chord in heard.chords))
    assert harmony_of(0, keyed, chords_of(keyed, 0), 1).spans[0].chord.root == 4


def test_notes_stay_in_the_key() -> None:
    assert chord_notes(C, "seventh", C_MAJOR) == (0, 4, 7, 11)
    assert chord_notes(G, "seventh", C_MAJOR) == (7, 11, 2, 5)
    assert chord_notes(AM, "ninth", A_MINOR) == (0, 4, 7, 11)
    assert chord_notes(AM, "power", A_MINOR) == (9, 4)
    borrowed = Chord(2, False, 1.0)
    assert set(chord_notes(borrowed, "triad", C_MAJOR)) <= set(scale_of(borrowed, C_MAJOR))


@pytest.mark.parametrize("kind", ["root", "power", "triad", "open", "seventh", "ninth", "shell", "sus"])
@pytest.mark.parametrize("centre", [45, 60, 73])
def test_voicings_have_the_notes_of_their_chord_near_the_centre(kind: str, centre: int) -> None:
    before: tuple[int, ...] = ()
    for root in range(12):
        chord = Chord(root, root % 2 == 0, 1.0)
        notes = chord_notes(chord, kind, C_MAJOR)
        before = voiced(notes, kind, centre, before)
        assert {note % 12 for note in before} == set(notes)
        assert list(before) == sorted(set(before))
        assert all(centre - 15 <= note <= centre + 25 for note in before)


def test_the_hand_moves_little() -> None:
    before = voiced(chord_notes(C, "triad", C_MAJOR), "triad", 60, ())
    after = voiced(chord_notes(AM, "triad", C_MAJOR), "triad", 60, before)
    assert sum(abs(a - b) for a, b in zip(before, after, strict=True)) <= 3
