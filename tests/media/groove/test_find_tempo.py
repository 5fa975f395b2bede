from __future__ import annotations

import pytest

from backline.media.audio import silence
from backline.media.groove.tempo import find_tempo
from tests.loops import LoopKind, loop

RATE_HZ = 22_050
TEMPI = [(70.0, 4, 2), (93.7, 4, 4), (120.0, 4, 4), (128.0, 4, 8), (174.02, 4, 4), (100.0, 3, 4)]


@pytest.mark.parametrize("kind", ["drums", "mix"])
@pytest.mark.parametrize(("bpm", "beats_per_bar", "bars"), TEMPI)
def test_what_has_a_beat_is_told_within_one_percent(kind: LoopKind, bpm: float, beats_per_bar: int, bars: int) -> None:
    found = find_tempo(loop(kind, bpm, beats_per_bar, bars, RATE_HZ), RATE_HZ)
    assert found.bpm == pytest.approx(bpm, rel=0.01)
    assert found.clarity > 0.3


@pytest.mark.slow
def test_eight_of_ten_loops_of_all_kinds_are_told() -> None:
    kinds: tuple[LoopKind, ...] = ("drums", "bass", "chords", "mix", "swing")
    right = total = 0
    for kind in kinds:
        for bpm, beats_per_bar, bars in TEMPI:
            found = find_tempo(loop(kind, bpm, beats_per_bar, bars, RATE_HZ), RATE_HZ)
            right += abs(found.bpm / bpm - 1) < 0.01
            total += 1
    assert right >= 0.8 * total


def test_a_cut_that_fits_no_bars_is_told_by_its_pulse() -> None:
    cut = loop("mix", 93.7, 4, 8, RATE_HZ)[: 15 * RATE_HZ]
    assert find_tempo(cut, RATE_HZ).bpm == pytest.approx(93.7, rel=0.01)


def test_silence_is_a_guess_from_its_length() -> None:
    guess = find_tempo(silence(8 * RATE_HZ, 2), RATE_HZ)
    assert guess.clarity == 0
    assert guess.bpm == 120
    assert find_tempo(silence(1, 2), RATE_HZ).bpm == 120
