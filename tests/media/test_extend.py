from __future__ import annotations

import numpy as np
import pytest

from backline.media.audio import silence
from backline.media.extend import extended


def test_a_tone_goes_on_as_the_tone() -> None:
    time = np.arange(6000) / 48_000
    tone = np.stack([np.sin(2 * np.pi * pitch * time) for pitch in (333.3, 1234.5)], axis=1).astype(np.float32)
    assert np.abs(extended(tone[:5000], 300) - tone[5000:5300]).max() < 0.2


def test_it_never_grows() -> None:
    noise = np.random.default_rng(1).standard_normal((5000, 2)).astype(np.float32)
    loud = noise * np.linspace(0, 1, 5000, dtype=np.float32)[:, None]
    assert np.abs(extended(loud, 5000)).max() < np.abs(loud).max()


@pytest.mark.parametrize("frames", [0, 1, 2, 33])
def test_of_hardly_anything_follows_something(frames: int) -> None:
    ones = np.ones((frames, 2), np.float32)
    assert extended(ones, 100).shape == (100, 2)
    assert np.isfinite(extended(ones, 100)).all()


def test_silence_goes_on() -> None:
    assert not extended(silence(5000, 2), 1000).any()
