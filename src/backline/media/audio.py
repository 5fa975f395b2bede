"""Sound as plain data: what a block of samples is, and the two ways in and out of 16-bit PCM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Samples: TypeAlias = npt.NDArray[np.float32]
"""float32 [frames, channels], nominally in [-1, 1]; the rate travels beside it in Hz."""

_PCM16_SCALE = 32768.0


def mono(values: npt.ArrayLike) -> Samples:
    """Samples [frames, 1] from a flat sequence of amplitudes in [-1, 1]."""
    return np.asarray(values, dtype=np.float32).reshape(-1, 1)


def silence(length_frames: int, channels: int = 1) -> Samples:
    """Samples [length_frames, channels] of nothing."""
    return np.zeros((length_frames, channels), dtype=np.float32)


def together(parts: Sequence[Samples]) -> Samples:
    """One after the other; a single one is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def to_pcm16(samples: Samples) -> npt.NDArray[np.int16]:
    """int16 [frames, channels], rounded to nearest; what lies outside [-1, 1) is clipped, never wrapped."""
    scaled = np.multiply(samples, _PCM16_SCALE, dtype=np.float32)
    scaled.clip(-32768, 32767, out=scaled)  # minimum and maximum take ten times as long
    np.rint(scaled, out=scaled)
    pcm: npt.NDArray[np.int16] = scaled.astype("<i2")
    return pcm


def from_pcm16(pcm: bytes | bytearray | memoryview, channels: int = 1) -> Samples:
    """Samples from interleaved little-endian 16-bit PCM; raises ValueError on half a frame."""
    values = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    values *= 1.0 / _PCM16_SCALE
    return values.reshape(-1, channels)
