from __future__ import annotations

import numpy as np
import pytest

from backline.media.audio import Samples
from backline.media.tempo import Tempo
from tests.media.signals import blocks_of, murmur, sine

RATE_HZ = 22_050


def _changed(samples: Samples, factor: float, block_frames: int = 1323) -> Samples:
    tempo = Tempo(RATE_HZ, factor)
    made = [tempo.push(block) for block in blocks_of(samples, block_frames)]
    return np.concatenate([*made, tempo.finish()])


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.25, 1.6, 4.0])
def test_the_length_changes_and_the_pitch_stays(factor: float) -> None:
    sound = sine(220, 3 * RATE_HZ, RATE_HZ)
    made = _changed(sound, factor)
    assert len(made) == pytest.approx(len(sound) / factor, rel=0.03)
    spectrum = np.abs(np.fft.rfft(made[:, 0] * np.hanning(len(made))))
    assert spectrum.argmax() * RATE_HZ / len(made) == pytest.approx(220, abs=3)


def test_a_sound_shorter_than_the_filter_is_not_lost() -> None:
    assert len(_changed(murmur(800), 0.5)) >= 800


def test_blocks_of_another_length_give_the_same_sound() -> None:
    sound = murmur(RATE_HZ)
    np.testing.assert_allclose(_changed(sound, 0.7, 100), _changed(sound, 0.7, 5000), atol=1e-6)


def test_a_factor_of_one_passes_without_copying() -> None:
    sound = murmur(100)
    tempo = Tempo(RATE_HZ, 1)
    assert tempo.push(sound) is sound
    assert len(tempo.finish()) == 0
