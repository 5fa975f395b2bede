from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backline.media.groove.balance import LEVEL, Balance
from backline.media.groove.heard import BANDS_HZ, Heard
from backline.media.groove.spectra import third_octaves
from backline.media.groove.stage import Bus
from tests.media.groove.bands import RATE_HZ, heard_loop, play

BANDS = np.array(BANDS_HZ)


def noise(seconds: float = 2.0, side: float = 0.3, seed: int = 1) -> Bus:
    bus = np.random.default_rng(seed).standard_normal((2, round(seconds * RATE_HZ))).astype(np.float32)
    return bus * np.array([[1.0], [side]], dtype=np.float32)


@pytest.fixture(scope="module")
def heard() -> Heard:
    return heard_loop("mix", bars=4)


def test_what_comes_is_heard_at_once(heard: Heard) -> None:
    bus = np.zeros((2, RATE_HZ), dtype=np.float32)
    bus[0, 1234] = 1.0
    played = Balance(RATE_HZ).bar(bus, heard, 0.5, 0.5)[:, 0]
    assert np.abs(played[:1234]).max() < 1e-4 * np.abs(played).max()
    assert 1234 <= np.abs(played).argmax() <= 1234 + RATE_HZ // 4000


def test_the_level_is_reached_in_the_first_bar_and_kept(heard: Heard) -> None:
    balance = Balance(RATE_HZ)
    levels = [np.sqrt(np.mean(balance.bar(loud * noise(seed=bar), heard, 0.5, 0.5) ** 2))
              for bar, loud in enumerate((0.01, 0.01, 3.0, 3.0, 3.0))]  # fmt: skip
    assert all(0.7 * LEVEL < levels[bar] < 1.5 * LEVEL for bar in (0, 1, 3, 4))
    assert levels[2] < 60 * LEVEL


def test_silence_stays_silence(heard: Heard) -> None:
    balance = Balance(RATE_HZ)
    nothing = np.zeros((2, RATE_HZ), dtype=np.float32)
    assert not balance.bar(nothing, heard, 0.5, 0.5).any()
    balance.bar(noise(), heard, 0.5, 0.5)
    assert balance.bar(nothing, heard, 0.5, 0.5)[:100].any()
    assert not balance.bar(nothing, heard, 0.5, 0.5).any()
    assert balance.silent


def test_the_lows_have_no_side(heard: Heard) -> None:
    left, right = Balance(RATE_HZ).bar(noise(), heard, 0.5, 0.5).T
    hz = np.fft.rfftfreq(len(left), 1 / RATE_HZ)
    side, middle = (np.abs(np.fft.rfft(part)) ** 2 for part in (left - right, left + right))
    assert side[hz < 80].sum() < 0.002 * middle[hz < 80].sum()
    assert side[hz > 400].sum() > 0.05 * middle[hz > 400].sum()


def test_bands_come_nearer_to_the_loop(heard: Heard) -> None:
    """Against the same band beside a silent loop, which asks for nothing."""
    free = replace(heard, lufs=None)
    meant = (BANDS >= 160) & (BANDS < RATE_HZ / 2.5)
    for words in ("house", "bossa nova", "rock"):
        distances = []
        for loop in (free, heard):
            bands = third_octaves(play(loop, [(words, 1.0)], 4), RATE_HZ)
            apart = 10 * np.log10(np.maximum(bands, 1e-5) / np.maximum(heard.spectrum, 1e-5))[meant]
            distances.append(float(np.abs(apart - apart.mean()).mean()))
        assert distances[1] < 0.75 * distances[0]


def test_brightness_tilts(heard: Heard) -> None:
    highs = [
        third_octaves(Balance(RATE_HZ).bar(noise(), heard, brightness, 0.5), RATE_HZ)[BANDS > 3000].sum()
        for brightness in (0.0, 0.5, 1.0)
    ]
    assert highs[0] < highs[1] < highs[2]


@pytest.mark.parametrize("rate_hz", [8000, 44100, 192000])
def test_any_rate_and_any_length(rate_hz: int, heard: Heard) -> None:
    balance = Balance(rate_hz)
    for frames in (1, 1000, 777, 50_000):
        bus = np.random.default_rng(1).standard_normal((2, frames)).astype(np.float32)
        played = balance.bar(bus, heard, 0.5, 0.5)
        assert played.shape == (frames, 2)
        assert np.isfinite(played).all()
