from __future__ import annotations

import numpy as np
import pytest

from backline.engines.jam.base import Controls, JamCapabilities, JamPlayer
from backline.engines.jam.loops import Loop
from backline.engines.jam.metronome import MetronomeEngine
from backline.engines.jam.source import BarSource
from backline.media.audio import Samples, silence
from backline.media.groove.bars import BarGrid
from tests.engines.jam.players import Watched

QUIET = Loop(silence(1000, 2), 44_100)


class Wrong(Watched):
    """Gives what it likes."""

    def __init__(self, sound: Samples) -> None:
        super().__init__()
        self._sound = sound

    def begin(self, loop: Samples, grid: BarGrid, seed: int) -> JamPlayer:
        return WrongPlayer(self._sound)


class WrongPlayer:
    def __init__(self, sound: Samples) -> None:
        self._sound = sound

    def play(self, length_frames: int, controls: Controls) -> Samples:
        return self._sound

    def reseed(self, loop: Samples) -> None: ...

    def splice(self, loop: Samples, anchor_bars: float) -> None: ...


class Late(MetronomeEngine):
    """A metronome that is two per cent too slow, and says so."""

    def capabilities(self) -> JamCapabilities:
        return JamCapabilities(48_000, keeps_time=False, model_version="late-1")

    def begin(self, loop: Samples, grid: BarGrid, seed: int) -> JamPlayer:  # type: ignore[override]
        slow = BarGrid(grid.beats_per_minute * 98 / 100, grid.beats_per_bar, grid.rate_hz)
        return MetronomeEngine().begin(loop, slow, seed)


def bars(source: BarSource, count: int) -> list[Samples]:
    return [source.bar(bar, Controls()) for bar in range(count)]


def onsets(sound: Samples, rate_hz: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Where it becomes loud after 0.2 s of quiet."""
    loud = np.flatnonzero(np.abs(sound[:, 0]) > 0.05)
    return loud[np.diff(loud, prepend=-rate_hz) > 0.2 * rate_hz]


@pytest.mark.parametrize("bpm", [93.7, 174.02])
@pytest.mark.parametrize("beats_per_bar", [3, 7])
@pytest.mark.parametrize(("own_hz", "rate_hz"), [(48_000, 44_100), (48_000, 8000), (32_000, 48_000), (None, 44_100)])
def test_bars_have_their_length_and_beats_their_place(
    bpm: float, beats_per_bar: int, own_hz: int | None, rate_hz: int
) -> None:
    grid = BarGrid.of(bpm, beats_per_bar, rate_hz)
    made = bars(BarSource(Watched(own_hz), QUIET, grid, 1), 12)
    assert [len(bar) for bar in made] == [grid.length(bar) for bar in range(12)]
    found = onsets(np.concatenate(made), rate_hz)
    beats = [grid.start(bar) + grid.place(bar, beat) for bar in range(12) for beat in range(beats_per_bar)]
    assert np.abs(found - beats).max() <= 0.0005 * rate_hz + 1


def test_what_does_not_keep_time_is_brought_to_the_grid() -> None:
    grid = BarGrid.of(120, 4, 44_100)
    sound = np.concatenate(bars(BarSource(Late(), QUIET, grid, 1), 16))
    assert len(sound) == grid.start(16)
    off = onsets(sound, grid.rate_hz) % float(grid.frames_per_beat) / grid.rate_hz
    off = np.minimum(off, 60 / 120 - off)
    assert np.median(off[4:]) < 0.005
    assert off[4:].max() < 0.02


@pytest.mark.parametrize(
    "sound", [silence(10, 2), silence(22_050 * 4, 1), np.full((22_050 * 4, 2), np.nan, np.float32)]
)
def test_what_is_no_bar_of_stereo_is_a_failure(sound: Samples) -> None:
    with pytest.raises(ValueError, match="stereo"):
        BarSource(Wrong(sound), QUIET, BarGrid.of(120, 4, 44_100), 1).bar(0, Controls())


def test_a_wrong_bar_would_be_a_right_one() -> None:
    """The test before this one measures the sound, not the test's engine."""
    right = silence(22_050 * 4, 2)
    assert BarSource(Wrong(right), QUIET, BarGrid.of(120, 4, 44_100), 1).bar(0, Controls()).shape == right.shape
