"""Where sounds are put together: each at its frame, at its loudness and place, ringing on over the bar line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from backline.media.groove.synthesis import Sound

Bus = npt.NDArray[np.float32]
"""float32 [2, frames]: middle and side. Left is their sum, right their difference."""


@dataclass(frozen=True, slots=True)
class Hit:
    """frame: from the start of the bar, may lie beyond its end. pan: -1 left to 1 right, at equal power."""

    frame: int
    sound: Sound
    gain: float
    pan: float = 0.0


class Stage:
    """One bus. What rings beyond the end of a bar is heard in the next."""

    def __init__(self) -> None:
        self._ringing: Bus = np.zeros((2, 0), dtype=np.float32)

    @property
    def silent(self) -> bool:
        return not self._ringing.size

    def play(self, hits: Sequence[Hit], length_frames: int) -> Bus:
        """float32 [2, length_frames]."""
        end = max([length_frames, self._ringing.shape[1], *(hit.frame + hit.sound.shape[1] for hit in hits)])
        bus: Bus = np.zeros((2, end), dtype=np.float32)
        bus[:, : self._ringing.shape[1]] = self._ringing
        for hit in hits:
            _add(bus, hit)
        self._ringing = bus[:, length_frames:].copy()
        return bus[:, :length_frames]


def _add(bus: Bus, hit: Hit) -> None:
    until = hit.frame + hit.sound.shape[1]
    angle = 0.25 * np.pi * hit.pan
    middle, side = np.float32(hit.gain * np.cos(angle)), np.float32(-hit.gain * np.sin(angle))
    bus[0, hit.frame : until] += middle * hit.sound[0]
    if side:
        bus[1, hit.frame : until] += side * hit.sound[0]
    if len(hit.sound) == 2:
        bus[1, hit.frame : until] += middle * hit.sound[1]
        if side:
            bus[0, hit.frame : until] += side * hit.sound[1]


class Ducking:
    """All else gives way to the kick, and comes back until the next."""

    _ATTACK_SECONDS = 0.004

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._since: int | None = None

    def gains(
        self, kicks: Sequence[int], depth: float, back_seconds: float, length_frames: int
    ) -> npt.NDArray[np.float32]:
        """float32 [length_frames], at most 1. kicks: frames of the bar. depth: 0 to 1. back_seconds: time constant."""
        gains = np.ones(length_frames, dtype=np.float32)
        starts = sorted({frame for frame in kicks if frame < length_frames})
        edges = [*([-self._since] if self._since is not None else []), *starts]
        for start, end in pairwise((*edges, length_frames)):
            seconds = np.arange(max(start, 0) - start, end - start, dtype=np.float32) / np.float32(self._rate_hz)
            dip = np.minimum(seconds / self._ATTACK_SECONDS, 1) * np.exp(-seconds / back_seconds)
            gains[max(start, 0) : end] = 1 - depth * dip
        if edges:
            self._since = length_frames - edges[-1]
        return gains
