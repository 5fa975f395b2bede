from __future__ import annotations

import math
from itertools import pairwise

import av
import numpy as np
import pytest
import soxr
from av.filter import Graph

from backline.media.audio import Samples, silence
from backline.media.limiter import Limiter
from backline.media.loudness import (
    QUIET_TARGET_LUFS,
    KWeighting,
    Leveller,
    LoudnessMode,
    integrated_lufs,
    momentary_lufs,
    rms_db,
)
from backline.media.truepeak import true_peak_db
from tests.loops import loop
from tests.media.signals import blocks_of, cut, murmur, sine

RATE_HZ = 24_000


def _tone(level_db: float, seconds: float, rate_hz: int = RATE_HZ) -> Samples:
    """In both channels; a full-scale one is 0 LUFS."""
    flat = sine(997, round(seconds * rate_hz), rate_hz) * 2
    tone: Samples = np.repeat(flat, 2, axis=1) * np.float32(10 ** (level_db / 20))
    return tone


def _swelling_noise(rate_hz: int) -> Samples:
    noise = np.random.default_rng(3).standard_normal((6 * rate_hz, 2)) * np.linspace(0.001, 0.1, 6 * rate_hz)[:, None]
    return noise.astype(np.float32)


def _by_ffmpeg(samples: Samples, rate_hz: int) -> tuple[float, float]:
    """LUFS and dBTP as FFmpeg's own meter has them."""
    graph = Graph()
    source = graph.add_abuffer(sample_rate=rate_hz, format="fltp", layout="stereo")
    meter = graph.add("ebur128", "metadata=1:peak=true")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts = rate_hz, 0
    graph.push(frame)
    graph.push(None)
    found: dict[str, str] = {}
    try:
        while True:
            pulled = graph.pull()
            assert isinstance(pulled, av.AudioFrame)
            found = dict(pulled.metadata) or found
    except (av.EOFError, av.BlockingIOError):
        return float(found["lavfi.r128.I"]), 20 * math.log10(float(found["lavfi.r128.true_peak"]))


def _levelled(target: Samples, bars: list[Samples], mode: LoudnessMode = "auto", headroom_db: float = 1.0) -> Samples:
    leveller = Leveller(target, RATE_HZ, mode, headroom_db)
    made = [leveller.bar(bar) for bar in bars]
    assert [len(bar) for bar in made] == [len(bar) for bar in bars]
    return np.concatenate(made)


def test_the_reference_tone_reads_as_the_standard_says() -> None:
    assert integrated_lufs(_tone(-23, 5), RATE_HZ) == pytest.approx(-23, abs=0.1)
    assert momentary_lufs(_tone(-23, 1), RATE_HZ)[-1] == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000, 192_000])
def test_loudness_agrees_with_ffmpeg(rate_hz: int) -> None:
    noise = _swelling_noise(rate_hz)
    assert integrated_lufs(noise, rate_hz) == pytest.approx(_by_ffmpeg(noise, rate_hz)[0], abs=0.05)


def test_true_peaks_agree_with_ffmpeg() -> None:
    music = loop("mix", bpm=100, bars=2, rate_hz=RATE_HZ)
    assert true_peak_db(music) == pytest.approx(_by_ffmpeg(music, RATE_HZ)[1], abs=0.1)
    between = _tone(-6, 0.2)
    between[:] = 0.5 * np.sin(np.pi / 2 * np.arange(len(between)) + np.pi / 4)[:, None]
    assert 20 * math.log10(np.abs(between).max()) < -9
    assert true_peak_db(between[:-40] * _fade(len(between) - 40)) == pytest.approx(-6.02, abs=0.1)


def _fade(length_frames: int) -> Samples:
    edges = np.minimum(1.0, np.minimum(np.arange(length_frames), np.arange(length_frames)[::-1]) / 500)
    fade: Samples = edges.astype(np.float32)[:, None]
    return fade


def test_quiet_passages_are_gated_out() -> None:
    quiet_ends = np.concatenate([_tone(-36, 3), _tone(-23, 8), _tone(-36, 3), silence(3 * RATE_HZ, 2)])
    assert integrated_lufs(quiet_ends, RATE_HZ) == pytest.approx(-23, abs=0.2)


def test_silence_has_no_loudness_and_a_short_sound_has_one() -> None:
    assert integrated_lufs(silence(RATE_HZ, 2), RATE_HZ) is None
    assert integrated_lufs(silence(0, 2), RATE_HZ) is None
    assert true_peak_db(silence(10, 2)) == -math.inf
    assert integrated_lufs(_tone(-20, 0.1), RATE_HZ) == pytest.approx(-20, abs=0.5)
    assert rms_db(_tone(-20, 1), RATE_HZ) == pytest.approx(-20, abs=0.05)


