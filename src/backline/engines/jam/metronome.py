"""The loop as it is, over and over, with a click at each beat. The same samples every time, however it is asked.

It needs nothing but NumPy and stands in for a musician wherever a test must know what it will hear.
"""

from __future__ import annotations

import numpy as np

from backline.engines.jam.base import Controls, JamCapabilities
from backline.media.audio import Samples
from backline.media.groove.bars import BarGrid

_CLICK_SECONDS = 0.03
_DECAY_SECONDS = 0.006
_AMPLITUDE = 0.25
_DOWNBEAT_HZ = 1760.0
_BEAT_HZ = 880.0

_CAPABILITIES = JamCapabilities(rate_hz=None, keeps_time=True, model_version="metronome-1")


class MetronomeEngine:
    """Takes no notice of styles, weights and chance."""

    def capabilities(self) -> JamCapabilities:
        return _CAPABILITIES

    def begin(self, loop: Samples, grid: BarGrid, seed: int) -> MetronomePlayer:
        return MetronomePlayer(loop, grid)

    def close(self) -> None:
        """Nothing is held."""


class MetronomePlayer:
    def __init__(self, loop: Samples, grid: BarGrid) -> None:
        self._loop = loop
        self._grid = grid
        self._loop_begin = 0
        """The frame of the session at which the loop began."""
        self._frame = 0
        self._clicks = [_click(_DOWNBEAT_HZ, grid.rate_hz), _click(_BEAT_HZ, grid.rate_hz)]

    def play(self, length_frames: int, controls: Controls) -> Samples:
        samples = self._heard(self._frame, length_frames)
        first = max(0, int((self._frame - len(self._clicks[0])) / self._grid.frames_per_beat))
        last = int((self._frame + length_frames) / self._grid.frames_per_beat) + 1
        for beat in range(first, last + 1):
            self._add_click(samples, beat)
        self._frame += length_frames
        return samples

    def reseed(self, loop: Samples) -> None:
        self._loop, self._loop_begin = loop, self._frame

    def splice(self, loop: Samples, anchor_bars: float) -> None:
        """The kept bars come after the new loop, and then both again."""
        anchor_frames = min(self._frame, round(self._grid.frames_per_bar * max(1.0, anchor_bars)))
        anchor = self._heard(self._frame - anchor_frames, anchor_frames)
        self._loop, self._loop_begin = np.concatenate([loop, anchor]), self._frame

    def _heard(self, begin: int, length_frames: int) -> Samples:
        places = (begin - self._loop_begin + np.arange(length_frames)) % len(self._loop)
        heard: Samples = self._loop[places]
        return heard

    def _add_click(self, samples: Samples, beat: int) -> None:
        click = self._clicks[beat % self._grid.beats_per_bar > 0]
        begin = round(self._grid.frames_per_beat * beat) - self._frame
        inside = slice(max(begin, 0), min(begin + len(click), len(samples)))
        if inside.start < inside.stop:
            samples[inside] += click[inside.start - begin : inside.stop - begin]


def _click(pitch_hz: float, rate_hz: int) -> Samples:
    """A sine that dies away; float32 [frames, 2]."""
    time = np.arange(round(_CLICK_SECONDS * rate_hz)) / rate_hz
    sound = _AMPLITUDE * np.sin(2 * np.pi * pitch_hz * time) * np.exp(-time / _DECAY_SECONDS)
    return np.repeat(sound.astype(np.float32)[:, None], 2, axis=1)
