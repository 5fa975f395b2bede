from __future__ import annotations

import numpy as np
import pytest

from backline.media.audio import silence
from backline.media.groove.bars import BarGrid
from backline.media.groove.heard import BANDS_HZ, Heard
from backline.media.groove.listen import listen
from tests.loops import PROGRESSION, SWING, LoopKind, loop

RATE_HZ = 44_100


def heard(kind: LoopKind, bpm: float = 110.0, beats_per_bar: int = 4, bars: int = 4, rate_hz: int = RATE_HZ) -> Heard:
    return listen(loop(kind, bpm, beats_per_bar, bars, rate_hz), BarGrid.of(bpm, beats_per_bar, rate_hz))


@pytest.mark.parametrize("kind", ["bass", "chords", "mix", "swing"])
@pytest.mark.parametrize("bpm", [93.7, 128.0])
def test_the_chords_of_half_bars_are_found(kind: LoopKind, bpm: float) -> None:
    found = [(chord.root, chord.minor) for chord in heard(kind, bpm).chords]
    assert found == [(root % 12, minor) for root, minor in PROGRESSION for _ in range(2)]


def test_a_bar_of_three_beats_has_three_chords() -> None:
    waltz = heard("chords", 120.0, 3)
    assert waltz.chord_beats == 1
    assert [(chord.root, chord.minor) for chord in waltz.chords[:6]] == [(9, True)] * 3 + [(5, False)] * 3


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 48_000, 96_000])
def test_the_key_is_that_of_the_tonic_it_begins_with(rate_hz: int) -> None:
    key = heard("mix", rate_hz=rate_hz).key
    assert (key.tonic, key.minor) == (9, True)
    assert key.clarity > 0.6


def test_drums_and_silence_have_no_clear_key() -> None:
    assert heard("drums").key.clarity < 0.35
    assert heard("silence").key.clarity == 0


@pytest.mark.parametrize("bpm", [70.0, 100.0, 174.02])
def test_swing_is_where_the_second_eighth_lies(bpm: float) -> None:
    assert heard("swing", bpm).swing == pytest.approx(SWING, abs=0.02)
    assert heard("drums", bpm).swing == 0.5
    assert heard("mix", bpm).swing == 0.5


def test_hits_are_counted_and_placed() -> None:
    drums = heard("drums", bars=2)
    assert drums.onsets_per_beat == pytest.approx(2, abs=0.2)
    lows = drums.groove[0].reshape(4, 4)
    assert lows[0, 0] > 3 * lows[2, 2]
    assert not drums.groove[:, 1::4].any()


def test_the_spectrum_tells_where_the_energy_is() -> None:
    bands = np.array(BANDS_HZ)
    lows, highs = heard("bass").spectrum, heard("drums").spectrum
    assert lows.sum() == pytest.approx(1, abs=1e-3)
    assert lows[bands < 300].sum() > 0.7
    assert highs[bands > 5000].sum() > 20 * lows[bands > 5000].sum()


def test_silence_is_heard_as_silence() -> None:
    nothing = listen(silence(RATE_HZ, 2), BarGrid.of(120, 4, RATE_HZ))
    assert nothing.silent
    assert nothing.onsets_per_beat == 0
    assert not nothing.spectrum.any()


def test_slices_lie_on_the_grid_and_swing_with_the_loop() -> None:
    grid = BarGrid.of(100, 4, RATE_HZ)
    slices = heard("swing", 100.0).slices
    assert len(slices) == 2 * 4 * 4
    beats = [grid.start(bar) + grid.place(bar, beat) for bar in range(4) for beat in range(4)]
    assert np.abs(slices.starts[::2] - beats).max() <= 1
    late = (slices.starts[1::2] - slices.starts[::2]) / float(grid.frames_per_beat)
    assert np.abs(late - SWING).max() < 0.02


def test_a_loop_that_is_a_little_long_is_cut_by_its_own_beats() -> None:
    slow = listen(loop("drums", 119.0, 4, 4, RATE_HZ), BarGrid.of(120, 4, RATE_HZ)).slices
    assert len(slow) == 32
    assert float(slow.frames_per_beat) == pytest.approx(60 * RATE_HZ / 119, abs=1)


def test_a_tail_after_the_last_bar_does_not_stretch_the_beats() -> None:
    grid = BarGrid.of(120, 4, RATE_HZ)
    tailed = np.concatenate([loop("drums", 120.0, 4, 4, RATE_HZ), silence(RATE_HZ // 9, 2)])
    slices = listen(tailed, grid).slices
    assert slices.frames_per_beat == grid.frames_per_beat
    assert len(slices) == 32


@pytest.mark.parametrize(("seconds", "eighths"), [(0.00003, 2), (0.05, 2), (0.3, 2), (1.0, 4), (3.3, 13)])
def test_what_is_no_whole_number_of_bars_is_used_to_its_last_eighth(seconds: float, eighths: int) -> None:
    grid = BarGrid.of(120, 4, RATE_HZ)
    part = loop("mix", 120.0, 4, 4, RATE_HZ)[: max(round(seconds * RATE_HZ), 1)]
    assert len(listen(part, grid).slices) == eighths


def test_a_short_sound_is_struck_on_every_quarter_of_its_beat() -> None:
    grid = BarGrid.of(120, 4, RATE_HZ)
    click = np.ones((100, 2), dtype=np.float32)
    assert np.flatnonzero(np.diff(listen(click, grid).samples[:, 0]) > 0.5).tolist() == [5512 - 1, 11025 - 1, 16538 - 1]


def test_no_more_than_64_bars_of_a_long_recording_are_kept() -> None:
    grid = BarGrid.of(240, 4, 8000)
    long = np.tile(loop("mix", 240.0, 4, 4, 8000), (20, 1))
    found = listen(long, grid)
    assert len(found.slices) == 64 * 8
    assert len(found.samples) == grid.length(0, 64)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["drums", "mix", "swing"])
@pytest.mark.parametrize("late_ms", [-25, -12, 12, 30])
def test_a_recording_that_began_late_is_put_on_the_beat(kind: LoopKind, late_ms: int) -> None:
    grid = BarGrid.of(120, 4, RATE_HZ)
    late = round(late_ms / 1000 * RATE_HZ)
    off = np.roll(loop(kind, 120.0, 4, 4, RATE_HZ), late, axis=0)
    found = listen(off, grid)
    assert found.slices.starts[0] == pytest.approx(late, abs=0.003 * RATE_HZ)
    assert np.abs(np.diff(found.slices.starts[::2]) - RATE_HZ / 2).max() <= 1
    straight = heard(kind, 120.0)
    assert found.swing == pytest.approx(straight.swing, abs=0.01)
    alike = np.vdot(found.groove, straight.groove) / np.linalg.norm(found.groove) / np.linalg.norm(straight.groove)
    assert alike > 0.93


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["drums", "bass", "chords", "mix", "swing", "silence"])
@pytest.mark.parametrize("bpm", [70.0, 93.7, 174.02])
def test_what_begins_on_the_beat_stays_there(kind: LoopKind, bpm: float) -> None:
    assert heard(kind, bpm).slices.starts[0] == 0
