from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backline.media.audio import Samples
from backline.media.resample import Resampler
from tests.media.signals import blocks_of, cut, murmur, sine

PAIRS = [(22050, 24000), (22050, 48000), (24000, 8000), (16000, 48000), (48000, 22050), (44056, 48000)]


def _resampled(samples: Samples, source_hz: int, target_hz: int, block_frames: int = 441) -> Samples:
    resampler = Resampler(source_hz, target_hz, samples.shape[1])
    made = [resampler.push(block) for block in blocks_of(samples, block_frames)]
    return np.concatenate([*made, resampler.finish()])


@pytest.mark.parametrize(("source_hz", "target_hz"), PAIRS)
@given(length_frames=st.integers(0, 3000))
@settings(max_examples=30, deadline=None)
def test_the_length_is_exact(source_hz: int, target_hz: int, length_frames: int) -> None:
    made = _resampled(murmur(length_frames), source_hz, target_hz)
    assert len(made) == round(length_frames * target_hz / source_hz)


@pytest.mark.parametrize(("source_hz", "target_hz"), PAIRS)
@pytest.mark.parametrize("frequency_hz", [440, 3200])
def test_a_sine_stays_pure_and_in_its_place(source_hz: int, target_hz: int, frequency_hz: int) -> None:
    made = _resampled(sine(frequency_hz, source_hz, source_hz), source_hz, target_hz)
    expected = sine(frequency_hz, len(made), target_hz)
    middle = slice(len(made) // 8, -len(made) // 8)
    error = made[middle] - expected[middle]
    assert 10 * np.log10((expected[middle] ** 2).mean() / (error**2).mean()) > 90


@pytest.mark.parametrize("frequency_hz", [4100, 5000, 11000])
def test_what_the_lower_rate_cannot_hold_is_removed_and_not_folded_back(frequency_hz: int) -> None:
    made = _resampled(sine(frequency_hz, 24000, 24000), 24000, 8000)[1000:-1000]
    assert 20 * np.log10(np.abs(made).max() / 0.5) < -90


@pytest.mark.parametrize(("source_hz", "target_hz"), PAIRS)
def test_a_click_at_the_very_end_is_kept(source_hz: int, target_hz: int) -> None:
    sound = np.zeros((source_hz // 10, 1), dtype=np.float32)
    sound[-1 - source_hz // 1000] = 1.0
    made = _resampled(sound, source_hz, target_hz)
    assert (
        abs(np.abs(made[:, 0]).argmax() / target_hz - (len(sound) - 1 - source_hz // 1000) / source_hz) < 2 / target_hz
    )


@given(lengths=st.lists(st.integers(0, 700), max_size=12))
@settings(max_examples=30, deadline=None)
def test_blocks_of_any_length_give_the_same_sound(lengths: list[int]) -> None:
    sound = murmur(4000, 2)
    resampler = Resampler(22050, 48000, 2)
    made = np.concatenate([*map(resampler.push, cut(sound, lengths)), resampler.finish()])
    assert np.allclose(made, _resampled(sound, 22050, 48000, 4000), atol=1e-6)


@pytest.mark.parametrize(("source_hz", "target_hz"), [(22050, 24000), (22050, 48000), (24000, 8000)])
def test_little_is_held(source_hz: int, target_hz: int) -> None:
    resampler = Resampler(source_hz, target_hz)
    held_s = 0.0
    for block in blocks_of(murmur(source_hz // 2), source_hz // 50):
        held_s += len(block) / source_hz - len(resampler.push(block)) / target_hz
        assert held_s <= 0.1


def test_equal_rates_pass_without_copying() -> None:
    resampler = Resampler(24000, 24000)
    sound = murmur(100)
    assert resampler.push(sound) is sound
    assert resampler.finish().shape == (0, 1)
