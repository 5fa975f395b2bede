from __future__ import annotations

import numpy as np
import pytest
from benchmarks.tools import music

from backline.media.audio import Samples
from backline.media.groove.bars import BarGrid
from backline.media.groove.heard import Heard
from backline.media.groove.listen import listen
from backline.media.groove.resequence import PlayedBar, Resequencer
from tests.loops import PROGRESSION, LoopKind, loop

RATE_HZ = 44_100
METERS = [(93.7, 4), (174.02, 4), (120.0, 3), (100.0, 7)]


def play(
    heard: Heard, bars: int = 16, seed: int = 3, temperature: float = 1.1, topk: int = 40, loop_weight: float = 1.0
) -> list[PlayedBar]:
    musician = Resequencer(heard, seed)
    return [musician.bar(bar, temperature=temperature, topk=topk, loop_weight=loop_weight) for bar in range(bars)]


def sound_of(played: list[PlayedBar]) -> Samples:
    return np.concatenate([bar.samples for bar in played])


def heard_loop(kind: LoopKind, bpm: float = 110.0, beats_per_bar: int = 4, bars: int = 4) -> Heard:
    return listen(loop(kind, bpm, beats_per_bar, bars, RATE_HZ), BarGrid.of(bpm, beats_per_bar, RATE_HZ))


@pytest.mark.parametrize(("bpm", "beats_per_bar"), METERS)
def test_every_bar_has_its_exact_length(bpm: float, beats_per_bar: int) -> None:
    heard = heard_loop("mix", bpm, beats_per_bar, 2)
    assert [len(bar.samples) for bar in play(heard)] == [heard.grid.length(bar) for bar in range(16)]


def test_the_same_seed_plays_the_same_and_another_does_not() -> None:
    heard = heard_loop("mix")
    assert np.array_equal(sound_of(play(heard)), sound_of(play(heard)))
    assert not np.array_equal(sound_of(play(heard)), sound_of(play(heard, seed=4)))


@pytest.mark.parametrize(("bpm", "beats_per_bar"), METERS)
def test_the_tempo_stays(bpm: float, beats_per_bar: int) -> None:
    heard = heard_loop("mix", bpm, beats_per_bar, 2)
    assert music.tempo_bpm(sound_of(play(heard)), RATE_HZ, bpm) == pytest.approx(bpm, rel=0.005)


@pytest.mark.parametrize("kind", ["bass", "chords", "mix", "swing"])
def test_the_harmony_is_the_loops(kind: LoopKind) -> None:
    heard = heard_loop(kind)
    cosine = float(music.chroma(sound_of(play(heard)), RATE_HZ) @ music.chroma(heard.samples, RATE_HZ))
    assert cosine >= 0.95


@pytest.mark.parametrize("kind", ["chords", "mix"])
def test_nine_of_ten_bars_are_new(kind: LoopKind) -> None:
    heard = heard_loop(kind)
    played = [bar.samples for bar in play(heard, 32)]
    assert music.new_share(played, music.bars_of(heard.samples, heard.grid)) >= 0.9


@pytest.mark.parametrize("bars", [1, 2, 4])
def test_no_bar_is_one_of_the_loop(bars: int) -> None:
    heard = heard_loop("drums", bars=bars)
    as_it_was = [tuple(range(first, first + 8)) for first in range(0, len(heard.slices), 8)]
    assert sum(bar.slices in as_it_was for bar in play(heard, 40)) <= 4


@pytest.mark.parametrize("temperature", [0.5, 1.1, 2.0, 4.0])
def test_the_groove_stays(temperature: float) -> None:
    heard = heard_loop("drums")
    again = listen(sound_of(play(heard, temperature=temperature)), heard.grid)
    cosine = np.vdot(again.groove, heard.groove) / np.linalg.norm(again.groove) / np.linalg.norm(heard.groove)
    assert cosine > 0.93


def test_the_swing_stays() -> None:
    heard = heard_loop("swing")
    assert listen(sound_of(play(heard)), heard.grid).swing == pytest.approx(heard.swing, abs=0.01)


