from __future__ import annotations

from threading import Thread

import numpy as np
import pytest

from backline.media.groove.drums import SOUNDS, drum
from backline.media.groove.sounds import Sounds
from backline.media.groove.stage import Ducking, Hit, Stage
from backline.media.groove.tones import BASSES, CHORDS, tone


@pytest.mark.parametrize("rate_hz", [8000, 48000])
@pytest.mark.parametrize("name", SOUNDS)
def test_drums_begin_at_once_and_end_in_silence(name: str, rate_hz: int) -> None:
    sound = drum(name, rate_hz)
    assert sound.dtype == np.float32
    assert len(sound) in (1, 2)
    assert np.isfinite(sound).all()
    assert 0.1 < np.abs(sound).max() < 0.6
    assert np.abs(sound[:, -1]).max() < 0.005
    assert np.argmax(np.abs(sound[0]) > 0.05) < 0.02 * rate_hz


@pytest.mark.parametrize("rate_hz", [8000, 48000])
@pytest.mark.parametrize("name", [*BASSES, *CHORDS])
def test_notes_are_in_tune_and_do_not_click(name: str, rate_hz: int) -> None:
    midi = 40 if name in BASSES else 64
    sound = tone(name, midi, 0.6, 0.5, 0.0, rate_hz)
    hz = 440 * 2 ** ((midi - 69) / 12)
    magnitude = np.abs(np.fft.rfft(sound[0] * np.hanning(sound.shape[1]), 8 * sound.shape[1]))
    found = np.arange(len(magnitude)) * rate_hz / (8 * sound.shape[1])
    near = (found > hz * 0.75) & (found < hz * 1.35)
    cents = 1200 * np.log2(found[near][magnitude[near].argmax()] / hz)
    assert abs(cents) < 20
    for space in (0.0, 0.4, 1.0):
        sound = tone(name, midi, 0.6, 0.5, space, rate_hz)
        assert np.isfinite(sound).all()
        assert np.abs(sound[:, 0]).max() < 0.02
        assert np.abs(sound[:, -1]).max() < 0.005


@pytest.mark.parametrize("name", ["saw_bass", "acid", "rhodes", "pad", "piano", "stab", "driven"])
def test_brighter_notes_have_more_highs(name: str) -> None:
    shares = []
    for brightness in (0.0, 0.5, 1.0):
        flat = tone(name, 48, 0.5, brightness, 0.0, 24000)[0]
        power = np.abs(np.fft.rfft(flat)) ** 2
        shares.append(power[np.fft.rfftfreq(len(flat), 1 / 24000) > 600].sum() / power.sum())
    assert shares[0] < shares[1] < shares[2]


def test_sounds_are_made_once_and_forgotten_when_there_are_too_many() -> None:
    sounds = Sounds(24000, most_bytes=400_000)
    assert sounds.tone("sub", 36, 0.50, 0.5, 0.0) is sounds.tone("sub", 36, 0.505, 0.52, 0.0)
    kick = sounds.drum("kick_909")
    for midi in range(40, 70):
        sounds.tone("piano", midi, 1.0, 0.5, 0.5)
    assert sounds.drum("kick_909") is not kick
    assert np.array_equal(sounds.drum("kick_909"), kick)
    assert not kick.flags.writeable


def test_many_threads_get_the_same() -> None:
    sounds = Sounds(24000)
    got: list[float] = []
    threads = [Thread(target=lambda: got.append(float(sounds.drum("ride").sum()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(got)) == 1


def test_what_rings_is_heard_in_the_next_bar() -> None:
    stage = Stage()
    sound = np.arange(1, 7, dtype=np.float32)[None, :]
    assert stage.play([Hit(2, sound, 1.0)], 4)[0].tolist() == [0, 0, 1, 2]
    assert stage.play([Hit(6, sound, 2.0)], 3)[0].tolist() == [3, 4, 5]
    assert stage.play([], 4)[0].tolist() == [6, 0, 0, 2]
    assert not stage.silent


def test_panned_sounds_keep_their_power() -> None:
    for pan in (-1.0, -0.3, 0.0, 0.6, 1.0):
        middle, side = Stage().play([Hit(0, np.ones((1, 1), dtype=np.float32), 1.0, pan)], 1)[:, 0]
        left, right = middle + side, middle - side
        assert left**2 + right**2 == pytest.approx(2.0, rel=1e-5)
        assert (left > right) == (pan < 0)


def test_the_kick_makes_room_and_gives_it_back() -> None:
    ducking = Ducking(1000)
    first = ducking.gains([0, 500], 0.5, 0.1, 1000)
    assert first[0] == pytest.approx(1)
    assert first[10] < 0.6
    assert first[450] > 0.97
    assert first[510] < 0.6
    whole = Ducking(1000).gains([0, 500, 990], 0.5, 0.1, 1500)
    cut = Ducking(1000)
    parts = np.concatenate((cut.gains([0, 500, 990], 0.5, 0.1, 1000), cut.gains([], 0.5, 0.1, 500)))
    assert np.allclose(whole, parts, atol=1e-6)
    assert np.all(Ducking(1000).gains([], 0.5, 0.1, 10) == 1)
