"""What a sound would go on as: for codecs, which hear an end as a click."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples

_ORDER = 32
_HEARD_FRAMES = 4096
_Values = npt.NDArray[np.float64]


def extended(samples: Samples, length_frames: int) -> Samples:
    """What follows the samples by linear prediction from their end: float32 [length_frames, channels].

    It dies away: the autocorrelation method gives a stable filter (Makhoul, "Linear prediction: a tutorial review",
    Proc. IEEE 63, 1975).
    """
    sides = [_continued(side.astype(np.float64), length_frames) for side in samples[-_HEARD_FRAMES:].T]
    return np.stack(sides, axis=1).astype(np.float32)


def _continued(heard: _Values, length_frames: int) -> _Values:
    order = min(_ORDER, len(heard) - 1)
    if order < 1 or not heard.any():
        return np.zeros(length_frames)
    powers = np.correlate(heard, heard, "full")[len(heard) - 1 : len(heard) + order]
    powers[0] *= 1 + 1e-9  # else a pure tone has no one answer
    places = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    weights = np.linalg.solve(powers[places], powers[1:])[::-1]
    known = np.concatenate([heard[-order:], np.zeros(length_frames)])
    for frame in range(length_frames):
        known[order + frame] = weights @ known[frame : frame + order]
    return known[order:]
