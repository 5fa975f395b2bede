"""Peaks between the samples: what a converter or an encoder makes of them (ITU-R BS.1770-4, annex 2)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples

OVERSAMPLING = 4
REACH_FRAMES = 16
"""How many samples on each side have a say in what lies between two of them."""
_BLOCK_FRAMES = 32
_KAISER_BETA = 5.0


def _between() -> npt.NDArray[np.float32]:
    """[frames around a block, points between the samples of a block]: windowed-sinc weights, as one matrix product is
    many times faster than as many short convolutions."""
    distances = np.arange(2 * REACH_FRAMES)[:, None] - (REACH_FRAMES - 1)
    shifted = distances - np.arange(1, OVERSAMPLING) / OVERSAMPLING
    window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(0.0, 1 - (shifted / REACH_FRAMES) ** 2)))
    taps = np.sinc(shifted) * window
    taps /= taps.sum(axis=0)
    weights = np.zeros((_BLOCK_FRAMES + 2 * REACH_FRAMES - 1, OVERSAMPLING - 1, _BLOCK_FRAMES), dtype=np.float32)
    for frame in range(_BLOCK_FRAMES):
        weights[frame : frame + 2 * REACH_FRAMES, :, frame] = taps
    return weights.reshape(len(weights), -1)


_WEIGHTS = _between()


def peaks(samples: Samples, worth_looking: float = 0.0) -> npt.NDArray[np.float32]:
    """[frames]: the largest amplitude of any channel at each sample and up to the next one.

    Beyond both ends there is silence. worth_looking: far from samples as loud as that nothing is looked for.
    """
    length = len(samples)
    if not length:
        return np.zeros(0, dtype=np.float32)
    loudest = loudest_channel(samples)
    blocks = -(-length // _BLOCK_FRAMES)
    padded = np.zeros(blocks * _BLOCK_FRAMES, dtype=np.float32)
    padded[:length] = loudest
    loud = padded.reshape(blocks, _BLOCK_FRAMES).max(axis=1) >= worth_looking
    beside = loud.copy()  # what lies between a quiet block and a loud one counts too
    beside[1:] |= loud[:-1]
    beside[:-1] |= loud[1:]
    chosen = np.flatnonzero(beside)
    if len(chosen):
        within = _between_samples(samples, chosen, blocks)
        view = padded.reshape(blocks, _BLOCK_FRAMES)
        view[chosen] = np.maximum(view[chosen], within)
    return padded[:length]


def loudest_channel(samples: Samples) -> npt.NDArray[np.float32]:
    """[frames]: the largest amplitude of any channel; many times faster than a maximum over so short an axis."""
    loudest: npt.NDArray[np.float32] = np.maximum.reduce([np.abs(channel) for channel in samples.T])
    return loudest


def true_peak_db(samples: Samples) -> float:
    """The loudest point in dBTP, four times oversampled; -inf for silence."""
    loudest = float(peaks(samples).max(initial=0.0))
    return 20 * math.log10(loudest) if loudest > 0 else -math.inf


def _between_samples(samples: Samples, chosen: npt.NDArray[np.intp], blocks: int) -> npt.NDArray[np.float32]:
    """[chosen blocks, _BLOCK_FRAMES]: the largest of the points after each sample, over the channels."""
    padded = np.zeros((blocks * _BLOCK_FRAMES + 2 * REACH_FRAMES - 1, samples.shape[1]), dtype=np.float32)
    padded[REACH_FRAMES - 1 : REACH_FRAMES - 1 + len(samples)] = samples
    found = np.zeros((len(chosen), _BLOCK_FRAMES), dtype=np.float32)
    for channel in padded.T:
        spans = np.lib.stride_tricks.sliding_window_view(np.ascontiguousarray(channel), len(_WEIGHTS))[::_BLOCK_FRAMES]
        points = np.abs(spans[chosen] @ _WEIGHTS).reshape(len(chosen), OVERSAMPLING - 1, _BLOCK_FRAMES)
        np.maximum(found, points.max(axis=1), out=found)
    return found
