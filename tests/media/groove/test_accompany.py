from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from backline.media.audio import Samples, together
from backline.media.groove.accompany import Accompanist, feel
from backline.media.groove.balance import LEVEL
from backline.media.groove.bars import BarGrid
from backline.media.groove.heard import Heard
from backline.media.groove.sounds import Sounds
from backline.media.loudness import integrated_lufs
from tests.loops import SWING
from tests.media.groove.bands import RATE_HZ, chords_of, heard_loop, pitch_classes, play, power_above

TWO = (("deep house", 0.5), ("jazz", 0.5))


@pytest.fixture(scope="module")
def mix() -> Heard:
    return heard_loop("mix", bars=4)


def test_the_same_seed_plays_the_same_and_another_plays_another(mix: Heard) -> None:
    first, again, other = (play(mix, TWO, 4, seed) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other, atol=1e-3)


def test_sounds_that_are_shared_and_forgotten_change_nothing(mix: Heard) -> None:
    shared = Sounds(RATE_HZ, most_bytes=200_000)
    bands = [Accompanist(mix.grid, 1, shared), Accompanist(mix.grid, 1, shared)]
    for bar in range(3):
        ours, theirs = (band.bar(bar, mix, chords_of(mix, bar), TWO) for band in bands)
        assert np.array_equal(ours, theirs)


def test_the_order_of_the_styles_changes_nothing(mix: Heard) -> None:
    assert np.array_equal(play(mix, TWO, 2), play(mix, TWO[::-1], 2))


def test_only_proportions_of_shares_count(mix: Heard) -> None:
    assert np.array_equal(play(mix, TWO, 2), play(mix, [(words, share / 8) for words, share in TWO], 2))


@pytest.mark.parametrize(("bpm", "beats"), [(93.7, 4), (174.02, 3), (140, 7), (61.3, 5), (280, 7), (20, 1), (300, 16)])
def test_bars_are_as_long_as_the_grid_says(bpm: float, beats: int) -> None:
    heard = heard_loop("drums", bpm, beats, 1, 8000)
    band = Accompanist(heard.grid, 1)
    for bar in range(3):
        played = band.bar(bar, heard, chords_of(heard, bar), [("funk", 1.0), ("waltz", 0.5)])
        assert played.shape == (heard.grid.length(bar), 2)
        assert played.dtype == np.float32
        assert np.isfinite(played).all()
        assert np.sqrt(np.mean(played**2)) > 0.02


@pytest.mark.parametrize("styles", [(), (("techno", 0.0),)])
def test_without_a_style_nothing_plays(mix: Heard, styles: tuple[tuple[str, float], ...]) -> None:
    assert not play(mix, styles, 2).any()


def test_a_style_that_ends_rings_out_and_is_silent(mix: Heard) -> None:
    band = Accompanist(mix.grid, 1)
    loud = band.bar(0, mix, chords_of(mix, 0), [("ambient", 1.0)])
    after = [band.bar(bar, mix, chords_of(mix, bar), []) for bar in range(1, 8)]
    assert after[0].any()
    assert np.abs(after[0][0] - loud[-1]).max() < 0.05
    assert not after[-1].any()


def test_to_a_silent_loop_it_plays_in_c_or_a_minor() -> None:
    heard = heard_loop("silence")
    white = [0, 2, 4, 5, 7, 9, 11]
    tonics = set()
    for seed in range(4):
        chroma = pitch_classes(play(heard, [("ballad drumless", 1.0)], 4, seed).mean(axis=1))
        assert chroma[white].sum() > 0.9
        first = play(heard, [("ballad drumless", 1.0)], 1, seed).mean(axis=1)
        bass = pitch_classes(first, low_hz=30)
        tonics.add(int(bass.argmax()))
    assert tonics & {0, 9}


def test_the_bass_and_the_chords_follow_the_loop(mix: Heard) -> None:
    """Am F C G, a bar each."""
    music = play(mix, [("ballad drumless", 1.0)], 4)
    for bar, notes in enumerate([(9, 0, 4), (5, 9, 0), (0, 4, 7), (7, 11, 2)]):
        part = music[mix.grid.start(bar) : mix.grid.start(bar + 1)].mean(axis=1)
        assert pitch_classes(part)[list(notes)].sum() > 0.8


