from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.engines.jam.base import Controls
from backline.engines.jam.metronome import MetronomeEngine, MetronomePlayer
from backline.media.audio import Samples, silence
from backline.media.groove.bars import BarGrid
from tests.loops import loop

GRID = BarGrid.of(174.02, 7, 44_100)
LOOP = loop("bass", 174.02, 7, 2, 44_100)


def player(heard: Samples = LOOP, grid: BarGrid = GRID) -> MetronomePlayer:
    return MetronomeEngine().begin(heard, grid, 1)


def play(musician: MetronomePlayer, *lengths: int) -> Samples:
    return np.concatenate([musician.play(length, Controls()) for length in lengths])


@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=12))
def test_how_it_is_cut_changes_no_sample(lengths: list[int]) -> None:
    assert np.array_equal(play(player(), *lengths), play(player(), sum(lengths)))


def test_a_click_stands_on_every_beat_and_the_first_of_a_bar_is_higher() -> None:
    sound = play(player(silence(100, 2)), GRID.start(3))
    begins = [GRID.start(bar) + GRID.place(bar, beat) for bar in range(3) for beat in range(7)]
    loud = np.flatnonzero(np.abs(sound[:, 0]) > 1e-3)
    heard = [int(place) for place, before in zip(loud, [-10_000, *loud[:-1]], strict=True) if place - before > 2000]
    assert np.abs(np.array(heard) - begins).max() <= 1
    first, second = (sound[begin : begin + 400, 0] for begin in begins[:2])
    assert np.abs(np.fft.rfft(first)).argmax() == 2 * np.abs(np.fft.rfft(second)).argmax()


def test_between_the_clicks_it_is_the_loop() -> None:
    sound = play(player(), 2 * len(LOOP))
    quiet = slice(GRID.place(0, 1) - 5000, GRID.place(0, 1))
    assert np.array_equal(sound[quiet], LOOP[quiet])


@pytest.mark.parametrize("frames", [1, 100, 44_100])
def test_a_loop_of_any_length_will_do(frames: int) -> None:
    assert play(player(LOOP[:frames]), 1000).shape == (1000, 2)


def test_after_a_reseed_the_other_loop_is_heard_from_its_beginning() -> None:
    musician = player()
    play(musician, GRID.start(1))
    musician.reseed(silence(10, 2))
    assert not play(musician, GRID.length(1))[2000:5000].any()


def test_after_a_splice_the_kept_bars_follow_the_other_loop() -> None:
    musician, other = player(), silence(GRID.length(2), 2)
    kept = play(musician, GRID.start(2))[GRID.start(1) :]
    musician.splice(other, 1.0)
    bars = [play(musician, GRID.length(2)), play(musician, GRID.length(3))]
    quiet = slice(GRID.place(0, 1) - 4000, GRID.place(0, 1) - 3000)
    assert not bars[0][quiet].any()
    assert np.array_equal(bars[1][quiet], kept[quiet])