def test_the_weighting_is_the_same_in_blocks_of_any_length() -> None:
    sound = murmur(RATE_HZ, channels=2)
    whole = KWeighting(RATE_HZ, 2).push(sound)
    stream = KWeighting(RATE_HZ, 2)
    parts = [stream.push(block) for block in cut(sound, [1, 0, 17, 9000])]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


@pytest.mark.parametrize("gain_db", [-24, 0, 12])
def test_bars_come_out_as_loud_as_the_loop(gain_db: float) -> None:
    target = loop("mix", bpm=120, bars=2, rate_hz=RATE_HZ)
    other = loop("drums", bpm=120, bars=12, rate_hz=RATE_HZ, seed=5) * np.float32(10 ** (gain_db / 20))
    made = _levelled(target, blocks_of(other, RATE_HZ * 2))
    assert integrated_lufs(made, RATE_HZ) == pytest.approx(integrated_lufs(target, RATE_HZ), abs=1)
    assert integrated_lufs(made[: 2 * RATE_HZ], RATE_HZ) == pytest.approx(integrated_lufs(target, RATE_HZ), abs=1)


def test_the_gain_never_steps_at_a_bar_line() -> None:
    target = loop("chords", bpm=120, bars=2, rate_hz=RATE_HZ) * np.float32(0.05)
    other = (
        murmur(16 * RATE_HZ, channels=2) * np.repeat(np.array([0.05, 0.3, 0.1, 0.02], np.float32), 4 * RATE_HZ)[:, None]
    )
    bars = blocks_of(other, RATE_HZ)
    made = blocks_of(_levelled(target, bars, headroom_db=0), RATE_HZ)
    gains_db = [_gains_db(bar, plain) for bar, plain in zip(made, bars, strict=True)]
    assert max(np.ptp(gains) for gains in gains_db) > 1
    for before, after in pairwise(gains_db):
        assert abs(float(after[0] - before[-1])) <= 0.05


def _gains_db(made: Samples, plain: Samples) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    heard = np.abs(plain[:, 0]) > 1e-3
    gains: np.ndarray[tuple[int], np.dtype[np.float64]] = 20 * np.log10(made[heard, 0] / plain[heard, 0])
    return gains


def test_a_bar_of_silence_moves_nothing() -> None:
    target = loop("mix", bpm=120, bars=2, rate_hz=RATE_HZ)
    bar = target[: RATE_HZ * 2] * np.float32(0.1)
    made = blocks_of(_levelled(target, [bar, *[silence(RATE_HZ * 2, 2)] * 5, bar]), RATE_HZ * 2)
    np.testing.assert_array_equal(made[3], 0)
    assert abs(float(_gains_db(made[-1], bar)[0] - _gains_db(made[0], bar)[-1])) < 0.05


def test_a_silent_loop_makes_the_music_quiet() -> None:
    music = loop("mix", bpm=120, bars=4, rate_hz=RATE_HZ)
    made = _levelled(silence(RATE_HZ, 2), blocks_of(music, RATE_HZ * 2))
    assert integrated_lufs(made, RATE_HZ) == pytest.approx(QUIET_TARGET_LUFS, abs=0.5)


def test_another_loop_is_followed_in_a_glide() -> None:
    bar = loop("mix", bpm=120, bars=1, rate_hz=RATE_HZ)
    leveller = Leveller(bar, RATE_HZ, "lufs", 1.0)
    before = leveller.bar(bar)
    leveller.retarget(bar * np.float32(0.1))
    after = [leveller.bar(bar) for _ in range(12)]
    assert abs(float(_gains_db(after[0], bar)[0] - _gains_db(before, bar)[-1])) < 0.05
    assert float(_gains_db(after[-1], bar)[-1]) == pytest.approx(-20, abs=0.2)


def test_none_changes_only_what_is_too_loud() -> None:
    quiet = murmur(RATE_HZ, channels=2)
    np.testing.assert_array_equal(_levelled(_tone(-40, 1), [quiet], mode="none"), quiet)
    assert true_peak_db(_levelled(_tone(-40, 1), [quiet * 8], mode="none")) <= -1


def test_rms_ignores_how_the_ear_hears() -> None:
    deep = np.repeat(sine(40, 4 * RATE_HZ, RATE_HZ), 2, axis=1)
    assert rms_db(_levelled(_tone(-20, 1), [deep], mode="rms"), RATE_HZ) == pytest.approx(-20, abs=0.1)
    assert integrated_lufs(_levelled(_tone(-20, 1), [deep], mode="lufs"), RATE_HZ) == pytest.approx(-20, abs=0.1)
    assert rms_db(_levelled(_tone(-20, 1), [deep], mode="lufs"), RATE_HZ) == pytest.approx(-14, abs=2)
    assert rms_db(_levelled(_tone(-20, 0.3), [deep], mode="auto"), RATE_HZ) == pytest.approx(-20, abs=0.2)