def _onsets(music: Samples, low_hz: float, window: int) -> npt.NDArray[np.float64]:
    """How much the highs rise, each `window` frames."""
    spectrum = np.fft.rfft(music.mean(axis=1))
    spectrum[np.fft.rfftfreq(len(music), 1 / RATE_HZ) < low_hz] = 0
    power = np.fft.irfft(spectrum, len(music)) ** 2
    level = np.log(power[: len(power) // window * window].reshape(-1, window).mean(axis=1) + 1e-9)
    return np.asarray(np.maximum(np.diff(level, prepend=level[0]), 0))


@pytest.mark.parametrize(("kind", "swing"), [("swing", SWING), ("mix", 0.5)])
def test_it_swings_as_the_loop_does(kind: str, swing: float) -> None:
    heard = heard_loop("swing" if kind == "swing" else "mix", 100.0, bars=4)
    music = play(heard, [("bossa nova drums only", 1.0)], 3)
    window = RATE_HZ // 500
    rises = _onsets(music, 3000, window)
    beat = float(heard.grid.frames_per_beat) / window
    places = [sum(rises[round((b + at) * beat) - 1 : round((b + at) * beat) + 2].max() for b in range(1, 11))
              for at in (swing, 1.08 - swing + 0.04)]  # fmt: skip
    assert abs(heard.swing - swing) < 0.02
    assert places[0] > 2 * places[1]


def test_mixtures_lie_between_their_styles(mix: Heard) -> None:
    """Voice after voice goes over: what is played grows more like the one and less like the other."""
    shares = [0.0, 0.3, 0.6, 1.0]
    played = [play(mix, [("afrobeat", 1 - share), ("drum and bass", share)], 8).ravel() for share in shares]
    like_first = [float(np.corrcoef(played[0], one)[0, 1]) for one in played]
    like_last = [float(np.corrcoef(played[-1], one)[0, 1]) for one in played]
    assert all(a > b for a, b in pairwise(like_first))
    assert all(a < b for a, b in pairwise(like_last))


def test_moods_are_heard(mix: Heard) -> None:
    dark, usual, bright = (power_above(play(mix, [(f"{mood} funk", 1.0)]), 2000) for mood in ("dark", "", "bright"))
    assert dark < usual < bright
    soft, hard = (float(np.mean(play(mix, [(f"{mood} rock", 1.0)], 6) ** 2)) for mood in ("soft", "hard"))
    assert soft < hard


def test_a_dull_loop_has_a_dull_band(mix: Heard) -> None:
    dull = heard_loop("bass", bars=4)
    shares = [power_above(play(heard, [("disco", 1.0)], 8), 4000) for heard in (dull, mix)]
    assert shares[0] < 0.7 * shares[1]


@pytest.mark.parametrize("words", ["ambient", "rock", "synthwave", "salsa"])
def test_the_lows_are_in_the_middle(mix: Heard, words: str) -> None:
    left, right = play(mix, [(words, 1.0)], 4).T
    lows = np.fft.rfftfreq(len(left), 1 / RATE_HZ) < 90
    side, middle = (np.sum(np.abs(np.fft.rfft(part)[lows]) ** 2) for part in (left - right, left + right))
    assert side < 1e-3 * middle
    assert np.mean((left - right) ** 2) > 1e-3 * np.mean((left + right) ** 2)


@pytest.mark.slow
def test_all_styles_are_about_as_loud(mix: Heard) -> None:
    words = ["techno", "ambient", "metal", "bossa nova", "trap", "waltz", "jazz", "drone", "salsa", "reggae"]
    loudness = [integrated_lufs(play(mix, [(style, 1.0)], 4), RATE_HZ) or -99.0 for style in words]
    assert max(loudness) - min(loudness) < 5.0
    level = [np.sqrt(np.mean(play(mix, [(style, 1.0)], 4) ** 2)) for style in words[:4]]
    assert all(0.7 * LEVEL < one < 2.0 * LEVEL for one in level)


def test_sounds_go_on_over_the_bar_line(mix: Heard) -> None:
    """A drone's steps at bar lines are no larger than its steps elsewhere."""
    music = play(mix, [("drone", 1.0)], 6)
    steps = np.abs(np.diff(music, axis=0)).max(axis=1)
    lines = [mix.grid.start(bar) for bar in range(1, 6)]
    assert max(steps[line - 2 : line + 2].max() for line in lines) <= steps.max()
    assert max(steps[line - 2 : line + 2].max() for line in lines) < 0.05


def test_phrases_end_with_a_fill(mix: Heard) -> None:
    """The last beat of every fourth bar is not that of the bar before."""
    music = play(mix, [("rock drums only", 1.0)], 4)
    beat = round(mix.grid.frames_per_beat)
    ends = [music[mix.grid.start(bar) - beat : mix.grid.start(bar)].ravel() for bar in (2, 3, 4)]
    assert np.corrcoef(ends[0], ends[1])[0, 1] > 0.8
    assert np.corrcoef(ends[1], ends[2])[0, 1] < 0.7


def test_a_change_of_style_is_no_break(mix: Heard) -> None:
    """Shares that glide over four bars: no bar is much louder or softer than its neighbour."""
    band = Accompanist(mix.grid, 3)
    bars = []
    for bar in range(12):
        share = float(np.clip((bar - 3) / 4, 0, 1))
        bars.append(band.bar(bar, mix, chords_of(mix, bar), [("ambient", 1 - share), ("techno", share)]))
    levels = [integrated_lufs(one, RATE_HZ) or -99.0 for one in bars]
    assert np.abs(np.diff(levels)).max() < 4
    assert np.isfinite(together(bars)).all()


@pytest.mark.parametrize(
    ("style_bpm", "bpm", "beats", "steps"),
    [(120, 120, 4, 4), (174, 87, 4, 8), (80, 160, 4, 2), (140, 100, 4, 4), (174, 112, 4, 4),
     (120, 280, 7, 2), (150, 20, 4, 16),
     (120, 240, 3, 4)],
)  # fmt: skip
def test_styles_are_played_in_the_feel_that_is_nearest(style_bpm: float, bpm: float, beats: int, steps: int) -> None:
    assert feel(style_bpm, BarGrid.of(bpm, beats, 48000)) == steps


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "styles", [[("disco drums only", 1.0)], [("techno drums only", 0.5), ("jungle drums only", 0.5)]]
)
def test_a_groove_repeats_within_its_phrase(mix: Heard, styles: list[tuple[str, float]], seed: int) -> None:
    music = play(mix, styles, 7, seed)
    bars = [music[mix.grid.start(bar) : mix.grid.start(bar + 1)].ravel() for bar in (1, 2, 4, 5)]
    assert all(np.corrcoef(one, other)[0, 1] > 0.93 for one, other in pairwise(bars))
