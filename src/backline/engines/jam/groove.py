"""The embedded jam engine: no weights, no download, any rate. It plays on from the loop's own eighths, and a band plays
along in the styles that were asked for, in the loop's time and harmony."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

import numpy as np

from backline.engines.jam.base import Controls, JamCapabilities
from backline.media.audio import Samples, together
from backline.media.groove.accompany import Accompanist
from backline.media.groove.balance import LEVEL
from backline.media.groove.bars import BarGrid
from backline.media.groove.drums import KITS
from backline.media.groove.heard import Heard
from backline.media.groove.listen import listen
from backline.media.groove.resequence import Resequencer
from backline.media.groove.sounds import Sounds

MODEL_VERSION = "groove-1"

_USUAL_GUIDANCE = 1.1
_BAND_TO_LOOP = 0.5
"""Energy of the band against the loop's, where both have the same share and guidance is the usual one: 3 dB less."""
_SHARE_POWER = 0.7
"""How energy follows shares: a band of three styles is not three times a band."""
_LUFS_OF_FULL_SCALE = -0.691
"""Of a mean square of 1 in one channel (ITU-R BS.1770-4, formula 2)."""


_USUAL_HZ = 48_000
_MOST_RATES = 3
"""Whose sounds are kept for the next session; each may take 96 MiB."""


class GrooveEngine:
    """Sessions of one rate share the sounds of the band. Those of the drums at the usual rate are made at once, so that
    the first session need not wait for them."""

    def __init__(self) -> None:
        self._sounds: OrderedDict[int, Sounds] = OrderedDict()
        self._lock = Lock()
        usual = self._of(_USUAL_HZ)
        for name in {drum.sound for kit in KITS.values() for drum in kit.values()}:
            usual.drum(name)

    def capabilities(self) -> JamCapabilities:
        return JamCapabilities(rate_hz=None, keeps_time=True, model_version=MODEL_VERSION)

    def begin(self, loop: Samples, grid: BarGrid, seed: int) -> GroovePlayer:
        return GroovePlayer(loop, grid, seed, self._of(grid.rate_hz))

    def close(self) -> None:
        self._sounds.clear()

    def _of(self, rate_hz: int) -> Sounds:
        """Rates that nobody has asked for since are forgotten; who plays at one keeps it."""
        with self._lock:
            sounds = self._sounds.setdefault(rate_hz, Sounds(rate_hz))
            self._sounds.move_to_end(rate_hz)
            if len(self._sounds) > _MOST_RATES:
                self._sounds.popitem(last=False)
            return sounds


class GroovePlayer:
    """One session. Everything is made a bar at a time, whatever is asked for; controls count for the bars that are made
    while they are given."""

    def __init__(self, loop: Samples, grid: BarGrid, seed: int, sounds: Sounds) -> None:
        self._grid = grid
        self._resequencer = Resequencer(listen(loop, grid), seed)
        self._accompanist = Accompanist(grid, seed, sounds)
        self._gains: tuple[float, float] | None = None
        self._bar = 0
        self._left = np.zeros((0, 2), dtype=np.float32)

    def play(self, length_frames: int, controls: Controls) -> Samples:
        parts = [self._left]
        missing = length_frames - len(self._left)
        while missing > 0:
            parts.append(self._next_bar(controls))
            missing -= len(parts[-1])
        sound = together([part for part in parts if len(part)] or parts)
        self._left = sound[length_frames:]
        return sound[:length_frames]

    def reseed(self, loop: Samples) -> None:
        self._resequencer.reseed(listen(loop, self._grid))

    def splice(self, loop: Samples, anchor_bars: float) -> None:
        self._resequencer.splice(listen(loop, self._grid), anchor_bars)

    def _next_bar(self, controls: Controls) -> Samples:
        played = self._resequencer.bar(
            self._bar, temperature=controls.temperature, topk=controls.topk, loop_weight=controls.loop_weight
        )
        heard = self._resequencer.heard
        styles = tuple((style.words, style.share) for style in controls.styles)
        band = self._accompanist.bar(self._bar, heard, played.chords, styles)
        self._bar += 1
        gains = _gains(heard, controls)
        before, self._gains = self._gains or gains, gains
        return _faded(played.samples, before[0], gains[0]) + _faded(band, before[1], gains[1])


def band_share(controls: Controls) -> float:
    """How much of the energy is the band's: 0 without styles or guidance, 1 without the loop; it rises with the share
    of the styles and with guidance."""
    styles = sum(style.share for style in controls.styles)
    if styles <= 0 or controls.guidance_weight <= 0:
        return 0.0
    if controls.loop_share <= 0:
        return 1.0
    odds = _BAND_TO_LOOP * controls.guidance_weight / _USUAL_GUIDANCE
    odds *= float((styles / controls.loop_share) ** _SHARE_POWER)
    return odds / (1 + odds)


def _gains(heard: Heard, controls: Controls) -> tuple[float, float]:
    """Of the loop and of the band: together they are as loud as the loop was."""
    if heard.lufs is None:
        return 0.0, 1.0
    share = band_share(controls)
    level = np.sqrt(10 ** ((heard.lufs - _LUFS_OF_FULL_SCALE) / 10) / 2)
    return float(np.sqrt(1 - share)), float(np.sqrt(share) * level / LEVEL)


def _faded(sound: Samples, before: float, after: float) -> Samples:
    if before == after:
        return sound * np.float32(after)
    return sound * np.linspace(before, after, len(sound), endpoint=False, dtype=np.float32)[:, None]
