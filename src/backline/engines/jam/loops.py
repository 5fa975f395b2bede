"""Loops as musicians have them: files of any common format, made stereo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backline.errors import Invalid, TooLarge
from backline.media.audio import Samples
from backline.media.decode import DecodedBlocks
from backline.media.resample import Resampler

MOST_LOOP_BYTES = 50_000_000
MOST_LOOP_SECONDS = 600
_MOST_FRAMES = MOST_LOOP_SECONDS * 48_000  # of faster rates less fits: 230 MB is the most that one loop may take
_RATES_HZ = (8000, 192_000)
_LOUDEST = 16.0  # 24 dB over full scale; float files may hold anything


@dataclass(frozen=True, slots=True)
class Loop:
    """samples: float32 [frames, 2], at least one frame."""

    samples: Samples
    rate_hz: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate_hz

    def at(self, rate_hz: int) -> Samples:
        """The same at another rate; never empty."""
        if rate_hz == self.rate_hz:
            return self.samples
        resampler = Resampler(self.rate_hz, rate_hz, 2)
        samples = np.concatenate([resampler.push(self.samples), resampler.finish()])
        return samples if len(samples) else self.samples[:1]


def read_loop(data: bytes) -> Loop:
    """Mono is doubled, more than two channels are mixed down.

    Raises Invalid `empty_file`, `undecodable_audio`, `loop_too_long`, and TooLarge `loop_too_large`.
    """
    if not data:
        raise _empty()
    if len(data) > MOST_LOOP_BYTES:
        most = MOST_LOOP_BYTES // 1_000_000
        raise TooLarge(f"A loop may have at most {most} MB; send a shorter one, or as FLAC.", code="loop_too_large")
    with DecodedBlocks(data, most_channels=2) as sound:
        blocks: list[Samples] = []
        room_frames = min(_MOST_FRAMES, MOST_LOOP_SECONDS * sound.rate_hz)
        for block in sound:
            room_frames -= len(block)
            if room_frames < 0:
                raise _too_long(sound.rate_hz)
            blocks.append(_stereo(block))
        if not any(len(block) for block in blocks):
            raise _empty()
        return _playable(Loop(np.concatenate(blocks), sound.rate_hz))


def _stereo(block: Samples) -> Samples:
    """Finite, and no louder than arithmetic bears."""
    clean = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0).clip(-_LOUDEST, _LOUDEST)
    return np.repeat(clean, 2, axis=1) if clean.shape[1] == 1 else clean


def _playable(loop: Loop) -> Loop:
    """At its own rate, unless no session can have that."""
    low, high = _RATES_HZ
    rate_hz = min(max(loop.rate_hz, low), high)
    return Loop(loop.at(rate_hz), rate_hz)


def _empty() -> Invalid:
    return Invalid("The loop is an empty file.", code="empty_file")


def _too_long(rate_hz: int) -> Invalid:
    seconds = min(MOST_LOOP_SECONDS, _MOST_FRAMES // rate_hz)
    return Invalid(f"The loop is longer than {seconds} s at {rate_hz} Hz; send a part of it.", code="loop_too_long")