@pytest.mark.parametrize("headroom_db", [0.0, 1.0, 9.0])
def test_the_true_peak_stays_under_the_headroom_over_every_bar_line(headroom_db: float) -> None:
    chance = np.random.default_rng(7)
    limiter = Limiter(RATE_HZ, -headroom_db)
    loud = soxr.resample(chance.standard_normal((4 * RATE_HZ, 2)).astype(np.float32), RATE_HZ / 2, RATE_HZ)
    loud *= chance.choice([0.1, 1, 8], size=(len(loud) // 1000 + 1, 1)).repeat(1000, axis=0)[: len(loud)]
    bars = cut(loud.astype(np.float32), chance.integers(1600, 5000, size=50).tolist())
    made = np.concatenate([limiter.push(bar) for bar in bars])
    assert len(made) == len(loud)
    assert true_peak_db(made) <= -headroom_db
    oversampled = np.abs(soxr.resample(made, RATE_HZ, 8 * RATE_HZ, quality="VHQ")).max()
    assert 20 * math.log10(oversampled) <= -headroom_db + 0.1


@pytest.mark.parametrize("seed", range(8))
def test_no_peak_arises_between_the_last_sample_of_a_bar_and_the_next(seed: int) -> None:
    """Squares of chance, the worst there is: full scale at every sample, and levels that jump at bar lines."""
    chance = np.random.default_rng(seed)
    bars = [np.sign(chance.standard_normal((2000, 2))) * level for level in chance.choice([0.1, 1, 4, 30], size=12)]
    limiter = Limiter(RATE_HZ, -1)
    made = np.concatenate([limiter.push(bar.astype(np.float32)) for bar in bars])
    assert true_peak_db(made) <= -0.8


@pytest.mark.parametrize("pitch_hz", [200, 997, 5003])
def test_what_is_held_down_at_the_end_of_a_bar_is_held_down_in_the_next(pitch_hz: float) -> None:
    loud = np.repeat(sine(pitch_hz, 8 * 6007, RATE_HZ), 2, axis=1) * np.float32(8)
    limiter = Limiter(RATE_HZ, -1)
    bars = blocks_of(loud, 6007)
    gains_db = [_gains_db(limiter.push(bar), bar) for bar in bars]
    for before, after in pairwise(gains_db):
        assert abs(float(after[0] - before[-1])) < 0.05
    quiet = silence(RATE_HZ // 4, 2) + np.float32(0.01)
    released = _gains_db(limiter.push(quiet), quiet)
    assert released[0] < -10
    assert released[-1] == pytest.approx(released[0] + 7.5, abs=0.1)


def test_an_attack_on_the_bar_line_is_caught_without_a_step() -> None:
    before = np.repeat(sine(200, RATE_HZ, RATE_HZ), 2, axis=1)
    swell = 1 + 5 * np.minimum(1, np.arange(RATE_HZ) / (0.003 * RATE_HZ))
    attack = before * swell.astype(np.float32)[:, None]
    limiter = Limiter(RATE_HZ, -1)
    first, second = limiter.push(before), limiter.push(attack)
    np.testing.assert_array_equal(first, before)
    gains_db = _gains_db(second, attack)
    assert abs(gains_db[0]) < 0.5
    assert gains_db.min() < -6
    assert true_peak_db(second) <= -1


def test_one_loud_moment_does_not_hold_down_what_follows() -> None:
    bars = [murmur(RATE_HZ, channels=2) for _ in range(3)]
    bars[0][RATE_HZ // 2] = 4
    limiter = Limiter(RATE_HZ, -1)
    made = [limiter.push(bar) for bar in bars]
    np.testing.assert_array_equal(made[2], bars[2])


def test_what_the_limiter_takes_is_given_back() -> None:
    peaky = loop("drums", bpm=120, bars=16, rate_hz=RATE_HZ)
    target_lufs = integrated_lufs(peaky, RATE_HZ)
    assert target_lufs is not None
    made = _levelled(peaky, blocks_of(peaky, RATE_HZ * 2), headroom_db=9.4)
    first = integrated_lufs(made[: 2 * RATE_HZ], RATE_HZ)
    assert first is not None
    assert first < target_lufs - 0.9
    assert integrated_lufs(made[-16 * RATE_HZ :], RATE_HZ) == pytest.approx(target_lufs, abs=0.7)