@pytest.mark.parametrize("late_ms", [-20, 25])
def test_a_loop_that_was_recorded_late_is_played_on_the_beat(late_ms: int) -> None:
    grid = BarGrid.of(110, 4, RATE_HZ)
    late = np.roll(loop("drums", 110, rate_hz=RATE_HZ), late_ms * RATE_HZ // 1000, axis=0)
    played = listen(sound_of(play(listen(late, grid))), grid)
    assert played.slices.starts[0] == 0
    assert played.groove[:, ::2].sum() > 20 * played.groove[:, 1::2].sum()


def test_joins_cannot_be_told_from_the_loop_by_their_clicks() -> None:
    """Chords have nothing above 10 kHz, so what is there was made by cuts; hard ones make some 40 dB more."""
    heard = heard_loop("chords")
    cuts = [heard.samples[start : start + 20_000] for start in range(1000, 150_000, 7777)]
    own = brightest(np.concatenate([heard.samples] * 2))
    assert 10 * np.log10(brightest(np.concatenate(cuts)) / own) > 26
    played = play(heard, 32)
    assert sum(bar.jumps for bar in played) > 32
    assert 10 * np.log10(brightest(sound_of(played)) / own) < 1


def brightest(samples: Samples) -> float:
    """The most energy above 10 kHz within 2 ms, away from the ends."""
    spectrum = np.fft.rfft(samples.mean(axis=1))
    spectrum[np.fft.rfftfreq(len(samples), 1 / RATE_HZ) < 10_000] = 0
    energy = np.square(np.fft.irfft(spectrum, len(samples)))
    return float(np.convolve(energy, np.ones(88), "same")[2000:-2000].max())


def test_level_does_not_dip_at_joins() -> None:
    heard = heard_loop("chords")
    quietest = np.sqrt(np.mean(np.square(heard.samples)))
    for bar in play(heard, 16):
        window = np.lib.stride_tricks.sliding_window_view(np.square(bar.samples.mean(axis=1)), 1024)[::256]
        assert np.sqrt(window.mean(axis=1).min()) > 0.1 * quietest


def test_the_chords_that_are_told_are_those_that_sound() -> None:
    heard = heard_loop("chords")
    told = {(root % 12, minor) for root, minor in PROGRESSION}
    for bar in play(heard):
        assert len(bar.chords) == 2
        assert {(chord.root, chord.minor) for chord in bar.chords} <= told
    first = play(heard, 1)[0].chords[0]
    assert (first.root, first.minor) == (9, True)


def test_without_temperature_the_loop_goes_round() -> None:
    heard = heard_loop("mix")
    played = play(heard, 8, temperature=0)
    assert [bar.jumps for bar in played] == [0] * 8
    sound = sound_of(played)
    assert np.array_equal(sound, np.concatenate([heard.samples] * 2)[: len(sound)])


def jump_rate(heard: Heard, **knobs: float) -> float:
    bars = [bar for seed in range(4) for bar in play(heard, 24, seed, **knobs)]  # type: ignore[arg-type]
    return sum(bar.jumps for bar in bars) / sum(len(bar.slices) for bar in bars)


@pytest.mark.parametrize("kind", ["drums", "swing", "mix"])
def test_temperature_makes_it_jump_more(kind: LoopKind) -> None:
    heard = heard_loop(kind)
    rates = [jump_rate(heard, temperature=temperature) for temperature in (0, 0.5, 1.1, 2, 4)]
    assert rates == sorted(rates)
    assert rates[0] == 0
    assert rates[-1] > 2 * rates[2] > 0


def test_topk_lets_it_jump_more() -> None:
    heard = heard_loop("drums")
    rates = [jump_rate(heard, temperature=2, topk=topk) for topk in (1, 2, 8, 40)]
    assert rates == sorted(rates)
    assert rates[-1] > 1.5 * rates[0]


def test_loop_weight_keeps_it_with_the_loop() -> None:
    heard = heard_loop("swing")
    rates = [jump_rate(heard, loop_weight=weight) for weight in (0, 1, 4, 10)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 1.2 * rates[1] > 2 * rates[3]


def test_after_a_reseed_only_the_other_loop_is_heard() -> None:
    bass, drums = heard_loop("bass"), heard_loop("drums")
    musician = Resequencer(bass, 1)
    knobs = {"temperature": 1.1, "loop_weight": 1.0}
    before = musician.bar(0, topk=40, **knobs).samples
    musician.reseed(drums)
    first, second = (musician.bar(bar, topk=40, **knobs).samples for bar in (1, 2))
    fresh = Resequencer(drums, 1).bar(0, topk=40, **knobs).samples
    release = round(0.07 * RATE_HZ)
    assert np.array_equal(first[release:5000], fresh[release:5000])
    assert np.abs(first[0] - before[-1]).max() < 0.05
    assert lows(second) < 0.5 * lows(bass.samples)


def test_after_a_splice_both_are_heard() -> None:
    bass, drums = heard_loop("bass"), heard_loop("drums", bars=1)
    musician = Resequencer(bass, 1)
    for bar in range(4):
        musician.bar(bar, temperature=1.1, topk=40, loop_weight=1.0)
    musician.splice(drums, 2.0)
    bars = [musician.bar(bar, temperature=3.0, topk=1024, loop_weight=0.0) for bar in range(4, 30)]
    used = {index for bar in bars for index in bar.slices}
    assert any(index < 8 for index in used)
    assert any(index >= 8 for index in used)
    assert max(used) < 8 + 2 * 8
    assert max(lows(bar.samples) for bar in bars) > 0.5 * lows(bass.samples)


def test_a_splice_before_anything_was_played_is_a_reseed() -> None:
    musician = Resequencer(heard_loop("bass"), 1)
    musician.splice(heard_loop("drums"), 4.0)
    knobs = {"temperature": 1.1, "loop_weight": 1.0}
    fresh = Resequencer(heard_loop("drums"), 1).bar(0, topk=40, **knobs)
    assert np.array_equal(musician.bar(0, topk=40, **knobs).samples, fresh.samples)


def lows(samples: Samples) -> float:
    """Of the energy between 90 and 400 Hz, where the bass plays and the drums hardly do."""
    energy = np.square(np.abs(np.fft.rfft(samples.mean(axis=1))))
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    return float(energy[(hz > 90) & (hz < 180)].sum() / len(samples) ** 2)


def test_a_silent_loop_stays_silent() -> None:
    assert not sound_of(play(heard_loop("silence"))).any()
